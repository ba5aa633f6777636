import Networks
import Tensors

/// The networks a model reads: a depth, inputs and outputs, and hidden widths that are fixed or free.
package struct NetworkExpectation: Sendable, Hashable {
    /// Which hidden widths a model accepts.
    package enum HiddenWidths: Sendable, Hashable {
        case fixed
        /// Any width up to the limit, which bounds what one request can cost.
        case free(upTo: Int)
    }

    /// The sizes the model was trained on; also how flat uploads are cut up.
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

    /// Shapes of every layer's weight and bias; -1 where any width will do.
    package var layerShapes: [(weight: [Int], bias: [Int])] {
        spec.layers.enumerated().map { index, layer in
            let outputs = width(index + 1) ?? -1
            return ([outputs, width(index) ?? -1] + layer.kernel, [outputs])
        }
    }

    /// What keeps the model from reading `network`; empty if nothing does.
    package func mismatches(in network: NetworkWeights) -> [NetworkMismatch] {
        let links = network.layers.map { layer in
            ChainLink(
                weightName: layer.weightName, weightShape: layer.weight.shape, biasName: layer.biasName,
                biasShape: layer.bias.shape)
        }
        let chain = LayerChain(links, order: .outputsFirst, expectation: self)
        return (depthMismatch(chain).map { [$0] } ?? []) + chain.mismatches
    }

    /// Throws everything that keeps the model from reading `network`.
    package func check(_ network: NetworkWeights) throws(NetworkError) {
        let mismatches = mismatches(in: network)
        if !mismatches.isEmpty { throw NetworkError(mismatches) }
    }

    var reason: String { "the model reads \(summary)" }

    var widthLimit: Int? {
        if case .free(let limit) = hiddenWidths { limit } else { nil }
    }

    /// Neurons demanded at `boundary` (0 the inputs, `depth` the outputs); nil where any number will do.
    func width(_ boundary: Int) -> Int? {
        if widthLimit != nil, boundary > 0, boundary < depth { return nil }
        return spec.sizes.indices.contains(boundary) ? spec.sizes[boundary] : nil
    }

    func depthMismatch(_ chain: LayerChain) -> NetworkMismatch? {
        guard chain.links.count != depth else { return nil }
        let sizes = chain.sizes.map { $0.map(String.init) ?? "?" }.joined(separator: "-")
        return NetworkMismatch(
            .shapeMismatch, expected: "the model reads networks of \(counted(depth, "layer")) (\(summary))",
            received: "\(counted(chain.links.count, "layer")) (\(sizes))")
    }
}

extension NetworkWeights {
    /// Whether a model with this expectation can read the network.
    package func matches(_ expected: NetworkExpectation) -> Bool { expected.mismatches(in: self).isEmpty }
}
