/// The order in which one vector holds the parameters of a network.
package enum FlatLayout: String, Sendable, Hashable, CaseIterable {
    /// w0, b0, w1, b1, …, each array as PyTorch has it: weights (outputs, inputs[, height, width]).
    case pytorch
    /// b0, w0, b1, w1, …, weights as TensorFlow has them, ([height, width,] inputs, outputs): the rows of the Small CNN
    /// Zoo (Unterthiner et al., arXiv 2002.11448).
    case cnnZoo = "cnn-zoo"
}

/// The layout in which a flat vector was read.
package struct FlatReading: Sendable, Equatable {
    package let layout: FlatLayout
    /// What it follows from, as a clause for people.
    package let reason: String
    /// Whether it is said or clear from the values, and not a default.
    package let isConfident: Bool

    package init(_ layout: FlatLayout, reason: String, isConfident: Bool) {
        self.layout = layout
        self.reason = reason
        self.isConfident = isConfident
    }
}
