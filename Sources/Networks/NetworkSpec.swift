/// The shape of one layer's weight: outputs × inputs, times a kernel where it is a convolution.
package struct LayerShape: Hashable, Sendable {
    package let outputs: Int
    package let inputs: Int
    /// Empty for a fully connected layer, `[height, width]` for a convolution.
    package let kernel: [Int]

    package init(outputs: Int, inputs: Int, kernel: [Int] = []) {
        self.outputs = outputs
        self.inputs = inputs
        self.kernel = kernel
    }

    /// Weights between one input and one output neuron: 1 without a kernel.
    package var kernelCount: Int { kernel.reduce(1, *) }
    package var weightShape: [Int] { [outputs, inputs] + kernel }
}

/// The shapes of a feed-forward network's layers, inputs to outputs.
package struct NetworkSpec: Hashable, Sendable {
    package let layers: [LayerShape]

    package init(layers: [LayerShape]) { self.layers = layers }

    /// A fully connected network of neuron layers `sizes` (inputs, hidden …, outputs).
    package init(sizes: [Int], kernels: [[Int]]? = nil) {
        layers = sizes.indices.dropLast().map { index in
            LayerShape(outputs: sizes[index + 1], inputs: sizes[index], kernel: kernels?[index] ?? [])
        }
    }

    package var depth: Int { layers.count }
    package var inputs: Int { layers.first?.inputs ?? 0 }
    package var outputs: Int { layers.last?.outputs ?? 0 }
    /// Neurons of every layer, the network's inputs first.
    package var sizes: [Int] { (layers.first.map { [$0.inputs] } ?? []) + layers.map(\.outputs) }
    package var parameterCount: Int {
        layers.reduce(0) { $0 + $1.outputs * $1.inputs * $1.kernelCount + $1.outputs }
    }
    package var isFullyConnected: Bool { layers.allSatisfy(\.kernel.isEmpty) }
    /// Neuron counts in one word: `2-32-32-1`.
    package var summary: String { sizes.map(String.init).joined(separator: "-") }
}
