import Engine
import Networks
import NeuralFunctionals
import WeightFormats

/// Settings of a `StatNet`, under the member names of the authors' configuration files.
package struct StatNetConfiguration: Sendable {
    /// `h_size`: width of the MLP's two hidden layers.
    package let headSize: Int
    /// `sigmoid`, by default false: whether the output is mapped to 0…1.
    package let endsInSigmoid: Bool
    /// `normalize`, by default false: whether raw weights are standardised first (`WeightStandardization`); networks
    /// must then have exactly the widths that the model was trained on.
    package let normalizes: Bool

    /// - Throws: `SettingError` where a member is missing or out of its bounds.
    package init(_ settings: Settings) throws(SettingError) {
        headSize = try settings.int("h_size", in: SettingBounds.extent)
        endsInSigmoid = try settings.bool("sigmoid", default: false)
        normalizes = try settings.bool("normalize", default: false)
    }
}

extension StatNetConfiguration {
    /// What the parameters reveal: all but `sigmoid`.
    static func revealed(_ file: ParameterShapes) -> [JSONMember] {
        members(
            ("h_size", .count(file.extent("hypernetwork.2.weight", 0))),
            ("normalize", .bool(file["mean_weights_0"] != nil)))
    }
}

/// An MLP on seven statistics of every array, `InvariantPool.statistics`: the baseline for predicting accuracies
/// (Unterthiner et al., arXiv 2002.11448).
package struct StatNet: Model {
    package static let type = "StatNet"

    private let standardization: WeightStandardization?
    private let maps: [AffineMap]
    /// The settings that it was built from.
    package let configuration: StatNetConfiguration

    /// Reads `hypernetwork.…` and, with `normalize`, the statistics of `WeightStandardization`.
    package init(_ parameters: ParameterScope, _ configuration: StatNetConfiguration, spec: NetworkSpec) {
        self.configuration = configuration
        standardization = configuration.normalizes ? WeightStandardization(parameters, spec) : nil
        let sizes = [InvariantPool.statistics.pieces(spec), configuration.headSize, configuration.headSize, 1]
        maps = (0..<3).map { index in
            // The reference's Sequential repeats Linear, ReLU, Dropout, so linear layers have every third position.
            parameters.scope("hypernetwork").scope(2 + 3 * index).affine(
                inputs: sizes[index], outputs: sizes[index + 1])
        }
    }

    /// Members of the node: `file` and those of `StatNetConfiguration`.
    /// - Throws: also where there are labels.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        guard assembly.labels.isEmpty else { throw ModelError("StatNet predicts one number, not one of 'labels'") }
        self = try assembly.module(settings, revealing: StatNetConfiguration.revealed) { parameters in
            let configuration = try StatNetConfiguration(settings)
            try settings.demand("sigmoid", Self.sigmoidHint)
            return StatNet(parameters, configuration, spec: assembly.input.spec)
        }
    }

    /// For the error where `sigmoid` is missing: what to write.
    static let sigmoidHint =
        "write true where a sigmoid maps the output to 0…1, as in the authors' predictors, else false"

    /// One scalar.
    package var outputs: [OutputDescription] { [OutputDescription(.scalars, [1])] }

    package var standardizes: Bool { configuration.normalizes }

    package func fitStandardization(to networks: [NetworkWeights]) { standardization?.fit(to: networks) }

    /// Records one forward pass for all of `outputs`.
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
