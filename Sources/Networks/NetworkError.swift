import Tensors

/// One fault of an uploaded network: the tensor, what was expected and what was received.
package struct NetworkMismatch: Sendable, Hashable {
    /// The kind of fault. Programs may depend on the raw values, which do not change.
    package enum Code: String, Sendable, Hashable {
        case shapeMismatch = "shape_mismatch"
        case missingTensor = "missing_tensor"
        case unexpectedTensor = "unexpected_tensor"
        case dtype
        case nonFinite = "non_finite"
        case batchTooLarge = "batch_too_large"
        /// Several networks of which one is asked for.
        case ambiguousNetwork = "ambiguous_network"
    }

    package let code: Code
    /// The tensor's name in the upload; nil for a fault of the whole network.
    package let tensor: String?
    package let expected: String
    package let received: String
    /// The fault as one sentence: tensor, expected, received.
    package let detail: String

    /// A fault of one tensor.
    /// - Parameter reason: what `expected` follows from, such as another tensor's shape.
    package init(_ code: Code, tensor: String, expected: String, reason: String? = nil, received: String) {
        self.code = code
        self.tensor = tensor
        self.expected = expected
        self.received = received
        let because = reason.map { " (\($0))" } ?? ""
        detail = "tensor \(Self.quoted(tensor)): expected \(expected)\(because), received \(received)"
    }

    /// A fault of the network as a whole.
    package init(_ code: Code, expected: String, received: String) {
        self.code = code
        tensor = nil
        self.expected = expected
        self.received = received
        detail = "\(expected); received \(received)"
    }
}

/// Why tensors cannot be read as a network: every mismatch, in the order of layers.
package struct NetworkError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Never empty.
    package let mismatches: [NetworkMismatch]

    /// - Parameter mismatches: at least one.
    package init(_ mismatches: [NetworkMismatch]) { self.mismatches = mismatches }
    package init(_ mismatch: NetworkMismatch) { mismatches = [mismatch] }

    /// The first mismatch's code.
    package var code: String { (mismatches.first?.code ?? .shapeMismatch).rawValue }
    /// The first 16 mismatches and the number of the others, since a file can have thousands.
    package var detail: String {
        let shown = mismatches.prefix(16).map(\.detail)
        let rest = mismatches.count - shown.count
        return (shown + (rest > 0 ? ["and \(rest) more"] : [])).joined(separator: "; ")
    }
    package var description: String { "\(code): \(detail)" }
}

extension NetworkMismatch {
    /// The mismatch of a tensor's first infinity or NaN, with its indices; nil where all values are finite.
    package static func nonFiniteValue(_ entry: NamedTensor) -> NetworkMismatch? {
        guard let index = entry.tensor.values.firstIndex(where: { !$0.isFinite }) else { return nil }
        var indices: [Int] = []
        var rest = index
        for extent in entry.tensor.shape.reversed() where extent > 0 {
            indices.append(rest % extent)
            rest /= extent
        }
        return NetworkMismatch(
            .nonFinite, tensor: entry.name, expected: "finite numbers",
            received: "\(entry.tensor.values[index]) at \(Array(indices.reversed())) (flat index \(index))")
    }

    /// `name` between quotes, cut after 120 characters: a file may hold names of any length.
    package static func quoted(_ name: String) -> String {
        let limit = 120
        return name.count > limit ? "'\(name.prefix(limit))…'" : "'\(name)'"
    }
}
