import Networks
import NeuralFunctionals
import SIREN
import WeightFormats

/// The networks that a model reads: the `input` section of `config.json`.
package struct ModelInput: Sendable {
    package enum Family: String, Sendable, CaseIterable {
        case siren
        case cnn
    }

    package let family: Family
    /// The sizes that the model was trained on.
    package let spec: NetworkSpec
    /// Extents of the pictures that the networks draw; nil where they draw none.
    package let image: ImageShape?
    package let transform: InputTransform
    /// The widest hidden layer that is read, which bounds what a request can cost.
    package let maximumHiddenWidth: Int

    package init(spec: NetworkSpec, image: ImageShape? = nil, transform: InputTransform = InputTransform()) {
        family = .siren
        self.spec = spec
        self.image = image
        self.transform = transform
        maximumHiddenWidth = 512
    }

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
        let isCanonical = try settings.bool("canonicalize", default: false)
        guard !isCanonical || family == .siren else {
            throw settings.error("canonicalize", "is for sine networks only")
        }
        let depth = spec.depth
        let scales = try settings.read("array_scales", "\(2 * depth) numbers other than 0") { value in
            value.array.flatMap { array in ArrayScales(array.map { $0.double ?? .nan }, depth: depth) }
        }
        transform = InputTransform(
            convention: try settings.choice("convention", default: .nfn),
            omega0: try settings.positive("omega0", default: 30), isCanonical: isCanonical, scales: scales)
    }
}

/// Kernel sizes of the layers from a `filters` member: null or [height, width] for each layer; nil without the member.
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
