import Engine
import Networks
import NeuralFunctionals
import SIREN
import WeightFormats

/// The networks that a model reads: the `input` section of `config.json`.
package struct ModelInput: Sendable {
    /// Kinds of networks.
    package enum Family: String, Sendable, CaseIterable {
        /// Fully connected networks with sines between layers (Sitzmann et al., arXiv 2006.09661).
        case siren
        /// Convolutional networks that end in fully connected layers.
        case cnn
    }

    /// `family`, by default `siren`.
    package let family: Family
    /// Shapes of the layers of the networks that the model was trained on: `sizes` and `filters`.
    package let spec: NetworkSpec
    /// `image`: extents of the pictures that the networks draw; nil where they draw none.
    package let image: ImageShape?
    /// How a network is converted before the model reads it: `convention`, `omega0`, `canonicalize` and `array_scales`.
    package let transform: InputTransform
    /// `max_hidden_width`, by default 512: networks with wider hidden layers are refused, which bounds the cost of a
    /// request.
    package let maximumHiddenWidth: Int

    /// SIRENs of these shapes, with hidden layers of at most 512 neurons.
    package init(spec: NetworkSpec, image: ImageShape? = nil, transform: InputTransform = InputTransform()) {
        family = .siren
        self.spec = spec
        self.image = image
        self.transform = transform
        maximumHiddenWidth = 512
    }

    /// - Throws: `SettingError`, also where a member is missing that shapes do not reveal.
    init(_ settings: Settings) throws {
        family = try settings.choice("family", default: .siren)
        let sizes = try settings.ints("sizes", in: SettingBounds.neurons, count: 2...257)
        spec = NetworkSpec(sizes: sizes, kernels: try kernels(settings, layers: sizes.count - 1))
        image = try settings.read("image", "[height, width, channels], 1 to 512 each") { value in
            guard let extents = value.ints, extents.count == 3, extents.allSatisfy((1...512).contains) else {
                return nil
            }
            return ImageShape(height: extents[0], width: extents[1], channels: extents[2])
        }
        maximumHiddenWidth = try settings.int("max_hidden_width", in: SettingBounds.extent, default: 512)
        let depth = spec.depth
        let scales = try settings.read("array_scales", "\(2 * depth) numbers other than 0") { value in
            value.array.flatMap { array in ArrayScales(array.map { $0.double ?? .nan }, depth: depth) }
        }
        switch family {
        case .siren:
            try settings.refuse("canonical_scale", "the scale of a sine neuron cannot be changed")
            try settings.demand(
                "convention", "write \"nfn\" or \"dws\", as the networks were made that it learned from")
            try settings.demand("omega0", "write the factor in sin(omega0 · (Wx + b)) of these networks, such as 30")
            try settings.demand(
                "canonicalize", "write false, or true where it was trained on canonical signs and half turns")
            transform = InputTransform(
                convention: try settings.choice("convention"), omega0: try settings.positive("omega0", default: 30),
                isCanonical: try settings.bool("canonicalize", default: false), scales: scales)
        case .cnn:
            for name in ["convention", "omega0", "canonicalize"] {
                try settings.refuse(name, "it is for sine networks only, and the family is cnn")
            }
            try settings.demand(
                "canonical_scale",
                "write false, or true where it was trained on ReLU networks whose hidden channels have the norm 1")
            transform = InputTransform(
                hasCanonicalScale: try settings.bool("canonical_scale", default: false),
                activation: try settings.choice("activation", default: .relu), scales: scales)
        }
        try settings.demand(
            "array_scales", "write null, or the \(2 * depth) factors that it was trained with, for w0, b0, w1, b1, …")
    }
}

/// The member `filters`: a kernel [height, width] for each convolution, [] (null in the file) for each fully connected
/// layer.
/// - Returns: nil without the member.
/// - Throws: `SettingError` unless there is an entry for each of the `layers` layers, with sides from 1 to 32.
package func kernels(_ settings: Settings, layers: Int) throws(SettingError) -> [[Int]]? {
    try settings.read("filters", "null or [height, width], 1 to 32 each, for each of the \(layers) layers") { value in
        guard let filters = value.array, filters.count == layers else { return nil }
        let kernels = filters.compactMap { filter -> [Int]? in
            if filter.isNull { return [] }
            guard let sides = filter.ints, sides.count == 2, sides.allSatisfy(SettingBounds.kernel.contains) else {
                return nil
            }
            return sides
        }
        return kernels.count == layers ? kernels : nil
    }
}
