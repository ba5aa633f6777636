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
    init(_ code: Code, tensor: String, expected: String, reason: String? = nil, received: String) {
        self.code = code
        self.tensor = tensor
        self.expected = expected
        self.received = received
        let because = reason.map { " (\($0))" } ?? ""
        detail = "tensor \(quoted(tensor)): expected \(expected)\(because), received \(received)"
    }

    /// A finding about the network as a whole.
    init(_ code: Code, expected: String, received: String) {
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

    init(_ mismatches: [NetworkMismatch]) { self.mismatches = mismatches }
    init(_ mismatch: NetworkMismatch) { mismatches = [mismatch] }

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

/// `name` between quotes, shortened so that one name cannot swell a whole error answer.
func quoted(_ name: String) -> String {
    let limit = 120
    return name.count > limit ? "'\(name.prefix(limit))…'" : "'\(name)'"
}

/// "1 layer", "3 layers".
func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
