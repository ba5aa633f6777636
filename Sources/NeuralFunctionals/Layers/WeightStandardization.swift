import Engine
import Networks
import Tensors

/// y = (x − mean) / std for every entry of every weight and bias, with statistics of that entry over training networks.
/// They are buffers of the checkpoint, `mean_weights_0`, `std_bias_1`, …, each [1] + the shape of its array.
package struct WeightStandardization: Sendable {
    private let means: [Matrix]
    private let deviations: [Matrix]

    /// Reads the statistics; in a new model means are 0 and standard deviations 1 until `fit`.
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

    /// *Shapes:* features with one channel, of networks with exactly the widths of `spec` → the same.
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

    /// Sets the statistics to those of `networks`: for each entry the mean and the standard deviation (divided by n),
    /// or 1 where the entry does not vary. The networks must have the widths of `spec`. Without networks nothing
    /// changes.
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
