import Networks
import Tensors

/// INRs to learn from, all in memory: one row of flat weights each.
package struct Corpus: Sendable {
    package let spec: NetworkSpec
    /// (networks, parameters), w0, b0, w1, b1, … in PyTorch's order.
    package let weights: [Float]
    package let labels: [Int]
    /// Which picture each network was fitted to.
    package let sources: [Int]

    /// The caller guarantees one row of `spec`'s parameter count, one label and one source a network.
    package init(spec: NetworkSpec, weights: [Float], labels: [Int], sources: [Int]) {
        precondition(weights.count == labels.count * spec.parameterCount && sources.count == labels.count, "rows")
        self.spec = spec
        self.weights = weights
        self.labels = labels
        self.sources = sources
    }

    package var count: Int { labels.count }

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

/// The order in which a run visits its networks: every epoch each picture once, in one of its views.
struct EpochOrder: Sendable {
    /// Networks of every picture.
    private let views: [[Int]]
    private let seed: UInt64

    init(_ indices: [Int], sources: [Int], seed: UInt64) {
        views = Dictionary(grouping: indices, by: { sources[$0] }).sorted { $0.key < $1.key }.map(\.value)
        self.seed = seed
    }

    /// Pictures, and so networks an epoch.
    var count: Int { views.count }

    /// The networks of an epoch, the same for the same seed and epoch.
    func networks(epoch: Int) -> [Int] {
        var random = RandomSource(seed: seed &+ UInt64(epoch) &* 0x5851_F42D_4C95_7F2D)
        return views.shuffled(using: &random).map { $0[Int(random.next() % UInt64($0.count))] }
    }
}
