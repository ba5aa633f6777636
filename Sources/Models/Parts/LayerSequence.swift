import Engine
import Networks
import NeuralFunctionals

/// Layers applied one after the other, with the parameter names of a `torch.nn.Sequential`: those of the layer at
/// position n begin with `n.`
struct LayerSequence: Sendable {
    enum Element: Sendable {
        case layer(any WeightSpaceLayer)
        case relu
    }

    private var elements: [Element] = []
    private var position = 0
    private(set) var channels: Int

    init(channels: Int) { self.channels = channels }

    /// Appends the layer that `make` builds from the parameters of the next position.
    mutating func append(
        _ parameters: ParameterScope, channels: Int, _ make: (ParameterScope) -> any WeightSpaceLayer
    ) {
        elements.append(.layer(make(parameters.scope(position))))
        self.channels = channels
        position += 1
    }

    mutating func appendReLU() {
        elements.append(.relu)
        position += 1
    }

    /// Skips a position that has no parameters and computes nothing at inference, such as a dropout.
    mutating func skip() { position += 1 }

    func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        elements.reduce(x) { features, element in
            switch element {
            case .layer(let layer): return layer(features, in: builder)
            case .relu:
                builder.activate(features, .relu)
                return features
            }
        }
    }
}
