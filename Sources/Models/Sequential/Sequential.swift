import Engine
import Networks
import NeuralFunctionals

/// Layers of the authors' `nfn` package in a `torch.nn.Sequential`: equivariant layers, a pool that does not change when
/// hidden neurons are permuted, and layers of plain vectors.
///
/// Its outputs are the elements of the last layer's vector: logits of classes, or scalars.
package struct Sequential: InvariantModel {
    package static let type = "Sequential"
    /// Layers that a chain may have.
    static let lengths = 1...256

    private let steps: [SequentialStep]
    package let classifies: Bool
    package let outputCount: Int

    /// Reads `0.…`, `1.…` and so on: the parameters of each layer under its position.
    /// - Parameters:
    ///   - layers: the settings of each layer, in order.
    ///   - classifies: whether the outputs are logits of classes; otherwise they are scalars.
    /// - Throws: `SettingError`, or `ModelError` where a layer does not read what the one before it gives, or the last one
    ///   gives no vector.
    package init(
        _ parameters: ParameterScope, _ layers: [Settings], spec: NetworkSpec, classifies: Bool = false
    ) throws {
        var chain = SequentialChain(spec)
        for (index, settings) in layers.enumerated() { try chain.append(parameters.scope(index), settings) }
        steps = chain.steps
        outputCount = try chain.outputs()
        self.classifies = classifies
    }

    /// Members of the node: `file` and `layers`. Outputs are logits of classes if there are labels.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        let spec = assembly.input.spec
        let layers = try settings.objects("layers", count: Self.lengths)
        self = try assembly.module(
            settings,
            revealing: { file in
                for (index, layer) in layers.enumerated() {
                    try SequentialLayer.reveal(file.scope(index), spec, to: layer)
                }
                return []
            }
        ) { parameters in
            do {
                return try Sequential(parameters, layers, spec: spec, classifies: !assembly.labels.isEmpty)
            } catch let error as ModelError {
                // Channels that do not fit each other may come from a member that the file contradicts.
                throw ModelError(([error.reason] + settings.contradictions).joined(separator: "; "))
            }
        }
    }

    /// *Shapes:* single-channel features → (batch, `outputCount`); `mix` acts on the flattened rows of the pool.
    package func callAsFunction(
        _ x: WeightSpaceFeatures, mix: (Matrix) -> Matrix = { $0 }, in builder: PlanBuilder
    ) -> Matrix {
        var features = x
        var rows = Matrix(zeros: 1, 1)
        for step in steps {
            switch step {
            case .layer(let layer): features = layer(features, in: builder)
            case .pool(let pool): rows = pool(features, builder)
            case .flatten: rows = mix(rows)
            case .affine(let map): rows = builder.apply(map, to: rows)
            case .norm(let norm): rows = builder.normalize(rows, norm)
            case .activation(let activation):
                let copy = builder.matrix(rows: rows.rows, columns: rows.columns)
                builder.copy(rows, to: copy)
                builder.activate(copy, activation)
                rows = copy
            }
        }
        return rows
    }
}

/// What a layer of a `Sequential` does, with its parameters.
enum SequentialStep: Sendable {
    /// Features of networks → the same.
    case layer(any WeightSpaceLayer)
    /// Features of networks → one row for each network.
    case pool(@Sendable (WeightSpaceFeatures, PlanBuilder) -> Matrix)
    /// Rows stay as they are: a pool's result is flat already.
    case flatten
    /// The following map rows to rows.
    case affine(AffineMap)
    case norm(Normalization)
    case activation(Activation)
}
