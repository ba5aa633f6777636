import Engine
import InferenceService
import ModelStore
import Models
import NetworkReading
import Networks
import SIREN
import Uploads

/// The networks of a file after the steps of `edits`.
struct EditedFile {
    let path: String
    var networks: [Result<EditedNetwork, EditFailure>]
    var names: [String?]

    /// The file and, of several networks, the key or the number within it.
    func name(_ index: Int) -> String {
        names[index].map { "\(path)[\($0)]" } ?? (networks.count == 1 ? path : "\(path)[\(index)]")
    }
}

/// Why a network was not edited.
struct EditFailure: Error {
    /// The error code, as in `/v1`.
    let code: String
    let detail: String
}

/// Edits the networks of files.
struct NetworkEditing {
    private let steps: [EditStep]
    private let claims: NotationClaims
    private let reading: ReadingOptions
    /// The model of each learned step, by the step's number.
    private let models: [Int: ServedModel]
    private let pool: WorkerPool
    /// The most weights and biases of a network that is made of several, as the service has it.
    private static let parameterLimit = ServiceConfiguration().maxEditedParameters

    /// - Throws: where no model offers a learned step.
    init(
        steps: [EditStep], claims: NotationClaims, reading: ReadingOptions, selection: ModelSelection, threads: Int
    ) throws {
        self.steps = steps
        self.claims = claims
        self.reading = reading
        pool = WorkerPool(threads: threads)
        var models: [Int: ServedModel] = [:]
        for (index, step) in steps.enumerated() where !step.isExact {
            models[index] = try selection.load(editing: step.name)
        }
        self.models = models
    }

    /// The networks of each file; for `blend`, one network of two.
    func callAsFunction(_ paths: [String]) throws -> [EditedFile] {
        var files = paths.map { path in
            let file = UploadFile(path, expecting: nil, readsFunctions: true, reading, recordsPlacement: true)
            return EditedFile(
                path: path,
                networks: file.networks.map { network in
                    network.map { EditedNetwork($0, claims) }
                        .mapError { EditFailure(code: $0.code.rawValue, detail: $0.detail) }
                }, names: file.names)
        }
        if case .blend(let weight)? = steps.first?.action { files = [try blend(files, weight)] }
        for index in files.indices {
            for (number, step) in steps.enumerated() { try apply(step, number, to: &files[index]) }
        }
        return files
    }

    private func blend(_ files: [EditedFile], _ weight: Double) throws -> EditedFile {
        let networks = files.flatMap(\.networks)
        guard networks.count == 2, let first = files.first else {
            throw CommandFailure("--edits: blend needs exactly two networks, received \(networks.count)")
        }
        let sum = networks[0].flatMap { own in
            networks[1].flatMap { other in
                Result { () throws(EditError) in
                    try EditedNetwork.blend(own, other, weight: weight, parameterLimit: Self.parameterLimit)
                }.mapError(EditFailure.init)
            }
        }
        return EditedFile(path: first.path, networks: [sum], names: [nil])
    }

    private func apply(_ step: EditStep, _ number: Int, to file: inout EditedFile) throws {
        switch step.action {
        case .blend: break
        case .exact(let edit):
            file.networks = file.networks.map { network in
                network.flatMap { network in
                    Result { () throws(EditError) in
                        var network = network
                        try network.apply(edit, named: step.name)
                        return network
                    }.mapError(EditFailure.init)
                }
            }
        case .learned(let amount):
            guard let model = models[number] else { return }
            for index in file.networks.indices {
                guard case .success(var network) = file.networks[index] else { continue }
                do {
                    let prepared = try network.prepared(for: model, named: step.name)
                    let answers = try model.run(.weights, [prepared.content], pool, edit: step.name)
                    guard case .weights(let edited)? = answers.first, answers[0].values.allSatisfy(\.isFinite) else {
                        throw EditFailure(
                            code: "non_finite_output",
                            detail: "the model's result has elements that are not finite numbers")
                    }
                    try network.accept(
                        edited, to: prepared, by: model, amount: amount, named: step.name,
                        parameterLimit: Self.parameterLimit)
                    file.networks[index] = .success(network)
                } catch let error as ServiceFault {
                    file.networks[index] = .failure(EditFailure(code: error.code, detail: error.detail))
                } catch let error as EditFailure {
                    file.networks[index] = .failure(error)
                }
            }
        }
    }
}

extension EditFailure {
    init(_ error: EditError) { self.init(code: error.code.rawValue, detail: error.detail) }
}

extension ModelSelection {
    /// The named model or, without a name, the first that offers an edit.
    fileprivate func load(editing name: String) throws -> ServedModel {
        var offers: [String] = []
        var candidates: [ServedModel] = []
        if model != nil {
            candidates = [try load()]
        } else {
            var settings = Settings()
            for folder in try sources.resolve(&settings).foldersByPreference() {
                let model = try ModelSources.load(folder)
                candidates.append(model)
                if model.edits.contains(name) { break }
            }
        }
        for model in candidates {
            if model.edits.contains(name) { return model }
            if !model.edits.isEmpty {
                offers.append("model '\(model.name)' offers \(model.edits.joined(separator: ", "))")
            }
        }
        let learned = offers.isEmpty ? "no model that is found offers edits" : offers.joined(separator: "; ")
        throw CommandFailure(
            "--edits: no edit is named '\(name)': exact edits are \(EditStep.exactForms.joined(separator: ", ")); \(learned)"
        )
    }
}
