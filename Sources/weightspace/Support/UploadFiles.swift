import ArgumentParser
import Foundation
import Host
import ModelStore
import Models
import NetworkReading
import Networks
import SIREN
import Uploads
import WeightFormats

/// How the networks are to be read, where it is not to be found out.
struct NotationOptions: ParsableArguments {
    @Option(help: "The notation: nfn, dws, coin, siren-pytorch, relu, or auto to find it out. (default: auto)")
    var convention: String?

    @Option(help: "The activation: sine, relu, tanh, sigmoid or gaussian.")
    var activation: String?

    @Option(help: "The sine frequency ω0, of all layers where --hidden-omega0 is not given.")
    var omega0: String?

    @Option(help: "The sine frequency of all layers but the first.")
    var hiddenOmega0: String?

    @Option(help: "Which coordinate is the first input: rows or columns.")
    var order: String?

    @Option(help: "The coordinates of the picture's edges: -1..1 or 0..1.")
    var coordinates: String?

    @Option(help: "The outputs for black and white: -1..1, 0..1 or -0.5..0.5.")
    var values: String?

    func claims() throws -> NotationClaims {
        var options: [String: String] = [:]
        options["convention"] = convention
        options["activation"] = activation
        options["omega0"] = omega0
        options["hidden_omega0"] = hiddenOmega0
        options["order"] = order
        options["coordinates"] = coordinates
        options["values"] = values
        do throws(NotationOptionError) {
            return try NotationClaims(options: options)
        } catch {
            let flag = error.name.replacingOccurrences(of: "_", with: "-")
            throw ValidationError("--\(flag): expected \(error.expected), received '\(error.received)'")
        }
    }
}

/// How the networks are found in each file.
struct ReadingOptions: ParsableArguments {
    @Option(help: "The member that holds the network, such as ema.params. (default: it is searched for)")
    var member: String?

    @Option(
        help:
            "The order of the parameters in a flat vector: pytorch (kernels before biases), cnn-zoo (biases before kernels, in TensorFlow's order), or auto to find it out. (default: auto)"
    )
    var layout: String?

    @Option(
        help: "The epsilon of batch normalisations that are folded into layers. (default: the file's, else 1e-5)")
    var batchNormEps: Double?

    func validate() throws {
        if let layout, layout != "auto", FlatLayout(rawValue: layout) == nil {
            let names = FlatLayout.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--layout: expected \(names) or auto, received '\(layout)'")
        }
        if let batchNormEps, !(batchNormEps > 0 && batchNormEps < 1) {
            throw ValidationError("--batch-norm-eps: expected a number above 0 and below 1, received \(batchNormEps)")
        }
    }

    /// What a search for networks is told.
    func search(
        expecting expectation: NetworkExpectation? = nil, readsFunctions: Bool = false
    ) -> NetworkSearchOptions {
        NetworkSearchOptions(
            expectation: expectation, readsAnyFunction: readsFunctions, member: member,
            layout: layout.flatMap(FlatLayout.init), batchNormEpsilon: batchNormEps)
    }
}

/// The networks of one file, in order. In the place of a network that cannot be read is the error.
struct UploadFile {
    let path: String
    let networks: [Result<UploadedNetwork, UploadError>]
    /// The name of each network in a batch, also of those that cannot be read.
    let names: [String?]

    /// A file that cannot be read counts as one network that cannot be read.
    /// - Parameter recordsPlacement: whether other weights are to be written in the networks' place.
    init(
        _ path: String, expecting expectation: NetworkExpectation?, readsFunctions: Bool = false,
        _ options: ReadingOptions? = nil, recordsPlacement: Bool = false
    ) {
        self.path = path
        do throws(UploadError) {
            let upload = try Self.upload(path)
            var search =
                options?.search(expecting: expectation, readsFunctions: readsFunctions)
                ?? NetworkSearchOptions(expectation: expectation, readsAnyFunction: readsFunctions)
            search.recordsPlacement = recordsPlacement
            let uploaded = try UploadedNetworks(
                upload, search, flatSpec: Self.flatSpec(),
                limit: .max)
            (networks, names) = (uploaded.networks, uploaded.names)
        } catch {
            (networks, names) = ([.failure(error)], [nil])
        }
    }

    /// Reads the named tensors of a file.
    static func upload(_ path: String) throws(UploadError) -> Upload {
        try Upload(file: try bytes(path), limits: limits)
    }

    /// The layers into which a flat array of parameters is cut where no model is given: those of the embedded model.
    static func flatSpec() -> NetworkSpec? { (try? ModelSelection.parse([]).load())?.expectation.spec }

    /// Limits above those of the service, since the user chooses the files and the machine is the user's own.
    private static let limits: FormatLimits = {
        var limits = FormatLimits()
        limits.maxInflatedBytes = 1 << 30
        limits.maxTensors = 4096
        limits.requiresFinite = false
        return limits
    }()

    /// The bytes of a file or pipe, or of standard input for `-`.
    static func bytes(_ path: String) throws(UploadError) -> [UInt8] {
        func fault(_ reason: String) -> UploadError {
            UploadError(.unreadableFile, reason)
        }
        if Folder.exists(at: path) { throw fault("it is a folder") }
        do {
            // Not `Data(contentsOf:)`, which cannot read pipes.
            let file = path == "-" ? .standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            return [UInt8](try file.readToEnd() ?? Data())
        } catch {
            throw fault(FileError.reason(error))
        }
    }
}

/// The bytes of a file that the command line names, whose errors name it.
func namedFile(_ path: String) throws -> [UInt8] {
    do {
        return try UploadFile.bytes(path)
    } catch {
        throw CommandFailure("\(path): \(reason(error))")
    }
}
