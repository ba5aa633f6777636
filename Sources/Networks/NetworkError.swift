import Tensors

/// One thing wrong with an uploaded network: which tensor, what was expected and what came.
package struct NetworkMismatch: Sendable, Hashable {
    /// Stable words that clients may switch on.
    package enum Code: String, Sendable, Hashable {
        case shapeMismatch = "shape_mismatch"
        case missingTensor = "missing_tensor"
        case unexpectedTensor = "unexpected_tensor"
        case dtype
        case nonFinite = "non_finite"
        case batchTooLarge = "batch_too_large"
    }

    package let code: Code
    /// The tensor's name in the upload; nil where the whole network is meant.
    package let tensor: String?
    package let expected: String
    package let received: String
    /// The whole finding as one sentence.
    package let detail: String

    /// A finding about one tensor; `reason` says where the expectation comes from.
    package init(_ code: Code, tensor: String, expected: String, reason: String? = nil, received: String) {
        self.code = code
        self.tensor = tensor
        self.expected = expected
        self.received = received
        let because = reason.map { " (\($0))" } ?? ""
        detail = "tensor \(Self.quoted(tensor)): expected \(expected)\(because), received \(received)"
    }

    /// A finding about the network as a whole.
    package init(_ code: Code, expected: String, received: String) {
        self.code = code
        tensor = nil
        self.expected = expected
        self.received = received
        detail = "\(expected); received \(received)"
    }
}

/// Why an upload is not a network that can be read: every mismatch found, in layer order.
package struct NetworkError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Never empty.
    package let mismatches: [NetworkMismatch]

    package init(_ mismatches: [NetworkMismatch]) { self.mismatches = mismatches }
    package init(_ mismatch: NetworkMismatch) { mismatches = [mismatch] }

    /// The first mismatch's code.
    package var code: String { (mismatches.first?.code ?? .shapeMismatch).rawValue }
    /// The first findings in full; a hostile file can have thousands.
    package var detail: String {
        let shown = mismatches.prefix(16).map(\.detail)
        let rest = mismatches.count - shown.count
        return (shown + (rest > 0 ? ["and \(rest) more"] : [])).joined(separator: "; ")
    }
    package var description: String { "\(code): \(detail)" }
}

extension NetworkMismatch {
    /// The first value of a tensor that is not finite, with its place; nil where all are finite.
    package static func nonFiniteValue(_ entry: NamedTensor) -> NetworkMismatch? {
        guard let index = entry.tensor.values.firstIndex(where: { !$0.isFinite }) else { return nil }
        var place: [Int] = []
        var rest = index
        for extent in entry.tensor.shape.reversed() where extent > 0 {
            place.append(rest % extent)
            rest /= extent
        }
        return NetworkMismatch(
            .nonFinite, tensor: entry.name, expected: "finite numbers",
            received: "\(entry.tensor.values[index]) at \(Array(place.reversed())) (flat index \(index))")
    }

    /// `name` between quotes, cut after 120 characters: a file may hold names of any length.
    package static func quoted(_ name: String) -> String {
        let limit = 120
        return name.count > limit ? "'\(name.prefix(limit))…'" : "'\(name)'"
    }
}
