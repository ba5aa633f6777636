import Engine
import ModelStore
import Networks
import NeuralFunctionals
import Uploads

/// One network of a file with its answer.
struct FileAnswer {
    let path: String
    let index: Int
    let detection: ConventionDetection?
    let values: Result<[Float], FileFault>
}

/// Why a network of a file has no answer.
struct FileFault: Error {
    let code: String
    let detail: String

    init(_ error: UploadError) { (code, detail) = (error.code.rawValue, error.detail) }

    /// A model's result; a fault where an element is not a finite number.
    static func checked(_ values: [Float]) -> Result<[Float], FileFault> {
        values.allSatisfy(\.isFinite) ? .success(values) : .failure(.nonFiniteOutput)
    }

    private static let nonFiniteOutput = FileFault(
        code: "non_finite_output", detail: "the model's result has elements that are not finite numbers")

    private init(code: String, detail: String) { (self.code, self.detail) = (code, detail) }
}

/// Runs a model over many files, a batch of files at a time.
struct BatchRun {
    let model: ServedModel
    let operation: Operation
    let convention: UploadConvention
    let pool: WorkerPool

    private static let filesAtATime = 64

    /// Calls `take` for every network in order; returns how many failed.
    func callAsFunction(_ paths: [String], _ take: (FileAnswer) throws -> Void) throws -> Int {
        guard model.operations.contains(operation) else {
            let offered = model.operations.map(\.rawValue).joined(separator: ", ")
            throw CommandFailure("model '\(model.name)' does not offer \(operation.rawValue); it offers \(offered)")
        }
        let progress = ProgressBar(total: paths.count)
        var failures = 0
        for start in stride(from: 0, to: paths.count, by: Self.filesAtATime) {
            let chunk = paths[start..<min(start + Self.filesAtATime, paths.count)]
            let answers = try answers(Array(chunk))
            progress.clear()
            for answer in answers {
                if case .failure(let fault) = answer.values {
                    failures += 1
                    Terminal.complain("\(answer.path)[\(answer.index)]: \(fault.code): \(fault.detail)")
                }
                try take(answer)
            }
            progress.update(start + chunk.count)
        }
        progress.clear()
        return failures
    }

    private func answers(_ paths: [String]) throws -> [FileAnswer] {
        var places: [(path: String, index: Int, prepared: Result<PreparedNetwork, FileFault>)] = []
        for path in paths {
            let file = UploadFile(path, expecting: model.expectation)
            for (index, network) in file.networks.enumerated() {
                let prepared = network.flatMap { network in
                    Result { () throws(NetworkError) in try model.prepare(network, convention) }
                        .mapError(UploadError.init)
                }.mapError(FileFault.init)
                places.append((path, index, prepared))
            }
        }
        var outputs = try model.run(operation, places.compactMap { try? $0.prepared.get().features }, pool)
            .makeIterator()
        return places.map { place in
            let values = place.prepared.flatMap { _ in
                FileFault.checked(outputs.next() ?? [.nan])
            }
            return FileAnswer(
                path: place.path, index: place.index, detection: try? place.prepared.get().detection, values: values)
        }
    }
}
