import Tensors

/// One layer of an uploaded network, with the names its file used.
package struct NetworkLayer: Sendable, Equatable {
    package var weightName: String
    /// (outputs, inputs[, kernel height, kernel width])
    package var weight: Tensor
    package var biasName: String
    /// (outputs)
    package var bias: Tensor

    package init(weightName: String, weight: Tensor, biasName: String, bias: Tensor) {
        self.weightName = weightName
        self.weight = weight
        self.biasName = biasName
        self.bias = bias
    }
}

/// The weights of one feed-forward network, layers in order: what a client uploads and a model reads.
package struct NetworkWeights: Sendable, Equatable {
    package var layers: [NetworkLayer]

    package init(layers: [NetworkLayer]) { self.layers = layers }

    package var spec: NetworkSpec {
        NetworkSpec(
            layers: layers.map { layer in
                LayerShape(
                    outputs: layer.weight.shape[0], inputs: layer.weight.shape[1],
                    kernel: Array(layer.weight.shape.dropFirst(2)))
            })
    }

    /// The network as named tensors, weight before bias, in layer order.
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
