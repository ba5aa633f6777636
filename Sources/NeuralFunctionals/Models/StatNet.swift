import Engine
import Networks

/// Settings of a StatNet.
package struct StatNetConfiguration: Decodable, Sendable {
    package let headSize: Int
    package let endsInSigmoid: Bool
    package let normalizes: Bool

    enum CodingKeys: String, CodingKey, CaseIterable {
        case headSize = "h_size"
        case endsInSigmoid = "sigmoid"
        case normalizes = "normalize"
    }

    /// Throws for members that no setting has.
    package static func refuseUnknownMembers(of decoder: any Decoder, besides others: [String]) throws {
        try NeuralFunctionals.refuseUnknownMembers(of: decoder, known: CodingKeys.allCases.map(\.rawValue) + others)
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        headSize = try values.decode(.headSize, in: SettingBounds.extent)
        endsInSigmoid = try values.decodeIfPresent(Bool.self, forKey: .endsInSigmoid) ?? false
        normalizes = try values.decodeIfPresent(Bool.self, forKey: .normalizes) ?? false
    }
}

/// An MLP on simple statistics of every array: the accuracy predictor to compare with (arXiv 2002.11448).
package struct StatNet: Sendable {
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

    /// Takes the statistics of `networks`, prepared as the model reads them, for `normalize`; without it, does nothing.
    package func fitStandardization(to networks: [NetworkWeights]) { standardization?.fit(to: networks) }

    /// *Shapes:* single-channel features → (batch, 1).
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> Matrix {
        let standardized = standardization.map { $0(x, in: builder) } ?? x
        return builder.mlp(
            maps, on: InvariantPool.statistics(standardized, in: builder), endsInSigmoid: configuration.endsInSigmoid)
    }
}
