import ArgumentParser
import Engine
import Foundation
import InferenceService
import ModelStore
import Models
import Networks
import NeuralFunctionals
import SIREN
import Uploads
import WeightFormats

/// A model's answer to one network of a file, or the reason why there is none.
struct FileAnswer {
    let path: String
    /// The network's number within the file, from 0.
    let index: Int
    /// Its key in a file that holds several; nil without one.
    let member: String?
    /// The network as it was read; nil where it could not be read.
    let prepared: PreparedNetwork?
    let outcome: Result<Answer, FileFault>
    /// What equivalent weights change of the answer; nil where that was not asked for, or there is none.
    var drift: Drift?

    /// The file and, of several networks, its key or, from the second on, the number within it.
    var name: String { member.map { "\(path)[\($0)]" } ?? (index == 0 ? path : "\(path)[\(index)]") }

    /// One JSON object: the file, the number and key of the network in it, the answer or why there is none, and how the
    /// network was read.
    /// - Parameter write: writes the members of the answer.
    func json(_ write: (Answer, inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("file", path)
        writer.member("index", index)
        if let member { writer.member("name", member) }
        switch outcome {
        case .failure(let fault): writer.error(code: fault.code, detail: fault.detail)
        case .success(let answer): write(answer, &writer)
        }
        if let drift { writer.drift(drift) }
        if let prepared { writer.reading(prepared) }
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

/// Why a network of a file has no answer.
struct FileFault: Error {
    /// The error code, as in `/v1`.
    let code: String
    let detail: String

    init(_ error: UploadError) { (code, detail) = (error.code.rawValue, error.detail) }

    /// A model's answer; a fault where an element is not a finite number.
    static func checked(_ answer: Answer) -> Result<Answer, FileFault> {
        answer.values.allSatisfy(\.isFinite) ? .success(answer) : .failure(.nonFiniteOutput)
    }

    static let nonFiniteOutput = FileFault(
        code: "non_finite_output", detail: "the model's result has elements that are not finite numbers")

    private init(code: String, detail: String) { (self.code, self.detail) = (code, detail) }
}

/// Computes one output of a model for the networks of many files, 64 files at a time.
struct BatchRun {
    let model: ServedModel
    let output: Output
    let claims: NotationClaims
    /// How networks are found in the files.
    let reading: ReadingOptions
    let pool: WorkerPool
    /// How answers are tested against equivalent weights; nil where they are not.
    var certification: Certification?

    private static let filesAtATime = 64
    /// The error codes of files that hold no network.
    private static let noNetwork: Set = ["unknown_format", "missing_tensor", "unexpected_tensor", "no_network"]

    /// Calls `take` for every network, in order.
    /// - Parameter skippable: files that are skipped, with a note on standard error, where they hold no network.
    /// - Returns: the number of networks without an answer; their errors are printed on standard error.
    func callAsFunction(
        _ paths: [String], skippable: Set<String> = [], _ take: (FileAnswer) throws -> Void
    ) throws -> Int {
        guard model.offers(output) else {
            let offered = model.outputs.map(\.output.rawValue).joined(separator: ", ")
            throw CommandFailure("model '\(model.name)' does not offer \(output.rawValue); it offers \(offered)")
        }
        var progress = ProgressBar(total: paths.count, unit: "files")
        var failures = 0
        for start in stride(from: 0, to: paths.count, by: Self.filesAtATime) {
            let chunk = paths[start..<min(start + Self.filesAtATime, paths.count)]
            let answers = try answers(Array(chunk))
            progress.clear()
            for answer in answers {
                if case .failure(let fault) = answer.outcome {
                    guard !skippable.contains(answer.path) || !Self.noNetwork.contains(fault.code) else {
                        Terminal.complain("\(answer.name): skipped, no network: \(fault.detail)")
                        continue
                    }
                    failures += 1
                    Terminal.complain("\(answer.name): \(fault.code): \(fault.detail)")
                }
                try take(answer)
            }
            progress.update(start + chunk.count)
        }
        progress.clear()
        return failures
    }

    /// Calls `take` for every network of files and folders; files that were found in a folder and hold no network are
    /// skipped.
    /// - Parameter files: as on the command line.
    /// - Returns: the number of networks with an answer, and of those without one.
    /// - Throws: where there is no network at all.
    func callAsFunction(
        allOf files: [String], _ take: (FileAnswer) throws -> Void
    ) throws -> (answered: Int, failures: Int) {
        let list = try FileList(files)
        var answered = 0
        let failures = try self(list.paths, skippable: list.found) { answer in
            if case .success = answer.outcome { answered += 1 }
            try take(answer)
        }
        guard answered + failures > 0 else {
            throw CommandFailure("no networks are in \(files.joined(separator: ", "))")
        }
        return (answered, failures)
    }

    private func answers(_ paths: [String]) throws -> [FileAnswer] {
        var networks: [(path: String, index: Int, member: String?, prepared: Result<PreparedNetwork, FileFault>)] = []
        for path in paths {
            let file = UploadFile(
                path, expecting: model.expectation, readsFunctions: model.readsFunctions && output == .classes, reading)
            for (index, network) in file.networks.enumerated() {
                let prepared = network.flatMap { network in
                    Result { () throws(NetworkError) in
                        try model.prepare(network.weights, claims, context: network.context, for: output)
                    }
                    .mapError(UploadError.init)
                }.mapError(FileFault.init)
                networks.append((path, index, file.names[index], prepared))
            }
        }
        var outputs = try model.run(output, networks.compactMap { try? $0.prepared.get().content }, pool)
            .makeIterator()
        return try networks.map { network in
            let outcome = network.prepared.flatMap { _ in
                outputs.next().map(FileFault.checked) ?? .failure(.nonFiniteOutput)
            }
            let prepared = try? network.prepared.get()
            return FileAnswer(
                path: network.path, index: network.index, member: network.member, prepared: prepared, outcome: outcome,
                drift: try drift(of: outcome, to: prepared))
        }
    }

    private func drift(of outcome: Result<Answer, FileFault>, to network: PreparedNetwork?) throws -> Drift? {
        guard let certification, let network, case .success(let answer) = outcome else { return nil }
        let trials = model.trials(of: network, for: output, certification)
        let answers = try model.run(output, trials.contents, pool)
        return trials.drift(from: answer, to: answers.map { try? FileFault.checked($0).get() })
    }
}

/// Whether answers are tested against equivalent weights.
struct CertifyOptions: ParsableArguments {
    @Option(
        help:
            "Also answer N random permutations of hidden neurons, and for sines sign flips and half turns, for ReLUs rescalings, and print how much the answer changes (1 to 32)."
    )
    var certify: Int?

    @Option(help: "Of these changes. (default: it follows from the weights)")
    var seed: UInt64?

    func validate() throws {
        if let certify, !(1...Certification.mostTrials).contains(certify) {
            throw ValidationError("--certify: expected 1 to \(Certification.mostTrials), received \(certify)")
        }
        if let seed, seed > Certification.greatestSeed {
            throw ValidationError("--seed: expected at most \(Certification.greatestSeed), received \(seed)")
        }
    }

    var certification: Certification? { certify.map { Certification(trials: $0, seed: seed) } }
}

extension Drift {
    /// The largest changes, for people: `drift: permutations 1.2e-07, sign_flips 0`.
    var text: String {
        "drift: "
            + changes.map { change in
                "\(change.kind.rawValue) \(change.largest.map { String(format: "%.2g", Double($0)) } ?? "unknown: a changed network has no answer")"
            }.joined(separator: ", ")
    }
}
