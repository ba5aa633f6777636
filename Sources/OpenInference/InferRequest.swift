import Tensors
import WeightFormats

/// A request for inference: named input tensors, and the outputs asked for with their form.
package struct InferRequest: Sendable, Equatable {
    /// The client's identifier of the request, which the response repeats; nil where there is none.
    package var id: String?
    /// The request's own `parameters`; those of inputs and outputs are read into their members.
    package var parameters: InferParameters
    /// The input tensors, as float32, in the order of the request.
    package var inputs: StateDict
    /// The outputs asked for, in order; nil asks for all.
    package var outputs: [Output]?

    /// An output asked for.
    package struct Output: Sendable, Equatable {
        /// The output's name, `latents`; not checked here.
        package let name: String
        /// `binary_data`: whether the values are sent as bytes after the JSON document; nil takes the request's
        /// `binary_data_output`.
        package let isBinary: Bool?
        /// `classification` (the classification extension): send the names of this many best classes, at least 1, in
        /// place of the values; nil sends the values.
        package let classCount: Int?
    }

    /// `binary_data_output`, by default false: whether outputs without `binary_data` are sent as bytes.
    package var prefersBinary: Bool { parameters["binary_data_output"]?.bool ?? false }
}

/// Scalar `parameters` by name. Unknown ones are kept; objects, arrays and null are left out.
package struct InferParameters: Sendable, Equatable {
    private let values: [String: JSONValue]

    init(_ values: [String: JSONValue] = [:]) { self.values = values }

    /// The value of a parameter; nil where it was not given.
    package subscript(name: String) -> JSONValue? { values[name] }
}
