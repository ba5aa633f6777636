import Models
import Networks
import NeuralFunctionals
import Tensors

/// What a reference file's `config` says: which layer or model, and its sizes.
package struct GoldenConfiguration {
    package enum Kind: Equatable {
        case layer(String)
        case model(String)

        package var name: String {
            switch self {
            case .layer(let name), .model(let name): name
            }
        }

        /// Largest |difference| / max(1, |x|) that still agrees.
        package var tolerance: Float {
            switch self {
            case .layer: 1e-5
            case .model: 1e-4
            }
        }
    }

    package let kind: Kind
    /// The networks that the module reads; nil for modules that read plain vectors.
    package let input: ModelInput?
    /// Settings of the layer or model, under the members of the file's `config`.
    let settings: Settings

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

    /// The data sets of reference models.
    private enum DataName: String, CaseIterable {
        case mnist
        case fashion
        case cifar

        var image: ImageShape {
            self == .cifar
                ? ImageShape(height: 32, width: 32, channels: 3) : ImageShape(height: 28, width: 28, channels: 1)
        }
    }

    func network() throws(VerificationError) -> NetworkSpec {
        guard let input else { throw VerificationError("the configuration of '\(kind.name)' lacks 'sizes'") }
        return input.spec
    }

    /// A count that a layer needs.
    func count(_ name: String) throws(SettingError) -> Int { try settings.int(name, in: SettingBounds.extent) }
}
