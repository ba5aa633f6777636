import Engine
import Networks

/// An affine map of channels, y[entry] = map(x[entry]), with a map of its own for every weight and every bias; the
/// positions of a kernel count as channels.
package struct Pointwise: WeightSpaceLayer {
    private let outputChannels: Int
    private let maps: [AffineMap]

    /// Reads `weight_maps.i` and `bias_maps.i` for every layer i.
    /// - Parameters:
    ///   - inputs, outputs: channels.
    package init(_ parameters: ParameterScope, _ spec: NetworkSpec, inputs: Int, outputs: Int) {
        outputChannels = outputs
        maps = Self.maps(parameters, spec) { _ in (inputs, outputs) }
    }

    /// The maps of a layer whose arrays have channels of their own, one for each array, w0, b0, w1, b1, …
    /// - Parameter channels: inputs and outputs of the map of the array at a place in this order.
    static func maps(
        _ parameters: ParameterScope, _ spec: NetworkSpec, channels: (Int) -> (inputs: Int, outputs: Int)
    ) -> [AffineMap] {
        let weights = spec.layers.enumerated().map { index, layer in
            let (inputs, outputs) = channels(2 * index)
            return parameters.scope("weight_maps").scope(index).affine(
                inputs: inputs * layer.kernelCount, outputs: outputs * layer.kernelCount, kernelRank: 2)
        }
        let biases = spec.layers.indices.map { index in
            let (inputs, outputs) = channels(2 * index + 1)
            return parameters.scope("bias_maps").scope(index).affine(inputs: inputs, outputs: outputs, kernelRank: 1)
        }
        return zip(weights, biases).flatMap { [$0, $1] }
    }

    /// *Shapes:* features with `inputs` channels → `outputs` channels.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(channels: outputChannels, in: builder)
        for ((source, target), map) in zip(zip(x.arrays, y.arrays), maps) {
            builder.apply(map, to: source, into: target)
        }
        return y
    }
}
