import ArgumentParser
import Foundation
import HTTPTypes
import Host
import InferenceService
import ModelStore
import Networks
import WeightFormats

/// How uploads are to be understood where it should not be guessed.
struct ConventionOptions: ParsableArguments {
    @Option(help: "nfn, dws or auto, which is to detect it. (default: auto)")
    var convention: String?

    @Option(help: "The sine frequency of the networks, where it is not the model's.")
    var omega0: Double?

    func resolve() throws -> UploadConvention {
        let known = try convention.flatMap { text -> SIRENConvention? in
            guard text != "auto" else { return nil }
            guard let known = SIRENConvention(rawValue: text) else {
                throw ValidationError("--convention: expected nfn, dws or auto, received '\(text)'")
            }
            return known
        }
        guard omega0.map({ $0.isFinite && $0 > 0 }) ?? true else {
            throw ValidationError("--omega0: expected a positive number, received \(omega0 ?? .nan)")
        }
        return UploadConvention(convention: known, omega0: omega0)
    }
}

/// The networks of one file, in order, each readable or not.
struct UploadFile {
    let path: String
    let networks: [Result<NetworkWeights, ServiceFault>]

    /// A file that cannot be read at all has one network, the failure.
    init(_ path: String, expecting expectation: NetworkExpectation?) {
        self.path = path
        do throws(ServiceFault) {
            let upload = try Self.upload(path)
            networks = try UploadedNetworks(
                upload, expecting: expectation, flatSpec: Self.flatSpec(), limit: .max
            ).networks
        } catch {
            networks = [.failure(error)]
        }
    }

    /// The named tensors of a file, before they are understood as networks.
    static func upload(_ path: String) throws(ServiceFault) -> Upload {
        try Upload(file: try bytes(path), limits: limits)
    }

    /// The sizes by which a flat upload is cut where no model was named: those of the embedded model.
    static func flatSpec() -> NetworkSpec? { (try? ModelSelection.parse([]).load())?.expectation.spec }

    /// Files of one's own may be larger than what strangers may send.
    private static let limits: FormatLimits = {
        var limits = FormatLimits()
        limits.maxInflatedBytes = 1 << 30
        limits.maxNetworks = 1 << 20
        limits.maxTensors = 4096
        limits.requiresFinite = false
        return limits
    }()

    static func bytes(_ path: String) throws(ServiceFault) -> [UInt8] {
        func fault(_ reason: String) -> ServiceFault {
            ServiceFault(.badRequest, "unreadable_file", "File cannot be read", reason)
        }
        let facts = try? URL(fileURLWithPath: path).resourceValues(forKeys: [.isDirectoryKey])
        if facts?.isDirectory == true { throw fault("it is a folder") }
        do {
            // Not `Data(contentsOf:)`, which reads nothing but plain files.
            let file = path == "-" ? .standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            return [UInt8](try file.readToEnd() ?? Data())
        } catch {
            throw fault(FileError.reason(error))
        }
    }
}
