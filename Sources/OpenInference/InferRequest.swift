import Tensors
import WeightFormats

/// A request for inference: named tensors in, and which results to send back how.
package struct InferRequest: Sendable, Equatable {
    /// What the client calls the request; echoed.
    package var id: String?
    package var parameters: InferParameters
    package var inputs: StateDict
    /// What is asked for, in order; nil asks for everything.
    package var outputs: [Output]?

    package struct Output: Sendable, Equatable {
        package let name: String
        /// Whether as bytes after the document; nil leaves it to the request.
        package let isBinary: Bool?
        /// How many classes to name instead of sending the values (the classification extension).
        package let classCount: Int?
    }

    /// Whether a result without a wish of its own leaves as bytes.
    package var prefersBinary: Bool { parameters["binary_data_output"]?.bool ?? false }
}

/// The `parameters` of a request: scalars by name. Names that mean nothing here are left alone.
package struct InferParameters: Sendable, Equatable {
    private let values: [String: JSONValue]

    init(_ values: [String: JSONValue] = [:]) { self.values = values }

    package subscript(name: String) -> JSONValue? { values[name] }
}
