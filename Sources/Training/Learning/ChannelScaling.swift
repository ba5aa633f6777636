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
            result.layers[index + 1].scaleInputs(scales.map { 1 / Double($0) })
        }
        return result
    }
}
