import Networks
import Tensors

/// A network with all that its picture depends on: the layers, how they are read, and the Fourier features before them.
package struct NotatedNetwork: Sendable {
    /// The layers.
    package var weights: NetworkWeights
    /// How the layers are read.
    package var notation: Notation
    /// What is computed of the coordinates before the first layer; nil where they are its inputs.
    package var features: FourierFeatures?

    /// A network in a notation.
    package init(_ weights: NetworkWeights, _ notation: Notation, features: FourierFeatures? = nil) {
        self.weights = weights
        self.notation = notation
        self.features = features
    }

    /// The network as a function, to be drawn.
    /// - Throws: where it draws no picture.
    package func function() throws(PictureError) -> DrawnFunction {
        try DrawnFunction(weights, notation, features: features)
    }

    /// The network after an exact edit: its picture is the edited picture, up to the rounding of weights.
    /// - Throws: where the edit has no exact form for this network, or a weight leaves the range of float32.
    package func applying(_ edit: ExactEdit) throws(EditError) -> NotatedNetwork {
        var result = self
        switch edit {
        case .coordinates(let map): try result.compose(with: map)
        case .output(let map): try result.transformOutputs(by: map)
        case .convert(let preset):
            do throws(NetworkError) {
                result = try converted(to: preset.notation)
            } catch {
                throw EditError("convert:\(preset.rawValue): \(error.detail)")
            }
        }
        try result.checkFinite()
        return result
    }

    func checkFinite() throws(EditError) {
        let isFinite =
            weights.layers.allSatisfy { layer in
                layer.weight.values.allSatisfy(\.isFinite) && layer.bias.values.allSatisfy(\.isFinite)
            } && features?.matrix.allSatisfy(\.isFinite) ?? true
        guard isFinite else {
            throw EditError("a weight of the edited network is beyond the range of float32; choose smaller numbers")
        }
    }
}

/// Why an edit has no exact form for a network.
package struct EditError: Error, Sendable, Hashable {
    /// The kind of reason. Programs may depend on the raw values, which do not change.
    package enum Code: String, Sendable, Hashable {
        case notEditable = "not_editable"
        /// The edited network would have too many parameters.
        case tooLarge = "batch_too_large"
    }

    /// The kind of reason.
    package let code: Code
    /// The edit, what it needs and what the network is, as a sentence.
    package let detail: String

    /// A reason.
    package init(_ detail: String, code: Code = .notEditable) { (self.code, self.detail) = (code, detail) }
}
