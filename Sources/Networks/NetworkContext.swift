import Tensors

/// What a file says beside the arrays of a network's layers: evidence for the notation that the network is written in.
package struct NetworkContext: Sendable, Equatable {
    /// A number with its path in the file, such as `config.omega_0`.
    package struct Scalar: Sendable, Equatable {
        /// With dots between the keys.
        package let path: String
        package let value: Double

        /// A number of a file.
        package init(path: String, value: Double) {
            self.path = path
            self.value = value
        }
    }

    /// A text with its path in the file, such as `config.activation`.
    package struct Text: Sendable, Equatable {
        /// With dots between the keys.
        package let path: String
        package let value: String

        /// A text of a file.
        package init(path: String, value: String) {
            self.path = path
            self.value = value
        }
    }

    /// Numbers, and arrays of one element, the nearest to the network first.
    package var scalars: [Scalar]
    /// Short texts, the nearest to the network first.
    package var texts: [Text]
    /// Arrays of more than one element that belong to no layer, such as a matrix of Fourier features.
    package var arrays: [NamedTensor]
    /// The layout of a flat vector of parameters; nil where the layers were arrays of their own.
    package var layout: FlatReading?
    /// What was folded into the layers, such as batch normalisation, one sentence for each.
    package var folded: [String] = []

    /// What is known of a file; by default nothing.
    package init(scalars: [Scalar] = [], texts: [Text] = [], arrays: [NamedTensor] = []) {
        self.scalars = scalars
        self.texts = texts
        self.arrays = arrays
    }
}
