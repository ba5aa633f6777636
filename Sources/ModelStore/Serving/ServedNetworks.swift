import Engine
import Networks
import NeuralFunctionals

/// The networks of a model, loaded, and the answers that they can give together.
package struct ServedNetworks: Sendable {
    package let encoder: Inr2Array?
    package let classifier: LatentClassifier?
    package let direct: Direct?
    package let probe: ProbeClassifier?
    private let probeShare: Float
    private let scales: [Matrix]?
    private let arrayScales: ArrayScales?

    package enum Direct: Sendable {
        case invariantNFN(InvariantNFN)
        case statNet(StatNet)

        package func callAsFunction(
            _ x: WeightSpaceFeatures, mix: ((Matrix) -> Matrix)? = nil, in builder: PlanBuilder
        ) -> Matrix {
            switch self {
            case .invariantNFN(let network): network(x, mix: mix, in: builder)
            case .statNet(let network): network(x, in: builder)
            }
        }
    }

    /// `open` reads a parameter file of the model.
    package init(_ manifest: ModelManifest, open: (_ file: String) throws -> ParameterReader) throws {
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
        probe = try manifest.probe.map { section in
            try module(section.file) {
                try ProbeClassifier($0, section.configuration, spec: spec, omega0: Float(manifest.input.omega0))
            }
        }
        probeShare = manifest.probeShare
        arrayScales = try manifest.input.arrayScales.map { values in
            guard let scales = ArrayScales(values, depth: spec.depth) else {
                throw ModelError("input.array_scales: expected \(2 * spec.depth) finite numbers, received \(values)")
            }
            return scales
        }
        scales = arrayScales?.values.map { Matrix(rows: 1, columns: 1, values: [$0]) }
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
            } else if direct == nil, let probe {
                classes = probe.configuration.classes
            } else if case .invariantNFN(let network) = direct {
                classes = network.configuration.outputs
            } else {
                throw ModelError(
                    "task 'classify' needs an encoder and a classifier, an InvariantNFN network or a probe")
            }
            if let own = probe?.configuration.classes, own != classes {
                throw ModelError("the probe tells \(own) classes, the rest of the model \(classes)")
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
    ///
    /// Logits come as `Opinions` lists them; x holds raw weights in the model's convention, in canonical form if it asks
    /// for that.
    package func record(
        _ operation: Operation, _ x: WeightSpaceFeatures, in builder: PlanBuilder
    ) throws(ModelError) -> Matrix {
        switch operation {
        case .classify:
            return try opinions(x, in: builder).listed(probeShare: probeShare, in: builder)
        case .predict:
            if let direct { return direct(scaled(x, in: builder), in: builder) }
        case .encode:
            if let encoder { return encoder.encode(scaled(x, in: builder), in: builder) }
        case .reconstruct:
            if let encoder {
                let latents = encoder.encode(scaled(x, in: builder), in: builder)
                return encoder.decoder.draw(latents, batch: x.batch, in: builder)
            }
        }
        throw ModelError("the model does not \(operation.rawValue)")
    }

    /// What the parts of a classifier say, each by itself.
    /// - Parameters:
    ///   - latents: the encoder's, where they are there already.
    ///   - mix: changes what each part has made of a network before it is classified, for training.
    package func opinions(
        _ x: WeightSpaceFeatures, latents: Matrix? = nil, mix: ((Matrix) -> Matrix)? = nil, in builder: PlanBuilder
    ) throws(ModelError) -> Opinions {
        let probed = probe.map { $0(x, mix: mix, in: builder) }
        if let direct {
            return Opinions(weights: direct(scaled(x, in: builder), mix: mix, in: builder), probes: probed)
        }
        if let encoder, let classifier {
            let latents = latents ?? encoder.encode(scaled(x, in: builder), in: builder)
            let logits = try classifier(mix?(latents) ?? latents, batch: x.batch, in: builder)
            return Opinions(weights: logits, probes: probed)
        }
        return Opinions(weights: nil, probes: probed)
    }

    /// Whether the model standardises its inputs by statistics that belong to its parameters.
    package var standardizes: Bool {
        switch direct {
        case .invariantNFN(let network): network.configuration.normalizes
        case .statNet(let network): network.configuration.normalizes
        case nil: false
        }
    }

    /// Sets these statistics to those of `networks`: raw weights in the model's convention and canonical form.
    package func fitStandardization(to networks: [NetworkWeights]) {
        let scaled = arrayScales.map { scales in networks.map { scales($0) } } ?? networks
        switch direct {
        case .invariantNFN(let network): network.fitStandardization(to: scaled)
        case .statNet(let network): network.fitStandardization(to: scaled)
        case nil: break
        }
    }

    /// The weights as the weight-space networks read them: every array times its factor.
    package func scaled(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        guard let scales else { return x }
        let y = x.like(in: builder)
        for (index, (source, target)) in zip(x.arrays, y.arrays).enumerated() {
            builder.scale(source, by: scales[index], into: target)
        }
        return y
    }

    /// Latents of the encoder: how many, and how wide.
    var latentShape: [Int]? { encoder.map { [$0.latentCount, $0.latentWidth] } }
}
