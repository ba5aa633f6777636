import Foundation
import Tensors
import Testing
import WeightFormats

@Suite("Program: check of a model against numbers")
struct CheckCommandTests {
    /// A file of the network `net0` and its latents, changed by `change`.
    private func reference(_ scratch: Scratch, _ change: (inout [Float]) -> Void = { _ in }) throws -> String {
        let latents = scratch.path("latents.safetensors")
        let encode = try Program.run([
            "encode", Sample.path("net0.safetensors"), "--convention", "nfn", "--output", latents,
        ])
        #expect(encode.status == 0, "\(encode.errors)")
        let encoded = try WeightFile.read(try scratch.read("latents.safetensors")).stateDict()
        var tensor = try #require(encoded.entries.first { $0.tensor.rank == 3 }).tensor
        change(&tensor.values)
        let network = try WeightFile.read(try Sample.bytes("net0.safetensors")).stateDict()
        let file = StateDict(
            network.entries.map { NamedTensor(name: "input." + $0.name, tensor: $0.tensor) }
                + [NamedTensor(name: "latents", tensor: tensor)])
        return try scratch.write("outputs.safetensors", SafetensorsWriter.write(file)).path
    }

    @Test("numbers that agree end with 0, others with 1 and the difference")
    func verdicts() throws {
        let scratch = try Scratch()
        let same = try Program.run(["check", "fashion-mnist", "--against", try reference(scratch)])
        #expect(same.status == 0 && same.lines.last == "the model agrees", "\(same.lines) \(same.errors)")
        let path = try reference(scratch) { $0[3] += 0.5 }
        let other = try Program.run(["check", "fashion-mnist", "--against", path, "--json"])
        let item = try JSONValue.parse(Array(try #require(other.lines.first).utf8))
        #expect(other.status == 1 && item["agrees"]?.bool == false && item["output"]?.string == "latents")
        #expect(try #require(item["largest_error"]?.double) > 0.2)
        let tolerant = try Program.run(["check", "fashion-mnist", "--against", path, "--tolerance", "1"])
        #expect(tolerant.status == 0)
    }

    @Test("a CNN is compared with the model's activation, whatever a prediction would find by trying")
    func activations() throws {
        let scratch = try Scratch()
        var random = RandomSource(seed: 1)
        let shapes = [[16, 1, 3, 3], [16, 16, 3, 3], [16, 16, 3, 3], [10, 16]]
        let arrays = shapes.enumerated().flatMap { layer, shape in
            [("weight", [3] + shape), ("bias", [3, shape[0]])].map { name, shape in
                let values = (0..<shape.reduce(1, *)).map { _ in 0.3 * random.normal() }
                return NamedTensor(name: "\(layer).\(name)", tensor: Tensor(shape: shape, values: values))
            }
        }
        let upload = try scratch.write("cnns.safetensors", SafetensorsWriter.write(StateDict(arrays))).path
        let tried = try Program.run(["predict", upload, "--model", "cnn-accuracy", "--json"])
        #expect(tried.output.contains(#""activation":"tanh""#), "\(tried.output) \(tried.errors)")
        let relu = try Program.run([
            "predict", upload, "--model", "cnn-accuracy", "--activation", "relu", "--json",
        ])
        let accuracies = try relu.lines.map { line in
            Float(try #require(JSONValue.parse(Array(line.utf8))["accuracy"]?.double))
        }
        let file = StateDict(
            arrays.map { NamedTensor(name: "input." + $0.name, tensor: $0.tensor) }
                + [NamedTensor(name: "output", tensor: Tensor(shape: [3, 1], values: accuracies))])
        let path = try scratch.write("outputs.safetensors", SafetensorsWriter.write(file)).path
        let same = try Program.run(["check", "cnn-accuracy", "--against", path])
        #expect(same.status == 0, "\(same.lines) \(same.errors)")
    }

    @Test("a file without inputs or outputs is refused with what it lacks")
    func lacking() throws {
        let scratch = try Scratch()
        let empty = try scratch.write(
            "a.safetensors",
            SafetensorsWriter.write(StateDict([NamedTensor(name: "latents", tensor: Tensor(zeros: [1, 16, 128]))])))
        let outcome = try Program.run(["check", "fashion-mnist", "--against", empty.path])
        #expect(outcome.status == 1 && outcome.errors.contains("has no tensors 'input.…'"), "\(outcome.errors)")
        let given = try Program.run([
            "check", "fashion-mnist", "--against", empty.path, "--inputs", Sample.path("net0.pth"),
        ])
        #expect(given.status == 1 && given.lines.first?.contains("OUT OF TOLERANCE") == true, "\(given.errors)")
    }
}
