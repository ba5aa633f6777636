import Datasets
import Engine
import Networks
import SIREN
import Tensors

/// The networks of a training or test set, in memory. Networks of one shape and activation are a group; their indices
/// follow each other.
package struct Corpus: Sendable {
    /// Networks of one shape and activation.
    package struct Group: Sendable {
        /// The layers of every network.
        package let spec: NetworkSpec
        /// The function between the layers.
        package let activation: Nonlinearity
        /// (networks, parameters), row-major; a row is w0, b0, w1, b1, …, each weight as (outputs, inputs[, height,
        /// width]).
        package internal(set) var weights: [Float]

        /// Networks whose weights are rows of `spec`'s parameter count; not checked.
        package init(spec: NetworkSpec, activation: Nonlinearity, weights: [Float]) {
            self.spec = spec
            self.activation = activation
            self.weights = weights
        }

        /// The number of networks.
        package var count: Int { weights.count / max(1, spec.parameterCount) }
    }

    /// What a corpus says of its networks beside the numbers of each.
    package struct Description: Sendable, Equatable {
        /// INRs or CNNs.
        package var family = NetworkFamily.inr
        /// The notation of all networks' weights. Of CNNs only the activation counts, which may differ between groups.
        package var notation = Notation.nfn
        /// The extents of the pictures that INRs draw; nil where they are unknown.
        package var image: ImageShape?
        /// The names of the classes; nil where they have none.
        package var classes: [String]?
        /// The columns to predict by default.
        package var targets: [String] = []

        /// INRs at ω₀ = 30 without pictures, classes and targets.
        package init() {}

        /// What the header of a shard says.
        /// - Parameter notation: that of all networks' weights.
        package init(_ header: ShardHeader, notation: Notation) {
            self.init()
            family = header.family
            self.notation = notation
            image = header.image
            classes = header.classes
            targets = header.targets
        }
    }

    /// In the order of indices.
    package let groups: [Group]
    /// Family, notation, pictures, classes and targets.
    package let description: Description
    /// The class of each network, from 0; −1 where it has none.
    package let labels: [Int]
    /// What each network was made from, such as the number of a picture; networks of one source differ in their restart
    /// or in the step of their training.
    package let sources: [Int]
    /// The split of each network; nil where none is given.
    package let splits: [CorpusSplit]?
    /// Further numbers of each network.
    package let columns: [ShardColumn]
    /// The index of each group's first network.
    private let starts: [Int]

    /// Traps unless there are one label, source, split and value of each column for each network of the groups.
    package init(
        _ groups: [Group], _ description: Description, labels: [Int], sources: [Int], splits: [CorpusSplit]? = nil,
        columns: [ShardColumn] = []
    ) {
        var starts: [Int] = []
        var count = 0
        for group in groups {
            starts.append(count)
            count += group.count
        }
        precondition(labels.count == count && sources.count == count && splits?.count ?? count == count, "rows")
        precondition(columns.allSatisfy { $0.values.count == count }, "columns")
        self.groups = groups
        self.description = description
        self.labels = labels
        self.sources = sources
        self.splits = splits
        self.columns = columns
        self.starts = starts
    }

    /// SIRENs of one shape.
    ///
    /// Traps unless there are one row of `spec`'s parameter count, one label and one source for each network.
    package init(spec: NetworkSpec, weights: [Float], labels: [Int], sources: [Int]) {
        precondition(weights.count == labels.count * spec.parameterCount, "rows")
        self.init(
            [Group(spec: spec, activation: .sine, weights: weights)], Description(), labels: labels, sources: sources)
    }

    /// The number of networks.
    package var count: Int { labels.count }

    /// The number of different sources.
    package var sourceCount: Int { Set(sources).count }

    /// The group with the most networks, the first of equals: its shapes are those that a model is built for.
    package var mainGroup: Group? {
        groups.indices.max { (groups[$0].count, $1) < (groups[$1].count, $0) }.map { groups[$0] }
    }

    /// The column of that name; nil where there is none.
    package func column(_ name: String) -> [Float]? { columns.first { $0.name == name }?.values }

    /// The number of a network's group.
    package func group(of index: Int) -> Int { (starts.lastIndex { $0 <= index }) ?? 0 }

    /// The function between the layers of a network.
    package func activation(of index: Int) -> Nonlinearity { groups[group(of: index)].activation }

    /// The network at `index`, with the tensor names w0, b0, w1, b1, …
    package subscript(_ index: Int) -> NetworkWeights {
        let number = group(of: index)
        let (spec, weights) = (groups[number].spec, groups[number].weights)
        var next = (index - starts[number]) * spec.parameterCount
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

    /// The networks for which `keeps` returns true, given their index; groups that lose all their networks are left out.
    package func selecting(_ keeps: (Int) -> Bool) -> Corpus {
        let kept = (0..<count).filter(keeps)
        guard kept.count < count else { return self }
        var parts = groups.map { Group(spec: $0.spec, activation: $0.activation, weights: []) }
        for index in kept {
            let number = group(of: index)
            let size = groups[number].spec.parameterCount
            let start = (index - starts[number]) * size
            parts[number].weights += groups[number].weights[start..<start + size]
        }
        return Corpus(
            parts.filter { $0.count > 0 }, description, labels: kept.map { labels[$0] },
            sources: kept.map { sources[$0] }, splits: splits.map { splits in kept.map { splits[$0] } },
            columns: columns.map { column in
                ShardColumn(name: column.name, values: kept.map { column.values[$0] })
            })
    }
}

/// The order in which a run visits its networks: every epoch each source once, as one of its networks, drawn uniformly.
///
/// Networks follow each other in micro-batches of one group. Where there are several groups, a group's last micro-batch is
/// filled up with networks of the group that the epoch has visited, and the micro-batches are in random order.
struct EpochOrder: Sendable {
    /// For each source, in the order of their numbers, the corpus indices of its networks.
    private let restarts: [[Int]]
    private let seed: UInt64
    private let microbatch: Int
    /// The group of every network of the corpus; nil where there is one group only.
    private let groups: [Int]?

    /// - Parameters:
    ///   - indices: the networks to visit, as indices of the corpus.
    ///   - microbatch: networks of one group that are computed together.
    init(_ indices: [Int], of corpus: Corpus, seed: UInt64, microbatch: Int) {
        restarts = Dictionary(grouping: indices, by: { corpus.sources[$0] }).sorted { $0.key < $1.key }.map(\.value)
        self.seed = seed
        self.microbatch = microbatch
        groups = corpus.groups.count > 1 ? (0..<corpus.count).map(corpus.group) : nil
    }

    /// The number of sources, which is the number of networks in an epoch.
    var count: Int { restarts.count }

    /// The networks of an epoch as indices of the corpus, at least `count`; the same for the same seed and epoch.
    func networks(epoch: Int) -> [Int] {
        var random = RandomSource(seed: seed &+ UInt64(epoch) &* 0x5851_F42D_4C95_7F2D)
        let visited = restarts.shuffled(using: &random).map { $0[Int(random.next() % UInt64($0.count))] }
        guard let groups else { return visited }
        let parts = Dictionary(grouping: visited, by: { groups[$0] }).sorted { $0.key < $1.key }.map(\.value)
        let batches = parts.flatMap { own in
            stride(from: 0, to: own.count, by: microbatch).map { start in
                (start..<start + microbatch).map { own[$0 % own.count] }
            }
        }
        return batches.shuffled(using: &random).flatMap(\.self)
    }
}
