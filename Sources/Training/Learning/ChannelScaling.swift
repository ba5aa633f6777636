import Foundation
import Networks
import Tensors

extension NetworkWeights {
    /// The same function of a network with ReLUs between its layers, written with other weights: every hidden neuron's or
    /// channel's incoming weights and bias are multiplied by a factor λ and its outgoing weights by 1/λ, since
    /// ReLU(λ z) = λ ReLU(z) for λ > 0. log λ is drawn uniformly.
    /// - Parameter factors: the smallest and the largest λ, above 0.
    package func rescalingChannels(
        by factors: ClosedRange<Float> = 0.1...10, _ random: inout RandomSource
    ) -> NetworkWeights {
        var result = self
        for index in layers.indices.dropLast() {
            let channels = layers[index].bias.count
            let scales = (0..<channels).map { _ in
                Float(exp(Double(random.uniform(in: log(factors.lowerBound)...log(factors.upperBound)))))
            }
            let fanIn = layers[index].weight.count / max(1, channels)
            for channel in 0..<channels {
                for place in channel * fanIn..<(channel + 1) * fanIn {
                    result.layers[index].weight.values[place] *= scales[channel]
                }
                result.layers[index].bias.values[channel] *= scales[channel]
            }
            // (outputs, inputs, kernel): after a flattening each channel has several inputs, which follow each other.
            let outputs = layers[index + 1].bias.count
            let perOutput = layers[index + 1].weight.count / max(1, outputs)
            let perChannel = max(1, perOutput / max(1, channels))
            for place in result.layers[index + 1].weight.values.indices {
                result.layers[index + 1].weight.values[place] /= scales[place % perOutput / perChannel]
            }
        }
        return result
    }
}
