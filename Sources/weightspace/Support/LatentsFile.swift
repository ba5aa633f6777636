import Foundation
import ModelStore
import Models
import Tensors
import WeightFormats

/// The latent arrays of many networks, collected for one file.
struct LatentsFile {
    /// The shape of one network's latents.
    let shape: [Int]
    /// (networks, shape), row-major.
    private(set) var values: [Float] = []
    /// The file of each network; from a file's second network on with the number within the file, as in `a.npy[1]`.
    private(set) var names: [String] = []
    /// The number of networks that could not be encoded; their rows are NaN.
    private(set) var failures = 0

    init(shape: [Int]) { self.shape = shape }

    mutating func append(_ answer: FileAnswer) {
        switch answer.outcome {
        case .success(let own): values += own.values
        case .failure:
            values += [Float](repeating: .nan, count: shape.reduce(1, *))
            failures += 1
        }
        names.append(answer.name)
    }

    /// The shape (networks, latents, width).
    var tensor: Tensor { Tensor(shape: [names.count] + shape, values: values) }

    /// A safetensors file: the tensor `latents` of shape (networks, latents, width), and as metadata the files' names
    /// and the model.
    func safetensors(_ model: ServedModel, _ metadata: [String: String] = [:]) -> [UInt8] {
        var state = StateDict([NamedTensor(name: "latents", tensor: tensor)])
        var list = JSONWriter()
        list.array(names) { writer, name in writer.value(name) }
        state.metadata = metadata.merging([
            "files": String(decoding: list.bytes, as: UTF8.self), "model": model.name, "version": model.version,
            "sha256": model.sha256, "failures": String(failures),
        ]) { own, _ in own }
        return SafetensorsWriter.write(state)
    }

    /// Reads such a file; nil if its latents have another shape.
    init?(_ state: StateDict, shape: [Int]) throws {
        guard let tensor = state["latents"], tensor.shape.count == shape.count + 1,
            Array(tensor.shape.dropFirst()) == shape,
            let names = try JSONValue.parse(Array((state.metadata["files"] ?? "").utf8), limits: .checkpoint).strings,
            names.count == tensor.shape[0]
        else { return nil }
        self.init(shape: shape)
        values = tensor.values
        self.names = names
        failures = state.metadata["failures"].flatMap { Int($0) } ?? 0
    }
}
