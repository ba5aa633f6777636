import Datasets
import Engine
import Models
import Networks
import SIREN
import WeightFormats

extension Corpus {
    /// Reads folders of shards and converts their networks to a model's notation.
    /// - Parameters:
    ///   - restarts: how many of the networks of each source to read, by their `view`; nil for all.
    ///   - filter: which networks to read.
    ///   - input: the networks that the model reads; every shard must have their shapes, hidden widths apart.
    /// - Throws: `DatasetError` where a folder has no shards, or a shard is unreadable or holds other networks.
    package init(
        shards folders: [String], restarts: Int? = nil, filter: CorpusFilter = CorpusFilter(), for input: ModelInput
    ) throws(DatasetError) {
        try self.init(shards: folders, restarts: restarts, filter: filter) { _ in input.transform.notation }
        for group in groups where !group.spec.isReadable(as: input.spec) {
            throw DatasetError(
                "'\(folders.joined(separator: "', '"))': expected networks \(input.spec.description), received \(group.spec.description)"
            )
        }
    }

    /// Reads folders of shards and converts their networks to one notation.
    /// - Parameter notation: that of the corpus, given what its first shard says of its networks.
    /// - Throws: `DatasetError` where a folder has no shards, a shard is unreadable, or the shards do not fit together.
    package init(
        shards folders: [String], restarts: Int? = nil, filter: CorpusFilter = CorpusFilter(),
        notation: (ShardHeader) -> Notation
    ) throws(DatasetError) {
        var reading: CorpusReading?
        for folder in folders {
            let shards = CorpusFolder(folder)
            let names = try shards.names()
            guard !names.isEmpty else {
                throw DatasetError(
                    "'\(folder)': no shards (*.safetensors) in the folder; 'weightspace import' makes shards of files of networks, 'weightspace fit' of pictures, 'weightspace zoo' trains CNNs"
                )
            }
            for name in names {
                let shard: CorpusShard
                do throws(DatasetError) {
                    shard = try shards.read(name)
                } catch {
                    throw DatasetError(
                        "\(error.description); where these are files of networks and no shards, 'weightspace import' makes shards of them"
                    )
                }
                do throws(DatasetError) {
                    if reading == nil { reading = CorpusReading(shard.header, notation(shard.header)) }
                    try reading?.add(
                        shard, try filter.rows(of: shard).filter { shard.views[$0] < restarts ?? .max })
                } catch {
                    throw DatasetError("'\(folder)/\(name)': \(error.description)")
                }
            }
        }
        guard let reading else { throw DatasetError("no folder of shards is given") }
        let corpus = reading.corpus
        self = filter.keepsFinalOnly ? corpus.final : corpus
        if count == 0 { throw DatasetError("'\(folders.joined(separator: "', '"))': --where leaves no networks") }
    }

    /// Only the last network of each source: that of the largest `step` where there is such a column, otherwise the last.
    package var final: Corpus {
        let last = Set(finalIndices(0..<count))
        return selecting(last.contains)
    }

    /// Of each source's networks among `indices` the one of the largest `step`, without such a column the last.
    package func finalIndices(_ indices: some Sequence<Int>) -> [Int] {
        let steps = column("step")
        var best: [Int: Int] = [:]
        for index in indices {
            guard let other = best[sources[index]] else {
                best[sources[index]] = index
                continue
            }
            if let steps, steps[index] < steps[other] { continue }
            best[sources[index]] = index
        }
        return best.values.sorted()
    }

    /// The names of the columns, for error messages.
    var columnNames: String {
        columns.isEmpty ? "no columns" : "the columns " + columns.map(\.name).joined(separator: ", ")
    }

    /// The first 16 digits of `digest`: what a model's card keeps of its training data.
    package var shortDigest: String { String(digest.prefix(16)) }

    /// SHA-256 of layer sizes, number of networks, sums of labels and of source numbers, and every 97th weight: enough
    /// to notice that a run continues with other data.
    package var digest: String {
        var digest = ContentDigest()
        let shapes = groups.map(\.spec.summary).joined(separator: " ")
        digest.update(Array("\(shapes) \(count) \(labels.reduce(0, &+)) \(sources.reduce(0, &+))".utf8))
        func update(_ values: [Float]) {
            // Every 97th number, since a digest of all of them takes longer than reading the shards.
            for index in stride(from: 0, to: values.count, by: 97) {
                let bits = values[index].bitPattern
                digest.update([UInt8(bits & 255), UInt8(bits >> 8 & 255), UInt8(bits >> 16 & 255), UInt8(bits >> 24)])
            }
        }
        for group in groups { update(group.weights) }
        for column in columns { update(column.values) }
        return digest.finish()
    }
}

extension NetworkSpec {
    /// The sizes and, with convolutions, the kernels: `1-16-16-10 (3x3, 3x3, dense)`.
    package var description: String {
        guard !isFullyConnected else { return summary }
        let kernels = layers.map { $0.kernel.isEmpty ? "dense" : $0.kernel.map(String.init).joined(separator: "x") }
        return "\(summary) (\(kernels.joined(separator: ", ")))"
    }

    /// Whether parameters made for `spec` fit these networks: equal but for the widths of hidden layers.
    package func isReadable(as spec: NetworkSpec) -> Bool {
        depth == spec.depth && inputs == spec.inputs && outputs == spec.outputs
            && layers.map(\.kernel) == spec.layers.map(\.kernel)
    }
}

/// Collects the rows of shards by shape and activation.
private struct CorpusReading {
    private struct Part {
        let spec: NetworkSpec
        let activation: Nonlinearity
        var weights: [Float] = []
        var labels: [Int] = []
        var sources: [Int] = []
        var splits: [CorpusSplit] = []
        var columns: [[Float]] = []
    }

    private var description: Corpus.Description
    private var parts: [Part] = []
    /// The names of the first shard's columns.
    private var names: [String]?
    private var hasSplits = false

    init(_ header: ShardHeader, _ notation: Notation) {
        description = Corpus.Description(header, notation: notation)
    }

    mutating func add(_ shard: CorpusShard, _ rows: [Int]) throws(DatasetError) {
        let header = shard.header
        guard header.family == description.family else {
            throw DatasetError(
                "holds networks of the family \(header.family.rawValue), the shards before \(description.family.rawValue); train them apart"
            )
        }
        guard header.classes == description.classes else {
            throw DatasetError("metadata 'classes' differ from those of the shards before")
        }
        let own = shard.columns.map(\.name)
        if let names, Set(names) != Set(own) {
            throw DatasetError("has the columns \(own.sorted()), the shards before \(names.sorted())")
        }
        let names = names ?? own
        self.names = names
        if header.family == .inr, header.notation.activation != description.notation.activation {
            throw DatasetError(
                "holds networks of \(header.notation.activation.rawValue) activations, the model reads INRs of \(description.notation.activation.rawValue); train them apart"
            )
        }
        if description.image != header.image { description.image = nil }
        hasSplits = hasSplits || shard.splits != nil
        let activation = header.notation.activation
        let place =
            parts.firstIndex { $0.spec == header.spec && $0.activation == activation }
            ?? {
                parts.append(
                    Part(spec: header.spec, activation: activation, columns: names.map { _ in [] }))
                return parts.count - 1
            }()
        parts[place].weights += try converted(shard, rows)
        parts[place].labels += rows.map { shard.labels?[$0] ?? -1 }
        parts[place].sources += rows.map { shard.sources[$0] }
        parts[place].splits += rows.map { shard.splits?[$0] ?? .training }
        for (index, name) in names.enumerated() {
            let values = shard.column(name) ?? []
            parts[place].columns[index] += rows.map { values[$0] }
        }
    }

    var corpus: Corpus {
        let parts = parts.filter { !$0.labels.isEmpty }
        return Corpus(
            parts.map { Corpus.Group(spec: $0.spec, activation: $0.activation, weights: $0.weights) }, description,
            labels: parts.flatMap(\.labels), sources: parts.flatMap(\.sources),
            splits: hasSplits ? parts.flatMap(\.splits) : nil,
            columns: (names ?? []).enumerated().map { index, name in
                ShardColumn(name: name, values: parts.flatMap { $0.columns[index] })
            })
    }

    /// Networks of a shard in the corpus' notation, flat: (rows, parameters).
    private func converted(_ shard: CorpusShard, _ rows: [Int]) throws(DatasetError) -> [Float] {
        let spec = shard.header.spec
        var (source, target) = (shard.header.notation, description.notation)
        if spec.inputs != 2 {
            // Only two coordinates have an order, and without a picture their range has no meaning.
            (source.order, source.coordinates) = (target.order, target.coordinates)
        }
        if shard.header.family == .cnn { target = source }
        let size = spec.parameterCount
        var result: [Float] = []
        result.reserveCapacity(rows.count * size)
        do throws(NetworkError) {
            for start in rows.map({ $0 * size }) {
                let own = shard.weights[start..<start + size]
                guard source != target else {
                    result += own
                    continue
                }
                let network = try NetworkWeights(spec: spec, flat: Array(own))
                result += try network.converted(from: source, to: target).flattened
            }
        } catch {
            throw DatasetError(error.description)
        }
        return result
    }
}
