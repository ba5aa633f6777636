import Networks
import Tensors

/// Networks made of paired tensors: layers in order, weights as (outputs, inputs[, height, width]).
struct LayeredForm {
    let mismatches: [NetworkMismatch]
    let order: WeightOrder
    /// The stacked networks; nil for a single one.
    let batch: LayerChain.Batch?
    /// Neurons of every layer, the inputs first; 0 where no tensor states a width.
    let widths: [Int]
    private let layers: [LayerPair]

    init(_ pairing: LayerPairing, expecting expectation: NetworkExpectation?) {
        // Weights without rows are accepted only if all are: one among matrices is a mistake.
        let areVectors = pairing.layers.allSatisfy { $0.weight.tensor.rank == 1 }
        let pairs = pairing.layers.map { areVectors ? $0.withMatrixWeight : $0.withFlatBias }
        let batch = Self.batch(of: pairs)
        let links = pairs.map { pair in
            ChainLink(
                weightName: pair.weight.name, weightShape: pair.weight.tensor.shape, biasName: pair.biasName,
                biasShape: pair.bias?.tensor.shape)
        }
        // Networks of another depth are refused in any order.
        let mayReorder = expectation.map { $0.depth == links.count } ?? true
        let (order, sequence) = Self.arrangement(of: links, batch: batch, mayReorder: mayReorder)
        let chain = LayerChain(sequence.map { links[$0] }, order: order, batch: batch, expectation: expectation)
        var found = pairing.mismatches
        if pairing.isWhole {
            if batch?.count == 0 { found.append(Self.emptyBatch) }
            if let depth = expectation?.depthMismatch(chain) {
                // Shapes that do not fit the model follow from its depth and are left out.
                found.append(depth)
                found += chain.mismatches.filter { !Self.isShape($0) }
            } else {
                found += chain.mismatches
            }
        }
        mismatches = found
        widths = chain.sizes.map { $0 ?? 0 }
        self.order = order
        self.batch = batch
        layers = sequence.map { pairs[$0] }
    }

    private static var emptyBatch: NetworkMismatch {
        NetworkMismatch(.shapeMismatch, expected: "expected at least one network", received: "a batch of 0")
    }

    /// The names of the arrays of every layer, in the order of layers.
    var names: [(weight: String, bias: String)] { layers.map { ($0.weight.name, $0.biasName) } }

    /// The networks. Only valid without mismatches.
    var networks: [NetworkWeights] {
        guard let batch else { return [network { $0 }] }
        return (0..<batch.count).map { index in network { $0.slice(index) } }
    }

    private func network(_ part: (Tensor) -> Tensor) -> NetworkWeights {
        NetworkWeights(
            layers: layers.compactMap { pair in
                guard let bias = pair.bias else { return nil }
                let weight = part(pair.weight.tensor)
                return NetworkLayer(
                    weightName: pair.weight.name,
                    weight: order == .inputsFirst ? weight.outputsFirst : weight,
                    biasName: bias.name, bias: part(bias.tensor))
            })
    }

    /// The stack, if most tensors have one axis more than a single network's; its count is the commonest leading
    /// extent.
    private static func batch(of layers: [LayerPair]) -> LayerChain.Batch? {
        var extents: [(count: Int, source: String)] = []
        var singles = 0
        func note(_ entry: NamedTensor, single: [Int], stacked: [Int]) {
            if single.contains(entry.tensor.rank) { singles += 1 }
            if stacked.contains(entry.tensor.rank) { extents.append((entry.tensor.shape[0], entry.name)) }
        }
        for pair in layers {
            note(pair.weight, single: [2, 4], stacked: [3, 5])
            if let bias = pair.bias { note(bias, single: [1], stacked: [2]) }
        }
        guard extents.count > singles else { return nil }
        let tally = Dictionary(grouping: extents, by: \.count).mapValues(\.count)
        let most = tally.values.max() ?? 0
        return extents.first { tally[$0.count] == most }.map { LayerChain.Batch(count: $0.count, source: $0.source) }
    }

    /// The order of axes and the sequence of layers in which the shapes fit together. PyTorch's order and the order of
    /// names come first, and are used where nothing fits, unless the other order of axes has fewer mismatches.
    private static func arrangement(
        of links: [ChainLink], batch: LayerChain.Batch?, mayReorder: Bool
    ) -> (WeightOrder, [Int]) {
        let natural = Array(links.indices)
        // Only Flax names weights `kernel`: this decides where all weights are square and both orders fit.
        let isFlax = !links.isEmpty && links.allSatisfy { ParameterName($0.weightName).usesKernelWord }
        let orders: [WeightOrder] = isFlax ? [.inputsFirst, .outputsFirst] : [.outputsFirst, .inputsFirst]
        var counts: [Int] = []
        for order in orders {
            counts.append(LayerChain(links, order: order, batch: batch).mismatches.count(where: isShape))
            if counts.last == 0 { return (order, natural) }
        }
        for order in orders where mayReorder {
            if let sequence = ChainOrdering.unique(links, order: order, batched: batch != nil) {
                return (order, sequence)
            }
        }
        return (counts[1] < counts[0] ? orders[1] : orders[0], natural)
    }

    private static func isShape(_ mismatch: NetworkMismatch) -> Bool { mismatch.code == .shapeMismatch }
}
