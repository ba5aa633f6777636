import Networks
import Tensors

/// The networks of a training or test set, all of one size and in memory.
package struct Corpus: Sendable {
    /// The layers of every network.
    package let spec: NetworkSpec
    /// (networks, parameters), row-major; a row is w0, b0, w1, b1, …, each weight as (outputs, inputs).
    package let weights: [Float]
    /// The class of each network, from 0; −1 where it has none.
    package let labels: [Int]
    /// The number of the picture that each network was fitted to; networks of one picture differ in their restart.
    package let sources: [Int]

    /// Traps unless there are one row of `spec`'s parameter count, one label and one source for each network.
    package init(spec: NetworkSpec, weights: [Float], labels: [Int], sources: [Int]) {
        precondition(weights.count == labels.count * spec.parameterCount && sources.count == labels.count, "rows")
        self.spec = spec
        self.weights = weights
        self.labels = labels
        self.sources = sources
    }

    /// The number of networks.
    package var count: Int { labels.count }

    /// The network at `index`, with the tensor names w0, b0, w1, b1, …
    package subscript(_ index: Int) -> NetworkWeights {
        var next = index * spec.parameterCount
        func take(_ shape: [Int]) -> Tensor {
            let count = shape.reduce(1, *)
            defer { next += count }
            return Tensor(shape: shape, values: Array(weights[next..<next + count]))
        }
        return NetworkWeights(
            layers: spec.layers.enumerated().map { layer, shape in
                NetworkLayer(
                    weightName: "w\(layer)", weight: take(shape.weightShape), biasName: "b\(layer)",
                    bias: take([shape.outputs]))
            })
    }
}

/// The order in which a run visits its networks: every epoch each picture once, as one of its restarts, drawn
/// uniformly.
struct EpochOrder: Sendable {
    /// For each picture, in the order of their numbers, the corpus indices of its restarts.
    private let restarts: [[Int]]
    private let seed: UInt64

    /// - Parameters:
    ///   - indices: the networks to visit, as indices of the corpus.
    ///   - sources: the picture of every network of the corpus.
    init(_ indices: [Int], sources: [Int], seed: UInt64) {
        restarts = Dictionary(grouping: indices, by: { sources[$0] }).sorted { $0.key < $1.key }.map(\.value)
        self.seed = seed
    }

    /// The number of pictures, which is the number of networks in an epoch.
    var count: Int { restarts.count }

    /// The networks of an epoch as indices of the corpus; the same for the same seed and epoch.
    func networks(epoch: Int) -> [Int] {
        var random = RandomSource(seed: seed &+ UInt64(epoch) &* 0x5851_F42D_4C95_7F2D)
        return restarts.shuffled(using: &random).map { $0[Int(random.next() % UInt64($0.count))] }
    }
}
