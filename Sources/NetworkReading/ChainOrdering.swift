import Networks

/// Finds the order of layers from their shapes, for files whose names do not sort that way (`input`, `hidden`,
/// `output`).
///
/// In a valid order the outputs of each layer are the inputs of the next. A depth-first search tries all orders.
struct ChainOrdering {
    /// Inputs and outputs of every layer, in natural order of names.
    private let layers: [(inputs: Int, outputs: Int)]
    private var used: [Bool]
    private var path: [Int] = []
    private var found: [[Int]] = []
    /// Limits the search, which takes exponential time in the worst case.
    private var stepsLeft = 2000
    /// Limits the recursion. Longer networks are read only if their names sort in the order of layers.
    private static let longestChain = 16

    private init(_ layers: [(inputs: Int, outputs: Int)]) {
        self.layers = layers
        used = [Bool](repeating: false, count: layers.count)
    }

    /// The only order in which the layers form a chain, where layers of equal shape stay in order of names; nil if
    /// there is none or more than one.
    /// - Parameter batched: whether shapes begin with an axis of networks.
    static func unique(_ links: [ChainLink], order: WeightOrder, batched: Bool) -> [Int]? {
        guard links.count <= longestChain else { return nil }
        var layers: [(inputs: Int, outputs: Int)] = []
        for link in links {
            guard let shape = order.layer(Array(link.weightShape.dropFirst(batched ? 1 : 0))) else { return nil }
            if let bias = link.biasShape, bias.last != shape.outputs { return nil }
            layers.append((shape.inputs, shape.outputs))
        }
        var search = ChainOrdering(layers)
        search.extend(from: nil)
        return search.found.count == 1 && search.stepsLeft > 0 ? search.found.first : nil
    }

    private mutating func extend(from width: Int?) {
        guard path.count < layers.count else {
            found.append(path)
            return
        }
        var tried: Set<[Int]> = []
        for index in layers.indices where !used[index] && (width == nil || layers[index].inputs == width) {
            guard found.count < 2, stepsLeft > 0 else { return }
            guard tried.insert([layers[index].inputs, layers[index].outputs]).inserted else { continue }
            stepsLeft -= 1
            used[index] = true
            path.append(index)
            extend(from: layers[index].outputs)
            path.removeLast()
            used[index] = false
        }
    }
}
