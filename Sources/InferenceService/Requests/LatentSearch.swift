import Foundation
import HTTPTypes
import Models
import Tensors
import Uploads
import WeightFormats

/// Finds the latent arrays of an upload: in an array alone (`.npy`), in the member `latents` or `inputs`, in the only array
/// of a file, and in an answer of `/v1/encode` as it is.
package struct LatentSearch: Sendable {
    /// One or several latent arrays that lie together, or why there are none.
    package struct Entry: Sendable {
        /// Of the network, where the answer of `/v1/encode` names it.
        let name: String?
        let tensor: Result<Tensor, ServiceFault>
    }

    /// In the order of the upload.
    package private(set) var entries: [Entry] = []
    /// The model that made the latents, where a file says it.
    private var model: String?

    package init(_ upload: Upload) {
        for file in upload.files {
            switch file {
            case .failure(let fault): append(.failure(ServiceFault(fault)))
            case .success(let file): search(file.tree)
            }
        }
    }

    /// The options of a document, where `model` may be as an answer has it: an object with a name.
    func options(_ members: [String: JSONValue]) -> [String: JSONValue] {
        var members = members
        if let name = members["model"]?["name"] { members["model"] = name }
        if members["model"] == nil, let model { members["model"] = .string(model) }
        return members
    }

    /// All latent arrays.
    /// - Parameter shape: of one, [latents, width].
    /// - Throws: why the first that cannot be read is none.
    package func latents(_ shape: [Int]) throws(ServiceFault) -> [Latents] {
        let found = entries.flatMap { $0.latents(shape) }
        try ServiceFault.throwFirst(of: found, noun: "latent array")
        return found.compactMap { try? $0.get() }
    }

    private mutating func append(_ tensor: Result<Tensor, ServiceFault>, name: String? = nil) {
        entries.append(Entry(name: name, tensor: tensor))
    }

    private mutating func search(_ tree: FileTree) {
        guard case .dict(let members) = tree else { return read(tree, "the file") }
        func member(_ key: String) -> FileTree? { members.first { $0.key == key }?.value }
        if case .dict(let metadata)? = member("__metadata__"),
            case .text(let text)? = metadata.first(where: { $0.key == "model" })?.value
        {
            model = text
        }
        for name in ["latents", "inputs"] {
            if let value = member(name) { return read(value, "'\(name)'") }
        }
        let arrays = members.filter { if case .array = $0.value { true } else { false } }
        guard arrays.count == 1 else {
            let found = members.prefix(8).map { "'\(printable($0.key))'" }.joined(separator: ", ")
            return append(
                .failure(
                    ServiceFault(
                        .unprocessableContent, "missing_tensor", "Tensor is missing",
                        "expected the member 'latents', as /v1/encode gives it, or one array; the file has \(members.isEmpty ? "no members" : found)"
                    )))
        }
        read(arrays[0].value, "'\(printable(arrays[0].key))'")
    }

    private mutating func read(_ tree: FileTree, _ place: String) {
        switch tree {
        case .array(let tensor, _): append(.success(tensor))
        case .unreadable(let error):
            var fault = ServiceFault(error)
            fault.detail = "\(place): \(fault.detail)"
            append(.failure(fault))
        case .list(let elements) where !elements.isEmpty:
            for (index, element) in elements.enumerated() { read(element, "\(place), element \(index)") }
        case .dict(let members): readItem(members, place)
        default:
            append(
                .failure(
                    .badRequest(
                        "\(place): expected an array of numbers, or items of an answer of /v1/encode; received \(Self.kind(tree))"
                    )))
        }
    }

    /// An item of an answer of `/v1/encode`: its `data` are nested numbers, or base64 of little-endian float32 beside `shape`.
    private mutating func readItem(_ members: [FileTree.Member], _ place: String) {
        func member(_ key: String) -> FileTree? { members.first { $0.key == key }?.value }
        var name: String?
        if case .text(let text)? = member("name") { name = text }
        switch member("data") {
        case .array(let tensor, _)?: append(.success(tensor), name: name)
        case .text(let text)?:
            guard case .array(let shape, _)? = member("shape"), let data = Data(base64Encoded: text),
                let tensor = Self.tensor(data, shape.values)
            else {
                return append(
                    .failure(.badRequest("\(place): expected base64 of as many float32 values as 'shape' says")),
                    name: name)
            }
            append(.success(tensor), name: name)
        default:
            var reason = "it has no 'data'"
            if case .dict(let error)? = member("error"),
                case .text(let text)? = error.first(where: { $0.key == "detail" })?.value
            {
                reason = "it was not encoded: \(printable(text))"
            }
            append(
                .failure(
                    ServiceFault(
                        .unprocessableContent, "missing_tensor", "Tensor is missing",
                        "\(place): expected an item of an answer of /v1/encode with 'data'; \(reason)")),
                name: name)
        }
    }

    private static func tensor(_ data: Data, _ extents: [Float]) -> Tensor? {
        let shape = extents.compactMap { Int(exactly: $0) }
        guard shape.count == extents.count, shape.allSatisfy({ $0 > 0 && $0 <= data.count }) else { return nil }
        let sizes = shape.reduce((count: 1, overflow: false)) { product, extent in
            let (count, overflow) = product.count.multipliedReportingOverflow(by: extent)
            return (count, product.overflow || overflow)
        }
        guard !sizes.overflow, let values = try? ElementDecoder.decode([UInt8](data)[...], as: .float32),
            values.count == sizes.count
        else { return nil }
        return Tensor(shape: shape, values: values)
    }

    private static func kind(_ tree: FileTree) -> String {
        switch tree {
        case .number: "a number"
        case .text: "text"
        case .list: "an empty list"
        case .inert(let kind): kind
        case .array, .dict, .unreadable: "something else"
        }
    }
}

extension LatentSearch.Entry {
    /// How many latent arrays the entry counts as, also where they cannot be read.
    /// - Parameter shape: of one, [latents, width].
    func count(_ shape: [Int]) -> Int { latents(shape).count }

    /// The arrays of `shape`, one or along the first axis of the entry; of one or several axes: also with the latents of
    /// each array one after another.
    func latents(_ shape: [Int]) -> [Result<Latents, ServiceFault>] {
        let tensor: Tensor
        switch self.tensor {
        case .failure(let fault): return [.failure(fault)]
        case .success(let own): tensor = own
        }
        let size = shape.reduce(1, *)
        let isOne = tensor.shape == shape || tensor.shape == [size]
        let isSeveral = tensor.rank > 1 && [shape, [size]].contains(Array(tensor.shape.dropFirst()))
        guard isOne || isSeveral, tensor.count > 0 else {
            return [
                .failure(
                    ServiceFault(
                        .unprocessableContent, "shape_mismatch", "Shapes do not fit",
                        "latents: expected the shape \(shape), or \(["n"] + shape.map(String.init)) for several, received \(tensor.shape)"
                            .replacing("\"", with: "")))
            ]
        }
        return (0..<tensor.count / size).map { index in
            let values = Array(tensor.values[index * size..<(index + 1) * size])
            guard let bad = values.firstIndex(where: { !$0.isFinite }) else {
                return .success(Latents(shape: shape, values: values))
            }
            return .failure(
                ServiceFault(
                    .unprocessableContent, "non_finite", "Latents are not finite",
                    "latents: expected finite numbers, received \(values[bad]) at \([bad / shape[1], bad % shape[1]])"))
        }
    }
}

extension Latents {
    /// (1 − share) · self + share · other, for latents of the same shape.
    package func blended(with other: Latents, share: Double) -> Latents {
        Latents(
            shape: shape,
            values: zip(values, other.values).map { Float((1 - share) * Double($0) + share * Double($1)) })
    }
}
