import Tensors
import WeightFormats

/// A request for inference: named input tensors, and the outputs asked for with their form.
package struct InferRequest: Sendable, Equatable {
    /// The client's name for the request; repeated in the response.
    package var id: String?
    package var parameters: InferParameters
    /// The input tensors, as float32, in the order of the request.
    package var inputs: StateDict
    /// The outputs asked for, in order; nil asks for all.
    package var outputs: [Output]?

    /// An output asked for.
    package struct Output: Sendable, Equatable {
        package let name: String
        /// Whether it is sent as bytes after the document; nil takes the request's `binary_data_output`.
        package let isBinary: Bool?
        /// How many classes to name instead of sending the values (the classification extension).
        package let classCount: Int?
    }

    /// Whether outputs without `binary_data` are sent as bytes.
    package var prefersBinary: Bool { parameters["binary_data_output"]?.bool ?? false }
}

/// The scalar `parameters` of a request, by name. Unknown names are kept and ignored.
package struct InferParameters: Sendable, Equatable {
    private let values: [String: JSONValue]

    init(_ values: [String: JSONValue] = [:]) { self.values = values }

    /// The value of a parameter; nil where it was not given.
    package subscript(name: String) -> JSONValue? { values[name] }
}
