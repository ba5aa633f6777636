import Datasets
import Engine
import Foundation
import Networks
import SIREN

/// The spread of many numbers, gathered one by one.
package struct NumberStatistics: Sendable {
    package private(set) var count = 0
    package private(set) var nonFiniteCount = 0
    package private(set) var min = Double.infinity
    package private(set) var max = -Double.infinity
    private var sum = 0.0
    private var squares = 0.0

    mutating func add(_ value: Double) {
        guard value.isFinite else {
            nonFiniteCount += 1
            return
        }
        count += 1
        sum += value
        squares += value * value
        if value < min { min = value }
        if value > max { max = value }
    }

    /// Of the finite numbers; 0 without one.
    package var mean: Double { count > 0 ? sum / Double(count) : 0 }
    /// √(Σx²/n − mean²)
    package var deviation: Double {
        count > 0 ? Swift.max(0, squares / Double(count) - mean * mean).squareRoot() : 0
    }
}

/// How often numbers fall into equal bins around their mean; those beyond are in the outermost bins.
package struct Histogram: Sendable {
    package let low: Double
    package let high: Double
    package private(set) var counts: [Int]

    /// Bins from mean − 3 to mean + 3 deviations, within the range of the numbers.
    init(_ statistics: NumberStatistics, bins: Int = 48) {
        let reach = 3 * statistics.deviation
        low = statistics.count > 0 ? max(statistics.min, statistics.mean - reach) : 0
        high = statistics.count > 0 ? min(statistics.max, statistics.mean + reach) : 0
        counts = [Int](repeating: 0, count: bins)
    }

    mutating func add(_ value: Double) {
        guard value.isFinite else { return }
        let share = high > low ? (value - low) / (high - low) : 0.5
        counts[Swift.min(counts.count - 1, Swift.max(0, Int((share * Double(counts.count)).rounded(.down))))] += 1
    }
}

/// What a corpus holds.
package struct CorpusSummary: Sendable {
    /// Networks of one shape and notation.
    package struct Kind: Sendable {
        package let header: ShardHeader
        package internal(set) var networks = 0
        /// Weight and bias of every layer, in order.
        package internal(set) var arrays: [NumberStatistics]
        package internal(set) var histograms: [Histogram] = []
        /// Some INRs' weights, for drawing.
        package internal(set) var samples: [[Float]] = []

        /// `weight0`, `bias0`, `weight1`, …
        package var arrayNames: [String] { header.spec.layers.indices.flatMap { ["weight\($0)", "bias\($0)"] } }
        /// How INRs are read, or a CNN's activation.
        package var notation: String {
            header.family == .inr ? header.notation.text : header.notation.activation.rawValue
        }
    }

    package let path: String
    package private(set) var shards = 0
    package private(set) var networks = 0
    package private(set) var kinds: [Kind] = []
    package private(set) var classes: [String]?
    package private(set) var targets: [String] = []
    /// Networks by class, −1 for those without one; nil without labels.
    package private(set) var labelCounts: [Int: Int]?
    package private(set) var splitCounts: [CorpusSplit: Int]?
    /// Different sources.
    package private(set) var sources = 0
    /// The most networks of a source.
    package private(set) var mostViews = 0
    /// The values of each column that are finite, sorted, and how many are not.
    package private(set) var columns: [(name: String, values: [Float], missing: Int)] = []
    /// Networks with weights equal to those of an earlier one, bit for bit, and the first pairs by name.
    package private(set) var duplicates = 0
    package private(set) var duplicateExamples: [(String, String)] = []
    /// Networks with an infinity or NaN.
    package private(set) var nonFinite = 0

    private static let samplesOfKind = 32

    /// - Parameter readsPictures: whether histograms and samples are gathered, which reads the corpus twice.
    /// - Throws: where a shard cannot be read.
    package init(_ folder: CorpusFolder, readsPictures: Bool = false) throws(DatasetError) {
        path = folder.path
        let names = try folder.names()
        guard !names.isEmpty else {
            throw DatasetError("'\(folder.path)' holds no shards (*.safetensors), so it is no corpus")
        }
        var sourceCounts: [Int: Int] = [:]
        var seen: [[UInt64]: String] = [:]
        var columnValues: [String: (order: Int, values: [Float], missing: Int)] = [:]
        for name in names {
            let shard = try folder.read(name)
            shards += 1
            networks += shard.count
            classes = classes ?? shard.header.classes
            targets += shard.header.targets.filter { !targets.contains($0) }
            let kind = kind(of: shard.header)
            kinds[kind].networks += shard.count
            for label in shard.labels ?? [] {
                if labelCounts == nil { labelCounts = [:] }
                labelCounts?[label, default: 0] += 1
            }
            for split in shard.splits ?? [] {
                if splitCounts == nil { splitCounts = [:] }
                splitCounts?[split, default: 0] += 1
            }
            for source in shard.sources { sourceCounts[source, default: 0] += 1 }
            let numbers = shard.columns + (shard.psnr.map { [ShardColumn(name: "psnr", values: $0)] } ?? [])
            for column in numbers {
                var own = columnValues[column.name] ?? (columnValues.count, [], 0)
                let finite = column.values.filter(\.isFinite)
                own.values += finite
                own.missing += column.values.count - finite.count
                columnValues[column.name] = own
            }
            try gather(shard, name, kind, &seen)
        }
        (sources, mostViews) = (sourceCounts.count, sourceCounts.values.max() ?? 0)
        columns = columnValues.sorted { $0.value.order < $1.value.order }
            .map { ($0.key, $0.value.values.sorted(), $0.value.missing) }
        if readsPictures { try gatherPictures(folder, names) }
    }

    private mutating func kind(of header: ShardHeader) -> Int {
        if let index = kinds.firstIndex(where: {
            $0.header.family == header.family && $0.header.spec == header.spec && $0.header.notation == header.notation
        }) {
            return index
        }
        kinds.append(
            Kind(
                header: header,
                arrays: [NumberStatistics](repeating: NumberStatistics(), count: 2 * header.spec.depth)))
        return kinds.count - 1
    }

    /// The range of each array in a row of weights.
    private static func ranges(_ spec: NetworkSpec) -> [Range<Int>] {
        var start = 0
        return spec.layers.flatMap { layer in
            [layer.weightShape.reduce(1, *), layer.outputs].map { size in
                defer { start += size }
                return start..<start + size
            }
        }
    }

    private mutating func gather(
        _ shard: CorpusShard, _ name: String, _ kind: Int, _ seen: inout [[UInt64]: String]
    ) throws(DatasetError) {
        let ranges = Self.ranges(shard.header.spec)
        let size = shard.header.spec.parameterCount
        for index in 0..<shard.count {
            let row = shard.weights[index * size..<(index + 1) * size]
            // Two independent 64-bit hashes and the kind: equal ones are equal networks.
            var (first, second): (UInt64, UInt64) = (0xcbf2_9ce4_8422_2325, 0x9e37_79b9_7f4a_7c15)
            var isFinite = true
            for value in row {
                first = (first ^ UInt64(value.bitPattern)) &* 0x100_0000_01b3
                second = (second &+ UInt64(value.bitPattern)) &* 0xff51_afd7_ed55_8ccd
                second ^= second >> 29
                if !value.isFinite { isFinite = false }
            }
            if !isFinite { nonFinite += 1 }
            let place = shard.files?[index] ?? "\(name)[\(index)]"
            if let earlier = seen[[first, second, UInt64(kind)]] {
                duplicates += 1
                if duplicateExamples.count < 3 { duplicateExamples.append((place, earlier)) }
            } else {
                seen[[first, second, UInt64(kind)]] = place
            }
            for (array, range) in ranges.enumerated() {
                for offset in range { kinds[kind].arrays[array].add(Double(row[row.startIndex + offset])) }
            }
        }
    }

    private mutating func gatherPictures(_ folder: CorpusFolder, _ names: [String]) throws(DatasetError) {
        for index in kinds.indices { kinds[index].histograms = kinds[index].arrays.map { Histogram($0) } }
        for name in names {
            let shard = try folder.read(name)
            let kind = kind(of: shard.header)
            let ranges = Self.ranges(shard.header.spec)
            let size = shard.header.spec.parameterCount
            for index in 0..<shard.count {
                let row = shard.weights[index * size..<(index + 1) * size]
                for (array, range) in ranges.enumerated() {
                    for offset in range { kinds[kind].histograms[array].add(Double(row[row.startIndex + offset])) }
                }
                if kinds[kind].samples.count < Self.samplesOfKind, row.allSatisfy(\.isFinite) {
                    kinds[kind].samples.append(Array(row))
                }
            }
        }
    }
}
