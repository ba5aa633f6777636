/// The names of a layer's two tensors.
package struct LayerNames: Sendable, Hashable {
    /// Of the tensor of weights.
    package let weight: String
    /// Of the tensor of biases.
    package let bias: String

    /// The names of one layer's two tensors.
    package init(weight: String, bias: String) {
        self.weight = weight
        self.bias = bias
    }
}

extension NetworkSpec {
    /// The names of a network that comes without any: those of a PyTorch module `net` whose hidden layers wrap a linear
    /// one, such as `net.0.linear.weight`, and whose last layer is bare, `net.2.weight`.
    package var defaultNames: [LayerNames] {
        layers.indices.map { index in
            let prefix = index < layers.count - 1 ? "net.\(index).linear" : "net.\(index)"
            return LayerNames(weight: prefix + ".weight", bias: prefix + ".bias")
        }
    }
}
