import Datasets
import Foundation
import Models
import Networks
import SIREN
import WeightFormats

extension Corpus {
    /// Reads folders of shards and converts their networks to a model's notation.
    /// - Parameters:
    ///   - restarts: how many of the independent fits of each picture to read; nil for all.
    ///   - input: the networks that the model reads; every shard must have their shapes.
    /// - Throws: `DatasetError` where a folder has no shards, or a shard is unreadable or holds other networks.
    package init(
        shards folders: [String], restarts: Int? = nil, for input: ModelInput
    ) throws(DatasetError) {
        let spec = input.spec
        var weights: [Float] = []
        var (labels, sources) = ([Int](), [Int]())
        for folder in folders {
            let shards = CorpusFolder(folder)
            let names = try shards.names()
            guard !names.isEmpty else { throw DatasetError("'\(folder)': no shards in the folder") }
            for name in names {
                let shard = try shards.read(name)
                guard shard.header.spec == spec else {
                    throw DatasetError(
                        "'\(folder)/\(name)': expected networks \(spec.summary), received \(shard.header.spec.summary)")
                }
                let rows = shard.views.indices.filter { shard.views[$0] < restarts ?? .max }
                weights += try Self.converted(shard, rows, by: input.transform, "\(folder)/\(name)")
                labels += rows.map { shard.labels?[$0] ?? -1 }
                sources += rows.map { shard.sources[$0] }
            }
        }
        self.init(spec: spec, weights: weights, labels: labels, sources: sources)
    }

    /// Networks of a shard in the notation of `transform`, flat: (rows, parameters).
    private static func converted(
        _ shard: CorpusShard, _ rows: [Int], by transform: InputTransform, _ path: String
    ) throws(DatasetError) -> [Float] {
        let (spec, notation) = (shard.header.spec, shard.header.notation)
        let size = spec.parameterCount
        var result: [Float] = []
        do throws(NetworkError) {
            for start in rows.map({ $0 * size }) {
                let own = shard.weights[start..<start + size]
                guard notation != transform.notation else {
                    result += own
                    continue
                }
                let network = try NetworkWeights(spec: spec, flat: Array(own))
                result += try transform.converted(network, from: notation).flattened
            }
        } catch {
            throw DatasetError("'\(path)': \(error.description)")
        }
        return result
    }

    /// Splits the networks by their pictures, so that no picture is in both sets. The last `count` pictures, by number,
    /// are for validation, each with its first restart only; all restarts of the other pictures are for training.
    /// - Returns: indices of the corpus. `validation` is empty where there are no more than `count` pictures.
    package func split(validationPictures count: Int) -> (training: [Int], validation: [Int]) {
        let pictures = Set(sources).sorted()
        let first = pictures.count > count ? pictures[pictures.count - count] : Int.max
        var seen: Set<Int> = []
        let training = sources.indices.filter { sources[$0] < first }
        let validation = sources.indices.filter { sources[$0] >= first && seen.insert(sources[$0]).inserted }
        return (training, validation)
    }

    /// SHA-256 of layer sizes, number of networks, sums of labels and of picture numbers, and every 97th weight: enough
    /// to notice that a run continues with other data.
    package var digest: String {
        var digest = ContentDigest()
        digest.update(Array("\(spec.summary) \(count) \(labels.reduce(0, &+)) \(sources.reduce(0, &+))".utf8))
        // Every 97th weight, since a digest of all of them takes longer than reading the shards.
        for index in stride(from: 0, to: weights.count, by: 97) {
            let bits = weights[index].bitPattern
            digest.update([UInt8(bits & 255), UInt8(bits >> 8 & 255), UInt8(bits >> 16 & 255), UInt8(bits >> 24)])
        }
        return digest.finish()
    }
}
