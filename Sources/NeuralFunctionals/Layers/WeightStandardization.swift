import Engine
import Networks
import Tensors

/// Per-position statistics of raw weights that some checkpoints carry as buffers (`mean_weights_0`, `std_bias_1`, …).
package struct WeightStandardization: Sendable {
    private let means: [Matrix]
    private let deviations: [Matrix]

    package init(_ parameters: ParameterScope, _ spec: NetworkSpec) {
        func rows(_ kind: String) -> [Matrix] {
            spec.layers.enumerated().flatMap { index, layer in
                let initial = Initialization.constant(kind == "std" ? 1 : 0)
                return [("weights", layer.weightShape), ("bias", [layer.outputs])].map { array, shape in
                    parameters.buffer(
                        "\(kind)_\(array)_\(index)", [1] + shape, rows: 1, columns: shape.reduce(1, *), initial)
                }
            }
        }
        means = rows("mean")
        deviations = rows("std")
    }

    /// Only for networks of exactly the spec's widths and one channel.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(in: builder)
        for (index, (source, target)) in zip(x.arrays, y.arrays).enumerated() {
            let width = source.count / x.batch
            builder.standardize(
                source.reshaped(rows: x.batch, columns: width), mean: means[index], deviation: deviations[index],
                into: target.reshaped(rows: x.batch, columns: width))
        }
        return y
    }

    /// Sets the statistics to those of `networks`: per position the mean and the standard deviation (divided by n); a
    /// position that does not vary keeps 1 as its deviation. The networks have the spec's widths.
    package func fit(to networks: [NetworkWeights]) {
        guard !networks.isEmpty else { return }
        let count = Double(networks.count)
        for array in means.indices {
            let rows = networks.map { network in
                let layer = network.layers[array / 2]
                return array % 2 == 0 ? layer.weight.values : layer.bias.values
            }
            var (mean, std) = ([Float](), [Float]())
            for position in 0..<means[array].count {
                let average = rows.reduce(0) { $0 + Double($1[position]) } / count
                let variance = rows.reduce(0) {
                    $0 + (Double($1[position]) - average) * (Double($1[position]) - average)
                }
                mean.append(Float(average))
                std.append(variance > 0 ? Float((variance / count).squareRoot()) : 1)
            }
            means[array].write(mean)
            deviations[array].write(std)
        }
    }
}
