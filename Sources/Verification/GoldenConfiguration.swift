import Models
import Networks
import NeuralFunctionals
import SIREN
import Tensors

/// The `config` of a reference file: the layer or model, its settings, and the networks that it reads.
package struct GoldenConfiguration {
    /// Whether the file holds a layer or a model, with the name of its type.
    package enum Kind: Equatable {
        /// One layer, such as `NPLinear`.
        case layer(String)
        /// A whole model or a part of one, such as `AutoEncoder`.
        case model(String)

        /// The name of the layer or model.
        package var name: String {
            switch self {
            case .layer(let name), .model(let name): name
            }
        }

        /// The largest |difference| / max(1, |reference|) of an output that counts as agreement; gradients have ten
        /// times as much.
        package var tolerance: Float {
            switch self {
            case .layer: 1e-5
            case .model: 1e-4
            }
        }
    }

    /// The layer or model.
    package let kind: Kind
    /// The networks that it reads, from `sizes`, `filters` and `kind`; nil where it reads vectors.
    package let input: ModelInput?
    /// The members of `config`, from which the layer or model reads its settings.
    let settings: Settings

    /// - Parameter json: the text of `config`.
    /// - Throws: `SettingError` where a member is missing or not valid.
    package init(json: [UInt8]) throws(SettingError) {
        let settings = try Settings(json: json)
        self.settings = settings
        kind =
            settings.has("layer")
            ? .layer(try settings.text("layer")) : .model(try settings.text("model"))
        guard settings.has("sizes") else {
            input = nil
            return
        }
        let sizes = try settings.ints("sizes", in: SettingBounds.neurons, count: 2...257)
        let spec = NetworkSpec(sizes: sizes, kernels: try kernels(settings, layers: sizes.count - 1))
        let data: DataName? = try settings.optionalChoice("kind")
        input = ModelInput(spec: spec, image: data?.image)
    }

    /// The data sets of reference models, which give the size of the pictures.
    private enum DataName: String, CaseIterable {
        case mnist
        case fashion
        case cifar

        var image: ImageShape {
            self == .cifar
                ? ImageShape(height: 32, width: 32, channels: 3) : ImageShape(height: 28, width: 28, channels: 1)
        }
    }

    /// The shapes of the networks that the layer reads.
    func network() throws(VerificationError) -> NetworkSpec {
        guard let input else { throw VerificationError("the configuration of '\(kind.name)' lacks 'sizes'") }
        return input.spec
    }

    /// A required positive setting, such as a number of channels.
    func count(_ name: String) throws(SettingError) -> Int { try settings.int(name, in: SettingBounds.extent) }
}
