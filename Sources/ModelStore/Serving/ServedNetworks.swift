import Engine
import Networks
import NeuralFunctionals

/// The networks of a model, loaded, and the answers that they can give together.
package struct ServedNetworks: Sendable {
    let encoder: Inr2Array?
    let classifier: LatentClassifier?
    let direct: Direct?

    enum Direct: Sendable {
        case invariantNFN(InvariantNFN)
        case statNet(StatNet)
    }

    /// `open` reads a parameter file of the model.
    init(_ manifest: ModelManifest, open: (_ file: String) throws -> ParameterReader) throws {
        func module<Module>(_ file: String, _ build: (ParameterScope) throws -> Module) throws -> Module {
            let reader = try open(file)
            let module = try build(reader.root)
            do throws(ParameterError) {
                try reader.finish()
            } catch {
                throw ParameterError(problems: error.problems.map { "'\(file)': \($0)" })
            }
            return module
        }
        let spec = manifest.input.spec
        encoder = try manifest.encoder.map { section in
            guard let image = manifest.input.image else { throw ModelError("input.image is needed by an encoder") }
            return try module(section.file) { parameters in
                try Inr2Array(parameters, section.configuration, spec: spec, image: image)
            }
        }
        classifier = try manifest.classifier.map { section in
            try module(section.file) { try LatentClassifier($0, section.configuration) }
        }
        direct = try manifest.network.map { section in
            switch section.configuration {
            case .invariantNFN(let configuration):
                try module(section.file) { .invariantNFN(try InvariantNFN($0, configuration, spec: spec)) }
            case .statNet(let configuration):
                try module(section.file) { .statNet(StatNet($0, configuration, spec: spec)) }
            }
        }
        try check(manifest)
    }

    private func check(_ manifest: ModelManifest) throws(ModelError) {
        switch manifest.task {
        case .classify:
            let classes: Int
            if let encoder, let classifier {
                let configuration = classifier.configuration
                guard encoder.latentCount <= configuration.positions, encoder.latentWidth == configuration.latentWidth
                else {
                    throw ModelError(
                        "the classifier reads at most \(configuration.positions) latents of \(configuration.latentWidth), the encoder makes \(encoder.latentCount) of \(encoder.latentWidth)"
                    )
                }
                classes = configuration.classes
            } else if case .invariantNFN(let network) = direct {
                classes = network.configuration.outputs
            } else {
                throw ModelError("task 'classify' needs an encoder and a classifier, or an InvariantNFN network")
            }
            guard manifest.labels.count == classes else {
                throw ModelError("\(manifest.labels.count) labels for \(classes) classes")
            }
        case .encode:
            guard encoder != nil else { throw ModelError("task 'encode' needs an encoder") }
        case .predictAccuracy:
            guard let direct else { throw ModelError("task 'predict_accuracy' needs a network") }
            if case .invariantNFN(let network) = direct, network.configuration.outputs != 1 {
                throw ModelError("task 'predict_accuracy' needs one output, received \(network.configuration.outputs)")
            }
        }
    }

    /// What the model can be asked.
    func operations(_ task: ModelManifest.Task) -> [Operation] {
        var operations: [Operation] = []
        if task == .classify { operations.append(.classify) }
        if let encoder {
            operations.append(.encode)
            if encoder.configuration.isDecoderTrained { operations.append(.reconstruct) }
        }
        if task == .predictAccuracy { operations.append(.predict) }
        return operations
    }

    /// Records the computation of one answer.
    func record(
        _ operation: Operation, _ x: WeightSpaceFeatures, in builder: PlanBuilder
    ) throws(ModelError) -> Matrix {
        switch operation {
        case .classify, .predict:
            switch direct {
            case .invariantNFN(let network): return network(x, in: builder)
            case .statNet(let network): return network(x, in: builder)
            case nil: break
            }
            if let encoder, let classifier {
                return try classifier(encoder.encode(x, in: builder), batch: x.batch, in: builder)
            }
        case .encode:
            if let encoder { return encoder.encode(x, in: builder) }
        case .reconstruct:
            if let encoder {
                return encoder.decoder.draw(encoder.encode(x, in: builder), batch: x.batch, in: builder)
            }
        }
        throw ModelError("the model does not \(operation.rawValue)")
    }

    /// Latents of the encoder: how many, and how wide.
    var latentShape: [Int]? { encoder.map { [$0.latentCount, $0.latentWidth] } }
}
