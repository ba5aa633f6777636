import Tensors

extension NetworkWeights {
    /// The same function with the neurons of a hidden layer in another order: new neuron i is old neuron
    /// `permutation[i]`. Rows of the layer's weight and bias and inputs of the next layer's weight move together.
    /// - Parameter layer: counted from 0; the last layer is not hidden.
    /// - Returns: nil unless `layer` is a hidden layer and `permutation` contains each of its neurons once.
    package func permutingHidden(layer: Int, by permutation: [Int]) -> NetworkWeights? {
        guard layers.indices.dropLast().contains(layer) else { return nil }
        let neurons = layers[layer].bias.count
        guard neurons > 0, permutation.sorted() == Array(0..<neurons) else { return nil }
        let own = layers[layer]
        let next = layers[layer + 1]
        let fanIn = own.weight.count / neurons
        var result = self
        for (new, old) in permutation.enumerated() {
            result.layers[layer].bias.values[new] = own.bias.values[old]
            for input in 0..<fanIn {
                result.layers[layer].weight.values[new * fanIn + input] = own.weight.values[old * fanIn + input]
            }
        }
        let outputs = next.bias.count
        guard outputs > 0 else { return nil }
        let kernelCount = next.weight.count / outputs / neurons
        for output in 0..<outputs {
            for (new, old) in permutation.enumerated() {
                for position in 0..<kernelCount {
                    let row = output * neurons
                    result.layers[layer + 1].weight.values[(row + new) * kernelCount + position] =
                        next.weight.values[(row + old) * kernelCount + position]
                }
            }
        }
        return result
    }
}
