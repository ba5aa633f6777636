import Networks
import Tensors

/// The order in which arrays are paired by rank, the first weight with the first bias and so on, where names have no role
/// words: that of the names where they tell it, or else that of the file.
///
/// Names tell an order where they are numbered (`arr_0`, `arr_1`, …), or where a weight and its bias differ in the same
/// letters in every layer (`kin`, `cin`, `kout`, `cout`). Other names, such as `foo` and `bar`, sort by chance. A file
/// that has each bias behind its weight tells it by its own order, and so does one that has all weights together where the
/// names agree. Where nothing does, and shapes allow several pairs, it cannot be known which is meant.
struct UnnamedOrder {
    /// The positions of the tensors in that order.
    let order: [Int]
    /// Why the pairs cannot be known; nil where they can.
    private(set) var doubt: NetworkMismatch?

    /// - Parameters:
    ///   - tensors: in the order of the file, of rank 1 or more.
    ///   - natural: their positions in natural order of the names.
    init(_ tensors: [NamedTensor], natural: [Int]) {
        let pairs = LayerPairing.byShape(natural.map { tensors[$0] })
        let filed = LayerPairing.byShape(tensors)
        let isTold = Self.isTold(pairs)
        if !isTold, Self.isAlternating(tensors, filed) {
            order = Array(tensors.indices)
            return
        }
        order = natural
        if !isTold, pairs != filed || !Self.isGrouped(tensors, filed) { doubt = Self.doubt(pairs) }
    }

    /// The positions of tensors in natural order of their names.
    static func natural(_ tensors: [NamedTensor]) -> [Int] {
        tensors.indices.sorted { naturallyPrecedes(tensors[$0].name, tensors[$1].name) }
    }

    /// Whether the names of weights and biases tell which belong together.
    private static func isTold(_ pairs: [UnnamedPair]) -> Bool {
        let (weights, biases) = (pairs.map(\.weight.name), pairs.map(\.bias.name))
        func letters(_ names: [String]) -> Set<String> { Set(names.map { $0.filter { !$0.isNumber } }) }
        if letters(weights).count == 1, letters(biases).count == 1 { return true }
        return distinguishing(weights) == distinguishing(biases)
    }

    /// The names without what all of them begin and end with.
    private static func distinguishing(_ names: [String]) -> [Substring] {
        guard let first = names.first else { return [] }
        let start = names.reduce(first.count) { shortest, name in
            min(shortest, zip(first, name).prefix { $0 == $1 }.count)
        }
        let rest = names.map { $0.dropFirst(start) }
        let end = rest.reduce(rest[0].count) { shortest, name in
            min(shortest, zip(rest[0].reversed(), name.reversed()).prefix { $0 == $1 }.count)
        }
        return rest.map { $0.dropLast(end) }
    }

    /// Whether every bias stands behind a weight that it fits.
    private static func isAlternating(_ tensors: [NamedTensor], _ pairs: [UnnamedPair]) -> Bool {
        tensors.map(\.name) == pairs.flatMap { [$0.weight.name, $0.bias.name] } && pairs.allSatisfy(\.mayFit)
    }

    /// Whether all weights stand before all biases, or behind them.
    private static func isGrouped(_ tensors: [NamedTensor], _ pairs: [UnnamedPair]) -> Bool {
        let (weights, biases) = (pairs.map(\.weight.name), pairs.map(\.bias.name))
        let names = tensors.map(\.name)
        return names == weights + biases || names == biases + weights
    }

    /// Nil where shapes allow one way only.
    private static func doubt(_ pairs: [UnnamedPair]) -> NetworkMismatch? {
        for (index, pair) in pairs.enumerated() {
            for other in pairs[(index + 1)...] where other.bias.tensor.shape == pair.bias.tensor.shape {
                let exchanged = [
                    UnnamedPair(weight: pair.weight, bias: other.bias),
                    UnnamedPair(weight: other.weight, bias: pair.bias),
                ]
                guard exchanged.allSatisfy(\.mayFit) else { continue }
                let names = [pair.weight, other.weight].map { NetworkMismatch.quoted($0.name) }
                return NetworkMismatch(
                    .unexpectedTensor, tensor: pair.bias.name,
                    expected: "a name that tells its layer, such as '0.bias' beside '0.weight'",
                    received:
                        "shape \(pair.bias.tensor.shape), which fits \(names[0]) and \(names[1]), as does \(NetworkMismatch.quoted(other.bias.name))"
                )
            }
        }
        return nil
    }
}

/// A weight and the array that the order makes its bias.
struct UnnamedPair: Equatable {
    let weight: NamedTensor
    let bias: NamedTensor

    /// Whether an axis of the weight has the bias's length.
    var mayFit: Bool {
        weight.tensor.rank > bias.tensor.rank && weight.tensor.shape.contains(bias.tensor.shape.last ?? 0)
    }

    /// Names tell arrays of a file apart.
    static func == (left: UnnamedPair, right: UnnamedPair) -> Bool {
        left.weight.name == right.weight.name && left.bias.name == right.bias.name
    }
}
