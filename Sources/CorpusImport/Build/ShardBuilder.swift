import Datasets
import Networks

/// A network that is about to be written, with all that a shard keeps of it.
struct CorpusEntry {
    /// Where it was read, so that a resumed import reads it again while its shard is not written.
    let unit: Int
    let place: Int
    let position: Int
    let weights: [Float]
    let label: Int
    let source: Int
    let view: Int
    let split: CorpusSplit
    let psnr: Float
    /// In the plan's order.
    let columns: [Float]
    let file: String
}

/// The networks of one shape and notation that no shard has yet.
struct ShardBuilder {
    let header: ShardHeader
    let capacity: Int
    private(set) var entries: [CorpusEntry] = []

    init(_ header: ShardHeader, _ options: ImportOptions) {
        self.header = header
        capacity = max(1, min(options.shardSize, options.shardBytes / max(1, 4 * header.spec.parameterCount)))
    }

    var isFull: Bool { entries.count >= capacity }

    mutating func append(_ entry: CorpusEntry) { entries.append(entry) }

    /// The shard of the networks so far, which are forgotten.
    mutating func take(_ plan: CorpusPlan) -> CorpusShard {
        defer { entries = [] }
        var weights: [Float] = []
        weights.reserveCapacity(entries.count * header.spec.parameterCount)
        for entry in entries { weights += entry.weights }
        return CorpusShard(
            header: header, weights: weights, labels: plan.hasLabels ? entries.map(\.label) : nil,
            sources: entries.map(\.source), views: entries.map(\.view),
            splits: plan.hasSplits ? entries.map(\.split) : nil, psnr: plan.hasPSNR ? entries.map(\.psnr) : nil,
            columns: plan.columns.enumerated().map { index, name in
                ShardColumn(name: name, values: entries.map { $0.columns[index] })
            }, files: entries.map(\.file))
    }
}
