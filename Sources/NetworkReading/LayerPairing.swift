import Networks
import Tensors

/// A weight and the bias of the same layer.
struct LayerPair {
    let weight: NamedTensor
    let bias: NamedTensor?
    /// The bias's name; where it is missing, the name that it would have.
    let biasName: String

    /// The pair with a one-dimensional weight reshaped to (outputs, inputs), where outputs is the bias's length;
    /// unchanged where the weight has another rank or its length is no multiple.
    var withMatrixWeight: LayerPair {
        guard let bias, bias.tensor.rank == 1, weight.tensor.rank == 1, bias.tensor.count > 0,
            weight.tensor.count.isMultiple(of: bias.tensor.count)
        else { return self }
        let shape = [bias.tensor.count, weight.tensor.count / bias.tensor.count]
        let matrix = NamedTensor(
            name: weight.name, tensor: weight.tensor.reshaped(shape), elementType: weight.elementType)
        return LayerPair(weight: matrix, bias: bias, biasName: biasName)
    }
}

/// Pairs a file's weights and biases: by the common part of their names, or else by rank and order.
struct LayerPairing {
    /// In the order of their weights.
    private(set) var layers: [LayerPair] = []
    private(set) var mismatches: [NetworkMismatch] = []
    /// Whether every bias has a weight. Otherwise `layers` lacks some layers, and their shapes cannot be judged.
    private(set) var isWhole = true

    /// The positions of the tensors in the order in which they were paired.
    let order: [Int]
    /// Why it cannot be known which tensors belong together, although their shapes fit; nil where it can.
    let doubt: NetworkMismatch?

    /// - Parameter tensors: of rank 1 or more, in the order of the file.
    init(_ tensors: [NamedTensor]) {
        let natural = UnnamedOrder.natural(tensors)
        let sorted = natural.map { tensors[$0] }
        let names = sorted.map { ParameterName($0.name) }
        let groups = Dictionary(grouping: sorted.indices) { names[$0].layerKey }
        let hasPair = groups.values.contains { group in
            group.contains { names[$0].role == .weight } && group.contains { names[$0].role == .bias }
        }
        if !hasPair, names.contains(where: { $0.role == nil }) {
            let unnamed = UnnamedOrder(tensors, natural: natural)
            (order, doubt) = (unnamed.order, unnamed.doubt)
            pairByShape(order.map { tensors[$0] })
        } else {
            (order, doubt) = (natural, nil)
            pairByName(sorted, names)
        }
    }

    /// The pairs of tensors whose names have no roles, as far as there are both a weight and a bias.
    static func byShape(_ tensors: [NamedTensor]) -> [UnnamedPair] {
        let (weights, biases) = roles(tensors)
        return zip(weights, biases).map { UnnamedPair(weight: $0, bias: $1) }
    }

    /// Weights and biases by their rank.
    private static func roles(_ tensors: [NamedTensor]) -> (weights: [NamedTensor], biases: [NamedTensor]) {
        // Stacked biases have rank 2, like the weights of a single network.
        let isStack = !tensors.contains { $0.tensor.rank == 1 } && tensors.contains { [3, 5].contains($0.tensor.rank) }
        let biasRank = isStack ? 2 : 1
        return (tensors.filter { $0.tensor.rank > biasRank }, tensors.filter { $0.tensor.rank <= biasRank })
    }

    private mutating func pairByName(_ tensors: [NamedTensor], _ names: [ParameterName]) {
        var weights: [String: Int] = [:]
        var biases: [String: Int] = [:]
        for (index, name) in names.enumerated() {
            switch name.role {
            case .weight where weights[name.layerKey] == nil: weights[name.layerKey] = index
            case .bias where biases[name.layerKey] == nil: biases[name.layerKey] = index
            default: refuse(tensors[index])
            }
        }
        var siblings: [String: String] = [:]
        for (key, weight) in weights {
            guard let bias = biases[key] else { continue }
            siblings[names[weight].word] = names[bias].word
            siblings[names[bias].word] = names[weight].word
        }
        for (index, name) in names.enumerated() {
            if weights[name.layerKey] == index {
                let bias = biases[name.layerKey].map { tensors[$0] }
                let biasName = bias?.name ?? name.partner(siblings: siblings)
                layers.append(LayerPair(weight: tensors[index], bias: bias, biasName: biasName))
            } else if biases[name.layerKey] == index, weights[name.layerKey] == nil {
                missWeight(name.partner(siblings: siblings), of: tensors[index])
            }
        }
    }

    private mutating func pairByShape(_ tensors: [NamedTensor]) {
        let (weights, biases) = Self.roles(tensors)
        for (index, weight) in weights.enumerated() {
            let bias = index < biases.count ? biases[index] : nil
            layers.append(LayerPair(weight: weight, bias: bias, biasName: bias?.name ?? "bias of \(weight.name)"))
        }
        for bias in biases.dropFirst(weights.count) { missWeight("weight of \(bias.name)", of: bias) }
    }

    private mutating func refuse(_ tensor: NamedTensor) {
        mismatches.append(
            NetworkMismatch(
                .unexpectedTensor, tensor: tensor.name, expected: "the weight or the bias of one layer",
                received: "\(tensor.tensor.shape), which belongs to none"))
    }

    private mutating func missWeight(_ name: String, of bias: NamedTensor) {
        isWhole = false
        mismatches.append(
            NetworkMismatch(
                .missingTensor, tensor: name, expected: "a weight for \(NetworkMismatch.quoted(bias.name))",
                received: "nothing"))
    }
}
