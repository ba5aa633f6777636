import Foundation
import ModelStore
import NetworkReading
import Networks
import Tensors
import WeightFormats

/// Files that PyTorch, safetensors and NumPy wrote: four networks fitted to pictures.
enum Samples {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    /// Files of the first network with exactly its float32 values.
    static let exact = [
        "net0.pth", "net0.npz", "net0.json", "net0.float64.pth", "net0.flat_views.pth", "net0.nested.pth",
        "net0.parameter.pth", "net0.strided.pth",
    ]
    /// Files of the first network, rounded.
    static let rounded = ["net0.bfloat16.pth", "net0.bfloat16.safetensors", "net0.float16.pth"]

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: name)))
    }

    static func tensors(_ index: Int) throws -> StateDict {
        try WeightFile.read(try bytes("net\(index).safetensors")).stateDict()
    }

    static func network(_ index: Int = 0) throws -> NetworkWeights { try NetworkWeights(try tensors(index)) }

    static func safetensors(_ network: NetworkWeights) -> [UInt8] { SafetensorsWriter.write(network.stateDict) }

    /// The four networks in one file, each tensor with a leading axis of four.
    static func stack(_ change: (inout [StateDict]) -> Void = { _ in }) throws -> StateDict {
        var networks = try (0..<4).map { try tensors($0) }
        change(&networks)
        return StateDict(
            networks[0].names.map { name in
                let parts = networks.compactMap { $0[name] }
                return NamedTensor(
                    name: name,
                    tensor: Tensor(shape: [parts.count] + parts[0].shape, values: parts.flatMap(\.values)))
            })
    }

    /// The network as a JSON object of named arrays.
    static func json(_ state: StateDict) -> String {
        var writer = JSONWriter()
        writer.value(state)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension StateDict {
    /// The same with one tensor changed.
    func changing(_ name: String, _ change: (Tensor) -> Tensor) -> StateDict {
        var result = self
        if let tensor = self[name] { result.set(NamedTensor(name: name, tensor: change(tensor))) }
        return result
    }

    /// The name of the second layer's weight.
    var secondWeight: String { names.filter { $0.hasSuffix("weight") }[1] }
}

/// A multipart form as curl writes it.
struct Form {
    static let boundary = "------------------------d74496d66958873e"
    static let fields = ["Content-Type": "multipart/form-data; boundary=\(boundary)"]

    private(set) var body: [UInt8] = []

    mutating func add(_ name: String, file: String, _ bytes: [UInt8]) {
        append("name=\"\(name)\"; filename=\"\(file)\"\r\nContent-Type: application/octet-stream", bytes)
    }

    mutating func add(_ name: String, _ value: String) { add(name, Array(value.utf8)) }

    mutating func add(_ name: String, _ value: [UInt8]) { append("name=\"\(name)\"", value) }

    private mutating func append(_ disposition: String, _ bytes: [UInt8]) {
        body += Array("--\(Self.boundary)\r\nContent-Disposition: form-data; \(disposition)\r\n\r\n".utf8)
        body += bytes + [13, 10]
    }

    var closed: [UInt8] { body + Array("--\(Self.boundary)--\r\n".utf8) }
}

extension StateDict {
    /// The same names with other tensors.
    func mapping(_ change: (Tensor) -> Tensor) -> StateDict {
        StateDict(entries.map { NamedTensor(name: $0.name, tensor: change($0.tensor)) })
    }
}
