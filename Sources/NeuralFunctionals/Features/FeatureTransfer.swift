import Engine
import Networks
import Tensors

extension WeightSpaceFeatures {
    /// Overwrites an array with a tensor in the layout of the PyTorch reference, the shape that `shape` gives: (B, C,
    /// outputs, inputs[, kernel height, kernel width]) for a weight, (B, C, outputs) for a bias. Traps where the number
    /// of elements differs.
    package func write(_ tensor: Tensor, to array: ArrayIndex) {
        let (matrix, places, kernelCount) = layout(array)
        var values = [Float](repeating: 0, count: tensor.count)
        var source = 0
        for network in 0..<batch {
            for channel in 0..<channels {
                for place in 0..<places {
                    let row = (network * places + place) * channels * kernelCount + channel * kernelCount
                    for position in 0..<kernelCount {
                        values[row + position] = tensor.values[source]
                        source += 1
                    }
                }
            }
        }
        matrix.write(values)
    }

    /// An array as a tensor in the layout that `write` takes.
    package func read(_ array: ArrayIndex) -> Tensor {
        let (matrix, places, kernelCount) = layout(array)
        let rows = matrix.read()
        var values = [Float]()
        values.reserveCapacity(rows.count)
        for network in 0..<batch {
            for channel in 0..<channels {
                for place in 0..<places {
                    let row = (network * places + place) * channels * kernelCount + channel * kernelCount
                    values.append(contentsOf: rows[row..<row + kernelCount])
                }
            }
        }
        return Tensor(shape: shape(array), values: values)
    }

    /// The shape of an array in the layout that `write` takes.
    package func shape(_ array: ArrayIndex) -> [Int] {
        switch array {
        case .weight(let layer): [batch, channels] + spec.layers[layer].weightShape
        case .bias(let layer): [batch, channels, spec.layers[layer].outputs]
        }
    }

    /// Overwrites these features with raw weights, one network for each item of the batch. Traps unless the features
    /// have one channel and there are `batch` networks; the networks must have the shapes of `spec`.
    package func write(_ networks: [NetworkWeights]) {
        precondition(channels == 1 && networks.count == batch, "raw weights have one channel")
        // The values of a single network are written without a copy.
        func values(_ tensor: (NetworkWeights) -> Tensor) -> [Float] {
            batch == 1 ? tensor(networks[0]).values : networks.flatMap { tensor($0).values }
        }
        for layer in 0..<spec.depth {
            weights[layer].write(values { $0.layers[layer].weight })
            biases[layer].write(values { $0.layers[layer].bias })
        }
    }

    /// The inverse of `write`: the raw weights of single-channel features as networks, with names as in a
    /// `torch.nn.Sequential` (`0.weight`, `0.bias`, …).
    package func networks() -> [NetworkWeights] {
        precondition(channels == 1, "raw weights have one channel")
        let arrays = zip(weights, biases).map { ($0.read(), $1.read()) }
        return (0..<batch).map { network in
            NetworkWeights(
                layers: spec.layers.enumerated().map { index, shape in
                    func part(_ values: [Float], _ shape: [Int]) -> Tensor {
                        let count = shape.reduce(1, *)
                        return Tensor(shape: shape, values: Array(values[network * count..<(network + 1) * count]))
                    }
                    return NetworkLayer(
                        weightName: "\(index).weight", weight: part(arrays[index].0, shape.weightShape),
                        biasName: "\(index).bias", bias: part(arrays[index].1, [shape.outputs]))
                })
        }
    }

    private func layout(_ array: ArrayIndex) -> (matrix: Matrix, places: Int, kernelCount: Int) {
        switch array {
        case .weight(let layer):
            let (outputs, inputs, kernelCount) = axes(layer)
            return (weights[layer], outputs * inputs, kernelCount)
        case .bias(let layer):
            return (biases[layer], spec.layers[layer].outputs, 1)
        }
    }
}
