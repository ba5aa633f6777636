import Datasets
import Foundation
import Models
import Networks
import SIREN
import WeightFormats

extension Corpus {
    /// Reads folders of shards, all of networks of one size, into the convention of a model.
    /// - Parameter restarts: how many of the independent fits of each picture to read; all without it.
    package init(
        shards folders: [String], restarts: Int? = nil, for input: ModelInput
    ) throws(DatasetError) {
        let (spec, omega0) = (input.spec, input.transform.omega0)
        var weights: [Float] = []
        var (labels, sources) = ([Int](), [Int]())
        for folder in folders {
            let shards = InrShards(folder)
            let names = try shards.names(restarts: restarts)
            guard !names.isEmpty else { throw DatasetError("'\(folder)': no shards in the folder") }
            for name in names {
                let contents = try shards.open(name)
                guard contents.sizes == spec.sizes, contents.omega0 == omega0 else {
                    let found = contents.sizes.map(String.init).joined(separator: "-")
                    throw DatasetError(
                        "'\(folder)/\(name)': expected networks \(spec.summary) of omega0 \(omega0), received \(found) of \(contents.omega0)"
                    )
                }
                weights += try Self.converted(contents, spec, by: input.transform, "\(folder)/\(name)")
                labels += contents.labels
                sources += contents.sources
            }
        }
        self.init(spec: spec, weights: weights, labels: labels, sources: sources)
    }

    private static func converted(
        _ contents: InrShards.Contents, _ spec: NetworkSpec, by transform: InputTransform, _ path: String
    ) throws(DatasetError) -> [Float] {
        guard contents.convention != transform.convention else { return contents.weights }
        let size = spec.parameterCount
        var result: [Float] = []
        do throws(NetworkError) {
            for start in stride(from: 0, to: contents.weights.count, by: size) {
                let network = try NetworkWeights(spec: spec, flat: Array(contents.weights[start..<start + size]))
                result += try transform.converted(
                    network, from: Notation(contents.convention, omega0: transform.omega0)
                ).flattened
            }
        } catch {
            throw DatasetError("'\(path)': \(error.description)")
        }
        return result
    }

    /// The networks to learn from and those to look at: the last `count` pictures, one view each, are kept apart.
    package func split(validationPictures count: Int) -> (training: [Int], validation: [Int]) {
        let pictures = Set(sources).sorted()
        let first = pictures.count > count ? pictures[pictures.count - count] : Int.max
        var seen: Set<Int> = []
        let training = sources.indices.filter { sources[$0] < first }
        let validation = sources.indices.filter { sources[$0] >= first && seen.insert(sources[$0]).inserted }
        return (training, validation)
    }

    /// A digest by which corpora are told apart.
    package var digest: String {
        var digest = ContentDigest()
        digest.update(Array("\(spec.summary) \(count) \(labels.reduce(0, &+)) \(sources.reduce(0, &+))".utf8))
        // A share of the weights: all of them would take longer than reading them did.
        for index in stride(from: 0, to: weights.count, by: 97) {
            let bits = weights[index].bitPattern
            digest.update([UInt8(bits & 255), UInt8(bits >> 8 & 255), UInt8(bits >> 16 & 255), UInt8(bits >> 24)])
        }
        return digest.finish()
    }
}
