import Networks
import Tensors

/// The networks that a model reads: fixed depth, inputs and outputs, with hidden widths that are fixed or free.
package struct NetworkExpectation: Sendable, Hashable {
    /// The hidden widths that a model accepts.
    package enum HiddenWidths: Sendable, Hashable {
        /// Those of `spec`.
        case fixed
        /// Any from 1 to the limit, which bounds the memory and time of one network.
        case free(upTo: Int)
    }

    /// The layers that the model was trained on, into which flat vectors of parameters are cut.
    package let spec: NetworkSpec
    package let hiddenWidths: HiddenWidths

    package init(spec: NetworkSpec, hiddenWidths: HiddenWidths = .fixed) {
        self.spec = spec
        self.hiddenWidths = hiddenWidths
    }

    package var depth: Int { spec.depth }
    package var inputs: Int { spec.inputs }
    package var outputs: Int { spec.outputs }

    /// `2-32-32-1`, or `2-*-*-1` where hidden widths are free.
    package var summary: String {
        (0...depth).map { width($0).map(String.init) ?? "*" }.joined(separator: "-")
    }

    /// The shapes of every layer's weight and bias; −1 for a free width.
    package var layerShapes: [(weight: [Int], bias: [Int])] {
        spec.layers.enumerated().map { index, layer in
            let outputs = width(index + 1) ?? -1
            return ([outputs, width(index) ?? -1] + layer.kernel, [outputs])
        }
    }

    /// Everything in `network` that the model cannot read; empty if it can read the network.
    package func mismatches(in network: NetworkWeights) -> [NetworkMismatch] {
        let links = network.layers.map { layer in
            ChainLink(
                weightName: layer.weightName, weightShape: layer.weight.shape, biasName: layer.biasName,
                biasShape: layer.bias.shape)
        }
        let chain = LayerChain(links, order: .outputsFirst, expectation: self)
        return (depthMismatch(chain).map { [$0] } ?? []) + chain.mismatches
    }

    /// Throws all mismatches if the model cannot read `network`.
    package func check(_ network: NetworkWeights) throws(NetworkError) {
        let mismatches = mismatches(in: network)
        if !mismatches.isEmpty { throw NetworkError(mismatches) }
    }

    /// What a demanded shape follows from, for messages.
    var reason: String { "the model reads \(summary)" }

    /// The largest hidden width where widths are free; nil where they are fixed.
    var widthLimit: Int? {
        if case .free(let limit) = hiddenWidths { limit } else { nil }
    }

    /// The width that the model demands at a boundary (0 for the inputs, `depth` for the outputs); nil where it is
    /// free.
    func width(_ boundary: Int) -> Int? {
        if widthLimit != nil, boundary > 0, boundary < depth { return nil }
        return spec.sizes.indices.contains(boundary) ? spec.sizes[boundary] : nil
    }

    /// The mismatch of a network of another depth; nil where the depths are equal.
    func depthMismatch(_ chain: LayerChain) -> NetworkMismatch? {
        guard chain.links.count != depth else { return nil }
        let sizes = chain.sizes.map { $0.map(String.init) ?? "?" }.joined(separator: "-")
        let isConvolutional = chain.links.contains { $0.weightShape.count > 2 }
        let kinds: (expected: String, received: String) =
            switch (spec.isFullyConnected, isConvolutional) {
            case (true, true): ("fully connected networks", "a convolutional network of ")
            case (false, false): ("convolutional networks", "a fully connected network of ")
            default: ("networks", "")
            }
        return NetworkMismatch(
            .shapeMismatch, expected: "the model reads \(kinds.expected) of \(counted(depth, "layer")) (\(summary))",
            received: "\(kinds.received)\(counted(chain.links.count, "layer")) (\(sizes))")
    }
}

extension NetworkWeights {
    /// Whether a model with this expectation can read the network.
    package func matches(_ expected: NetworkExpectation) -> Bool { expected.mismatches(in: self).isEmpty }
}
