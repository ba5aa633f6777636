import Tensors

/// The weight and bias of one layer, with their names in the file.
package struct NetworkLayer: Sendable, Equatable {
    /// The weight's name in the file, such as `net.0.linear.weight`.
    package var weightName: String
    /// (outputs, inputs[, kernel height, kernel width])
    package var weight: Tensor
    /// The bias's name in the file.
    package var biasName: String
    /// (outputs)
    package var bias: Tensor

    /// A layer of a weight (outputs, inputs[, height, width]) and a bias (outputs).
    package init(weightName: String, weight: Tensor, biasName: String, bias: Tensor) {
        self.weightName = weightName
        self.weight = weight
        self.biasName = biasName
        self.bias = bias
    }
}

/// The weights and biases of one feed-forward network: what clients upload and models read.
package struct NetworkWeights: Sendable, Equatable {
    /// From inputs to outputs.
    package var layers: [NetworkLayer]

    /// A network of layers of which each one's outputs are the next one's inputs.
    package init(layers: [NetworkLayer]) { self.layers = layers }

    /// The shapes of the layers.
    package var spec: NetworkSpec {
        NetworkSpec(
            layers: layers.map { layer in
                LayerShape(
                    outputs: layer.weight.shape[0], inputs: layer.weight.shape[1],
                    kernel: Array(layer.weight.shape.dropFirst(2)))
            })
    }

    /// The network as named tensors in the order w0, b0, w1, b1, …
    package var stateDict: StateDict {
        StateDict(
            layers.flatMap { layer in
                [
                    NamedTensor(name: layer.weightName, tensor: layer.weight),
                    NamedTensor(name: layer.biasName, tensor: layer.bias),
                ]
            })
    }
}
