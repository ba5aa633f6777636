import Engine
import Networks
import NeuralFunctionals

/// Settings of a StatNet.
package struct StatNetConfiguration: Sendable {
    package let headSize: Int
    package let endsInSigmoid: Bool
    package let normalizes: Bool

    package init(_ settings: Settings) throws(SettingError) {
        headSize = try settings.int("h_size", in: SettingBounds.extent)
        endsInSigmoid = try settings.bool("sigmoid", default: false)
        normalizes = try settings.bool("normalize", default: false)
    }
}

/// An MLP on simple statistics of every array: the accuracy predictor to compare with (arXiv 2002.11448).
package struct StatNet: Model {
    package static let type = "StatNet"

    private let standardization: WeightStandardization?
    private let maps: [AffineMap]
    package let configuration: StatNetConfiguration

    package init(_ parameters: ParameterScope, _ configuration: StatNetConfiguration, spec: NetworkSpec) {
        self.configuration = configuration
        standardization = configuration.normalizes ? WeightStandardization(parameters, spec) : nil
        let sizes = [InvariantPool.statistics.pieces(spec), configuration.headSize, configuration.headSize, 1]
        maps = (0..<3).map { index in
            // Linear, ReLU, Dropout: every third place of the reference's Sequential.
            parameters.scope("hypernetwork").scope(2 + 3 * index).affine(
                inputs: sizes[index], outputs: sizes[index + 1])
        }
    }

    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        guard assembly.labels.isEmpty else { throw ModelError("StatNet predicts one number, not one of 'labels'") }
        let configuration = try StatNetConfiguration(settings)
        self = try assembly.module(settings) { StatNet($0, configuration, spec: assembly.input.spec) }
    }

    package var outputs: [OutputDescription] { [OutputDescription(.scalars, [1])] }

    package var standardizes: Bool { configuration.normalizes }

    package func fitStandardization(to networks: [NetworkWeights]) { standardization?.fit(to: networks) }

    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        let values = self(pass.scaledWeights, in: pass.builder)
        return try outputs.map { output throws(ModelError) in
            guard output == .scalars else { throw Self.notOffered(output) }
            return .scalars(values)
        }
    }

    /// *Shapes:* single-channel features → (batch, 1).
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> Matrix {
        let standardized = standardization.map { $0(x, in: builder) } ?? x
        return builder.mlp(
            maps, on: InvariantPool.statistics(standardized, in: builder), endsInSigmoid: configuration.endsInSigmoid)
    }
}
