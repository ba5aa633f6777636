import Engine
import Networks
import Tensors

/// Consecutive columns of an HNP map: channels, or channels × neurons, which the reference orders channel-major.
enum FoldedColumns {
    case plain(Int)
    case folded(_ channels: Int, _ neurons: Int)

    var count: Int {
        switch self {
        case .plain(let channels): channels
        case .folded(let channels, let neurons): channels * neurons
        }
    }

    /// Element i, in this engine's neuron-major order, is element order[i] in the reference's.
    var order: [Int] {
        switch self {
        case .plain(let channels): Array(0..<channels)
        case .folded(let channels, let neurons): transposedOrder(outer: channels, inner: neurons)
        }
    }
}

/// Reads the maps of an `HNPLinear`, with their columns and rows in this engine's order.
struct HNPParameters {
    private let parameters: ParameterScope
    /// The columns of the pooled vector m: means of all weights, means of all biases, then as whole vectors the first
    /// weight's mean over outputs, the last weight's mean over inputs, and the last bias.
    let pooled: [FoldedColumns]

    init(_ parameters: ParameterScope, _ spec: NetworkSpec, inputs: Int, outputs: Int) {
        self.parameters = parameters
        let firstKernel = spec.layers.first?.kernelCount ?? 1
        let lastKernel = spec.layers.last?.kernelCount ?? 1
        pooled =
            spec.layers.map { .plain($0.kernelCount * inputs) } + spec.layers.map { _ in .plain(inputs) } + [
                .folded(firstKernel * inputs, spec.inputs), .folded(lastKernel * inputs, spec.outputs),
                .folded(inputs, spec.outputs),
            ]
    }

    func map(_ name: String, _ inputs: [FoldedColumns], _ outputs: FoldedColumns, rank: Int) -> AffineMap {
        parameters.scope(name).affine(
            inputs: inputs.reduce(0) { $0 + $1.count }, outputs: outputs.count, kernelRank: rank,
            rowOrder: { outputs.order },
            columnOrder: {
                inputs.reduce(into: []) { order, part in
                    let first = order.count
                    order += part.order.map { $0 + first }
                }
            })
    }
}
