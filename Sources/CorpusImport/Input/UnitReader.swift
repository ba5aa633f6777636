import Datasets
import Engine
import Foundation
import Host
import NetworkReading
import Networks
import SIREN
import Tensors
import Uploads
import WeightFormats

/// The notation of a network as far as its file, the user or its drawing tell it.
struct FoundNotation: Sendable {
    var notation: Notation
    /// Whether one notation is clearly better than all others.
    var isConfident: Bool
    /// Parts of which nothing is known.
    var undetermined: [NotationPart]
    /// What to do about it; nil where nothing is in doubt.
    var doubt: String?
}

/// What a shard says of a network besides its weights.
struct ShardFacts: Sendable {
    let header: ShardHeader
    let label: Int
    let source: Int
    let view: Int
    let split: CorpusSplit?
    let psnr: Float?
    let columns: [String: Float]
    let file: String?
}

/// A network as it was read.
struct ReadNetwork: Sendable {
    let spec: NetworkSpec
    /// w0, b0, w1, …
    let weights: [Float]
    let family: NetworkFamily
    let notation: FoundNotation
    /// The number `label` beside it in its file.
    let label: Int?
    /// Of a network that comes from a corpus.
    let facts: ShardFacts?
}

/// A network of a unit, or why it cannot be imported.
struct ReadSlot: Sendable {
    /// The network's name within its file; nil where it is the file's only one.
    let member: String?
    let result: Result<ReadNetwork, UploadError>
}

/// Reads units, on any thread.
struct UnitReader: Sendable {
    let files: InputFiles
    let options: ImportOptions

    /// Limits far above the service's, since the user chooses the files and the machine is the user's own.
    static let limits: FormatLimits = {
        var limits = FormatLimits.checkpoint
        limits.maxInflatedBytes = 8 << 30
        limits.maxTensors = 4096
        return limits
    }()

    /// The networks of a unit in order; never empty.
    func callAsFunction(_ unit: ImportUnit) -> [ReadSlot] {
        let file = files.files[unit.file]
        do throws(UploadError) {
            switch file.content {
            case .file: return try slots(try Self.bytes(file.path))
            case .entry(let archive, let index):
                let bytes: [UInt8]
                do throws(FormatError) { bytes = try archive.read(index) } catch { throw UploadError(error) }
                return try slots(bytes)
            case .rows(let source):
                return try slots(source, unit.rows ?? 0..<source.matrix.rows)
            case .shard: return try slots(shard: file.path)
            }
        } catch {
            return [ReadSlot(member: nil, result: .failure(error))]
        }
    }

    private static func bytes(_ path: String) throws(UploadError) -> [UInt8] {
        do {
            return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw UploadError(.unreadableFile, FileError.reason(error))
        }
    }

    private func slots(_ bytes: [UInt8]) throws(UploadError) -> [ReadSlot] {
        let upload = try Upload(file: bytes, limits: Self.limits)
        let uploaded: UploadedNetworks
        do throws(UploadError) {
            uploaded = try UploadedNetworks(
                upload, NetworkSearchOptions(member: options.member), flatSpec: options.spec, limit: .max,
                tensorLimit: .max)
        } catch {
            throw options.spec == nil && error.detail.contains("flat vector")
                ? UploadError(error.code, error.detail + "; say them by --sizes, such as --sizes 2-32-32-1") : error
        }
        let isSingle = uploaded.networks.count == 1
        return uploaded.networks.enumerated().map { index, network in
            let name = isSingle ? nil : uploaded.names[index] ?? String(index)
            return ReadSlot(member: name, result: network.flatMap(read))
        }
    }

    private func slots(_ source: RowSource, _ rows: Range<Int>) throws(UploadError) -> [ReadSlot] {
        let values: [[Float]]
        do throws(DatasetError) { values = try source.read(rows) } catch {
            throw UploadError(.unreadableFile, error.description)
        }
        return zip(rows, values).map { row, weights in
            let result = Result<ReadNetwork, UploadError> { () throws(UploadError) in
                guard weights.allSatisfy(\.isFinite) else {
                    let place = weights.firstIndex { !$0.isFinite } ?? 0
                    throw UploadError(
                        .nonFinite,
                        "row \(row): expected finite numbers, received \(weights[place]) at parameter \(place)")
                }
                let network: NetworkWeights
                do throws(NetworkError) {
                    network = try NetworkWeights(spec: source.spec, flat: weights)
                } catch {
                    throw UploadError(error)
                }
                return try read(network, NetworkContext())
            }
            return ReadSlot(member: String(row), result: result)
        }
    }

    private func slots(shard path: String) throws(UploadError) -> [ReadSlot] {
        let shard: CorpusShard
        do throws(DatasetError) {
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            let folder = parts.dropLast().joined(separator: "/")
            shard = try CorpusFolder(parts.count > 1 ? folder : ".").read(String(parts.last ?? ""))
        } catch {
            throw UploadError(.malformed, error.description)
        }
        let size = shard.header.spec.parameterCount
        return (0..<shard.count).map { index in
            let weights = Array(shard.weights[index * size..<(index + 1) * size])
            var columns: [String: Float] = [:]
            for column in shard.columns { columns[column.name] = column.values[index] }
            let facts = ShardFacts(
                header: shard.header, label: shard.labels?[index] ?? -1, source: shard.sources[index],
                view: shard.views[index], split: shard.splits?[index], psnr: shard.psnr?[index], columns: columns,
                file: shard.files?[index])
            let network = ReadNetwork(
                spec: shard.header.spec, weights: weights, family: shard.header.family,
                notation: FoundNotation(notation: shard.header.notation, isConfident: true, undetermined: []),
                label: nil, facts: facts)
            let isFinite = weights.allSatisfy(\.isFinite)
            return ReadSlot(
                member: shard.files?[index] ?? String(index),
                result: isFinite
                    ? .success(network) : .failure(UploadError(.nonFinite, "expected finite weights in row \(index)")))
        }
    }

    private func read(_ network: UploadedNetwork) -> Result<ReadNetwork, UploadError> {
        Result { () throws(UploadError) in try read(network.weights, network.context) }
    }

    private func read(_ weights: NetworkWeights, _ context: NetworkContext) throws(UploadError) -> ReadNetwork {
        let spec = weights.spec
        // The metadata of a shard write layers as sizes and kernels.
        let kernels = spec.layers.map(\.kernel)
        guard spec == NetworkSpec(sizes: spec.sizes, kernels: kernels),
            kernels.allSatisfy({ $0.isEmpty || $0.count == 2 && $0.allSatisfy((1...64).contains) }),
            spec.sizes.allSatisfy((1...65536).contains), spec.depth <= 256
        else {
            throw UploadError(
                .shapeMismatch,
                "expected layers of which each reads the outputs, or channels, of the one before, with kernels of two sides of at most 64, received \(spec.layers.map(\.weightShape))"
            )
        }
        let family = options.family ?? (spec.isFullyConnected ? .inr : .cnn)
        let label = context.scalars.first { $0.path == "label" || $0.path.hasSuffix(".label") }
            .flatMap { Int(exactly: $0.value) }
        return ReadNetwork(
            spec: spec, weights: weights.flattened, family: family,
            notation: try family == .cnn ? activation(weights, context) : notation(weights, context), label: label,
            facts: nil)
    }

    private func notation(_ weights: NetworkWeights, _ context: NetworkContext) throws(UploadError) -> FoundNotation {
        let reading = NotationDetector.read(weights, claims: options.claims, context: context)
        guard reading.features == nil else {
            throw UploadError(
                .unexpectedTensor,
                "Fourier features before the first layer, which a corpus does not keep; write the network without them")
        }
        return FoundNotation(
            notation: reading.notation, isConfident: reading.isConfident, undetermined: reading.undetermined,
            doubt: reading.isConfident && reading.undetermined.isEmpty ? nil : reading.warnings.first)
    }

    /// Of a CNN only the activation counts, which its weights do not tell.
    private func activation(_ weights: NetworkWeights, _ context: NetworkContext) -> FoundNotation {
        let claimed = options.claims.completed(by: NotationClaims(context, of: weights)).activation
        return FoundNotation(
            notation: Notation(activation: claimed ?? .relu, omega0: 1), isConfident: true,
            undetermined: claimed == nil ? [.activation] : [],
            doubt: claimed == nil
                ? "the weights of a CNN do not tell its activation; relu was assumed: say it by --activation" : nil)
    }
}
