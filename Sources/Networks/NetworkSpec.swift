/// The shape of one layer's weight: (outputs, inputs), followed by the kernel's extents in a convolution.
package struct LayerShape: Hashable, Sendable {
    /// Output neurons or channels.
    package let outputs: Int
    /// Input neurons or channels.
    package let inputs: Int
    /// Empty for a fully connected layer, `[height, width]` for a convolution.
    package let kernel: [Int]

    /// A layer of these extents; without a kernel it is fully connected.
    package init(outputs: Int, inputs: Int, kernel: [Int] = []) {
        self.outputs = outputs
        self.inputs = inputs
        self.kernel = kernel
    }

    /// Positions of the kernel, which is the number of weights between one input and one output; 1 without a kernel.
    package var kernelCount: Int { kernel.reduce(1, *) }
    /// (outputs, inputs[, height, width])
    package var weightShape: [Int] { [outputs, inputs] + kernel }
}

/// The shapes of a feed-forward network's layers, from inputs to outputs.
package struct NetworkSpec: Hashable, Sendable {
    /// From inputs to outputs.
    package let layers: [LayerShape]

    /// A network of layers that fit each other.
    package init(layers: [LayerShape]) { self.layers = layers }

    /// - Parameters:
    ///   - sizes: neurons of every layer: inputs, hidden layers, outputs.
    ///   - kernels: extents of each layer's kernel, empty for a fully connected one; nil where all are fully connected.
    package init(sizes: [Int], kernels: [[Int]]? = nil) {
        layers = sizes.indices.dropLast().map { index in
            LayerShape(outputs: sizes[index + 1], inputs: sizes[index], kernel: kernels?[index] ?? [])
        }
    }

    /// Layers of weights, one less than layers of neurons.
    package var depth: Int { layers.count }
    /// Of the first layer; 0 without layers.
    package var inputs: Int { layers.first?.inputs ?? 0 }
    /// Of the last layer; 0 without layers.
    package var outputs: Int { layers.last?.outputs ?? 0 }
    /// Neurons of every layer, the inputs first.
    package var sizes: [Int] { (layers.first.map { [$0.inputs] } ?? []) + layers.map(\.outputs) }
    /// Weights and biases of all layers.
    package var parameterCount: Int {
        layers.reduce(0) { $0 + $1.outputs * $1.inputs * $1.kernelCount + $1.outputs }
    }
    /// Whether no layer is a convolution.
    package var isFullyConnected: Bool { layers.allSatisfy(\.kernel.isEmpty) }
    /// The sizes joined by hyphens: `2-32-32-1`.
    package var summary: String { sizes.map(String.init).joined(separator: "-") }
}
