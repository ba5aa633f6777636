import Engine
import Networks

/// An affine map of channels, y[entry] = map(x[entry]), with a map of its own for every weight and every bias; the
/// positions of a kernel count as channels.
package struct Pointwise: WeightSpaceLayer {
    private let outputChannels: Int
    private let weightMaps: [AffineMap]
    private let biasMaps: [AffineMap]

    /// Reads `weight_maps.i` and `bias_maps.i` for every layer i.
    /// - Parameters:
    ///   - inputs, outputs: channels.
    package init(_ parameters: ParameterScope, _ spec: NetworkSpec, inputs: Int, outputs: Int) {
        outputChannels = outputs
        weightMaps = spec.layers.enumerated().map { index, layer in
            parameters.scope("weight_maps").scope(index).affine(
                inputs: inputs * layer.kernelCount, outputs: outputs * layer.kernelCount, kernelRank: 2)
        }
        biasMaps = spec.layers.indices.map { index in
            parameters.scope("bias_maps").scope(index).affine(inputs: inputs, outputs: outputs, kernelRank: 1)
        }
    }

    /// One for each array, w0, b0, w1, b1, …
    var maps: [AffineMap] { zip(weightMaps, biasMaps).flatMap { [$0, $1] } }

    /// *Shapes:* features with `inputs` channels → `outputs` channels.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(channels: outputChannels, in: builder)
        for ((source, target), map) in zip(zip(x.arrays, y.arrays), maps) {
            builder.apply(map, to: source, into: target)
        }
        return y
    }
}
