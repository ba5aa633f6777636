import Engine
import Networks
import SIREN

/// Kinds of networks of which a corpus may consist.
package enum NetworkFamily: String, Sendable, Hashable, CaseIterable {
    /// Implicit neural representations: fully connected networks from coordinates to values.
    case inr
    /// Convolutional networks that end in fully connected layers.
    case cnn
}

/// What all networks of a shard have in common: the shard's metadata.
package struct ShardHeader: Sendable, Hashable {
    /// `family`; without it `cnn` for networks with a kernel and `inr` for others.
    package var family: NetworkFamily
    /// `sizes`, as in `2-32-32-1`, and `kernels`, as in `3x3,3x3,-`, where `-` is a fully connected layer.
    package var spec: NetworkSpec
    /// How an INR is read: `convention`, from which `activation`, `omega0`, `hidden_omega0`, `order`, `coordinates` and
    /// `values` may differ. Of a CNN only the activation counts.
    package var notation: Notation
    /// `image`, as in `28x28x1`: the extents of the pictures that INRs draw; nil where it is unknown.
    package var image: ImageShape?
    /// `classes`: the names of the classes, in order; nil where they have none.
    package var classes: [String]?
    /// `targets`: the names of the columns that a model is trained to predict where a recipe names no others.
    package var targets: [String]
    /// `recipe`: how the networks were made, as text.
    package var recipe: String

    /// - Parameters:
    ///   - family: nil for `cnn` where a layer has a kernel, otherwise `inr`.
    ///   - notation: nil for sines at ω₀ = 30 (`Notation.nfn`) of INRs and ReLU of CNNs.
    package init(
        family: NetworkFamily? = nil, spec: NetworkSpec, notation: Notation? = nil, image: ImageShape? = nil,
        classes: [String]? = nil, targets: [String] = [], recipe: String = ""
    ) {
        let family = family ?? (spec.isFullyConnected ? .inr : .cnn)
        self.family = family
        self.spec = spec
        self.notation = notation ?? Self.standardNotation(family)
        self.image = image
        self.classes = classes
        self.targets = targets
        self.recipe = recipe
    }

    static func standardNotation(_ family: NetworkFamily) -> Notation {
        family == .inr ? .nfn : Notation(activation: .relu, omega0: 1)
    }
}
