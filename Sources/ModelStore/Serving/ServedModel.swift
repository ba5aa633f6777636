import Engine
import Models
import NetworkReading
import Networks
import NeuralFunctionals
import SIREN
import Synchronization
import Tensors

/// A loaded model that computes answers to uploaded networks, on any number of threads at a time.
package final class ServedModel: Sendable {
    /// Its `config.json`.
    package let configuration: ModelConfiguration
    /// SHA-256 of the bytes of `config.json` and every parameter file, in the order in which they are read, as 64
    /// hexadecimal digits; empty for a model that was not loaded from a folder.
    package let sha256: String
    /// The networks that it accepts.
    package let expectation: NetworkExpectation
    /// The outputs that it offers, with their shapes.
    package let outputs: [OutputDescription]
    private let model: any Model
    private let plans = PlanCache<PlanShape, WeightSpaceFeatures>(byteLimit: 128 << 20)
    /// Plans over the values at the model's coordinates, by the output; all have the same shape.
    private let functionPlans = PlanCache<Output, Matrix>(byteLimit: 128 << 20)
    /// Plans from latents to pictures.
    private let decoderPlans = PlanCache<PictureShape, Matrix>(byteLimit: 64 << 20)
    /// Pictures of fewer pixels are drawn by one thread.
    private static let leastSharedPixels = 4096
    /// The most parameters of networks that are computed side by side. The plan of a larger one takes tens of
    /// megabytes, and every thread would need a plan of its own.
    private static let largestParallelNetwork = 32_768
    /// Floating-point operations for each thread below which a further thread does not save time, since threads
    /// exchange data between cores, possibly of different dies.
    private static let flopsPerThread = 100e6
    /// For each output, the floating-point operations for networks of `input.spec`, divided by their parameters.
    private let flopsPerParameter = Mutex<[Output: Double]>([:])

    init(_ configuration: ModelConfiguration, _ model: any Model, sha256: String) {
        self.configuration = configuration
        self.sha256 = sha256
        self.model = model
        outputs = model.outputs
        let input = configuration.input
        expectation = NetworkExpectation(
            spec: input.spec,
            hiddenWidths: model.needsOwnWidths ? .fixed : .free(upTo: input.maximumHiddenWidth))
    }

    /// A model with parameters drawn at random, for measurements of speed, which does not depend on them.
    /// - Throws: `SettingError` or `ModelError` where the configuration is not valid.
    package convenience init(drawing configuration: ModelConfiguration) throws {
        self.init(configuration, try configuration.untrained(), sha256: "")
    }

    /// `name` of `config.json`.
    package var name: String { configuration.name }
    /// `version` of `config.json`.
    package var version: String { configuration.version }
    /// The names of the classes, in order; empty for a model that does not classify.
    package var labels: [String] { configuration.labels }
    /// The networks that the model was trained on, and their transformation for its layers.
    package var input: ModelInput { configuration.input }

    /// The shape of an output for one network; nil where the model does not offer it.
    package func shape(of output: Output) -> [Int]? { outputs.first { $0.output == output }?.shape }

    /// Whether `output` can be asked for.
    package func offers(_ output: Output) -> Bool { shape(of: output) != nil }

    /// The names of the edits that can be asked for: those of an `Editor`; the member `edit` of the card, or else the model's
    /// name, for another model that gives weights: `-learned` follows a name that an exact edit has.
    package var edits: [String] {
        guard offers(.weights) else { return [] }
        if !model.edits.isEmpty { return model.edits }
        var own = name
        if case .text(let edit)? = configuration.card["edit"] { own = edit }
        own = String(own.prefix(64).map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "-" })
        if !EditStep.isName(own) { own = "edit" }
        return [EditStep.exactNames.contains(own) ? "\(own)-learned" : own]
    }

    /// The networks that one of `edits` answers for a network, whose mean is the edited one, as many times as wide.
    package func networkCount(ofEdit name: String) -> Int {
        model.networkCount(ofEdit: model.edits.isEmpty ? nil : name)
    }

    /// The model's purpose for lists of models: `classify`, `predict_accuracy`, `encode` or `edit`.
    package var task: String {
        if offers(.classes) { return "classify" }
        if offers(.scalars) { return "predict_accuracy" }
        return offers(.latents) ? "encode" : "edit"
    }

    /// The names of its scalars: `targets` of the card; without it `accuracy` where there is one.
    package var targets: [String] {
        let count = shape(of: .scalars)?.first ?? 0
        if case .text(let text)? = configuration.card["targets"] {
            let names = text.split(separator: ",").map(String.init)
            if names.count == count { return names }
        }
        return count == 1 ? ["accuracy"] : (0..<count).map { "target\($0)" }
    }

    /// The networks that it reads, as a phrase for people.
    package var reads: String {
        let layers = input.spec.layers
        guard input.family == .cnn else {
            let functions = readsFunctions ? ", and other networks of 2 inputs by their values" : ""
            return readsInShort + functions
        }
        let runs =
            model.probePictures.map {
                "; they are run on \($0.count) pictures of \($0.height) × \($0.width) × \($0.channels), values from 0 to 1"
            } ?? ""
        let convolutions = layers.filter { !$0.kernel.isEmpty }
        let kernels = Set(convolutions.map { $0.kernel.map(String.init).joined(separator: " × ") }).sorted()
        let dense = layers.count - convolutions.count
        return
            "\(readsInShort) of \(convolutions.count) convolutions (\(kernels.joined(separator: ", "))), "
            + "global pooling and \(dense) dense layer\(dense == 1 ? "" : "s"), with relu or tanh, without residuals; "
            + "batch normalisation after a layer is folded\(runs)"
    }

    /// The kind of the networks that it reads and their sizes.
    package var readsInShort: String {
        "\(input.family == .cnn ? "CNNs" : "fully connected sine networks") \(expectation.summary)"
    }

    /// Whether it classifies networks whose weights it cannot read, by their values.
    package var readsFunctions: Bool { input.family == .siren && model.probeCoordinates != nil && offers(.classes) }

    /// The most CNNs of a request that are run to find what nothing says of them: that is done while the request is read,
    /// before it waits for its turn.
    package static let mostTries = 64

    /// Whether it finds what nothing says of a CNN by running it: its only number is an accuracy, so that the higher one is
    /// that of the right reading.
    private var triesReadings: Bool {
        model.runsActivation && targets.count == 1 && targets[0].hasSuffix("accuracy")
    }

    /// Brings an uploaded network into the form that the model reads.
    /// - Parameters:
    ///   - claims: what the client says of its notation.
    ///   - context: what its file says beside the layers.
    ///   - output: what the model is to answer; only classes can be answered by values alone.
    ///   - canTry: whether a CNN may be run to find what nothing says of it, which takes up to four times as long as its
    ///     answer.
    /// - Throws: why the model cannot read the network.
    package func prepare(
        _ network: NetworkWeights, _ claims: NotationClaims = NotationClaims(),
        context: NetworkContext = NetworkContext(), for output: Output = .classes, canTry: Bool = true
    ) throws(NetworkError) -> PreparedNetwork {
        let mismatches = expectation.mismatches(in: network)
        guard input.family == .siren else {
            if !mismatches.isEmpty { throw NetworkError(mismatches) }
            let transform = input.transform
            let reading = try ConvolutionalReading(
                network, claims, context,
                for: .init(
                    activation: transform.activation,
                    dependsOnActivation: transform.hasCanonicalScale || model.runsActivation),
                accuracy: canTry && triesReadings
                    ? { self.accuracy(of: network.reordered(from: context.layout?.layout, to: $1), $0) } : nil)
            let own = network.reordered(from: context.layout?.layout, to: reading.layout)
            return PreparedNetwork(
                content: .weights(
                    transform.canonical(own, activation: reading.activation), activation: reading.activation),
                network: own, reading: nil, convolutional: reading, claims: claims, context: context)
        }
        guard mismatches.isEmpty || (readsFunctions && output == .classes) else { throw NetworkError(mismatches) }
        let reading = NotationDetector.read(network, claims: claims, context: context)
        let own = input.transform.notation
        if mismatches.isEmpty, reading.features == nil, reading.notation.isConvertible(to: own) {
            let converted = try input.transform.converted(network, from: reading.notation)
            return PreparedNetwork(
                content: .weights(input.transform.canonical(converted)), network: network, reading: reading,
                claims: claims, context: context)
        }
        let unread =
            mismatches.isEmpty
            ? "the model reads weights of networks of \(own.activation.rawValue) activations; received \(reading.notation.activation.rawValue)"
            : NetworkError(mismatches).detail
        guard readsFunctions, output == .classes else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, expected: "expected a network of \(own.activation.rawValue) activations",
                    received: "one of \(reading.notation.activation.rawValue) activations"))
        }
        guard DrawnFunction.cost(of: network.spec) <= DrawnFunction.greatestCost else {
            throw NetworkError(
                mismatches + [
                    NetworkMismatch(
                        .shapeMismatch, expected: "to be read by its function, a network of at most 1000000 weights",
                        received: "\(network.spec.parameterCount) parameters")
                ])
        }
        do throws(PictureError) {
            return PreparedNetwork(
                content: .function(try DrawnFunction(network, reading.notation, features: reading.features)),
                network: network, reading: reading, unreadWeights: unread, claims: claims, context: context)
        } catch {
            throw NetworkError(
                mismatches.isEmpty
                    ? [NetworkMismatch(.shapeMismatch, expected: error.detail, received: network.spec.summary)]
                    : mismatches)
        }
    }

    /// The accuracy predicted with that activation; 0 where the network cannot be computed with it.
    private func accuracy(of network: NetworkWeights, _ activation: Nonlinearity) -> Float {
        let own = input.transform.canonical(network, activation: activation)
        guard case .scalars(let values)? = try? run(.scalars, own, activation, WorkerPool(threads: 1)) else { return 0 }
        return values.first.map { $0.isFinite ? $0 : 0 } ?? 0
    }

    /// Computes an output for every network, in order.
    ///
    /// Each network has a plan of batch 1, so its answer depends, bit for bit, neither on the other networks nor on the
    /// number of threads. With at least as many networks as threads, each thread computes whole networks; otherwise the
    /// networks are computed one after the other, each on several threads.
    /// - Parameters:
    ///   - inputs: the `content` of prepared networks.
    ///   - edit: for weights, one of `edits`; nil for the first.
    /// - Throws: `ModelError` where the model does not offer the output.
    package func run(
        _ output: Output, _ inputs: [PreparedNetwork.Content], _ pool: WorkerPool, edit: String? = nil
    ) throws(ModelError) -> [Answer] {
        guard offers(output) else { throw ModelError("the model does not \(output.rawValue)") }
        let isParallel =
            pool.threads > 1 && inputs.count >= pool.threads
            && inputs.allSatisfy { $0.valueCount <= Self.largestParallelNetwork }
        guard isParallel else {
            var results: [Answer] = []
            for network in inputs { results.append(try run(output, network, edit, pool)) }
            return results
        }
        let results = Mutex<[Result<Answer, ModelError>?]>(Array(repeating: nil, count: inputs.count))
        let single = WorkerPool(threads: 1)
        pool.run(tasks: inputs.count) { index, _ in
            let result = Result { () throws(ModelError) in try run(output, inputs[index], edit, single) }
            results.withLock { $0[index] = result }
        }
        var values: [Answer] = []
        for result in results.withLock({ $0 }) {
            guard let result else { throw ModelError("internal error: a network of the request was not computed") }
            values.append(try result.get())
        }
        return values
    }

    private func run(
        _ output: Output, _ content: PreparedNetwork.Content, _ edit: String?, _ pool: WorkerPool
    ) throws(ModelError) -> Answer {
        switch content {
        case .weights(let network, let activation): return try run(output, network, activation, pool, edit: edit)
        case .function(let function):
            guard output == .classes else { throw ModelError("only classes are answered by values") }
            return try classify(function)
        case .latents(let latents, let image):
            guard output == .picture else { throw ModelError("latents are answered by pictures only") }
            return try draw(latents, image, pool)
        }
    }

    /// The shape of the latent arrays that it draws pictures from, [latents, width]; nil for a model that draws none.
    package var decodedLatents: [Int]? { model.decodedLatents }

    /// The picture that the decoder draws from latents of the shape `decodedLatents`.
    private func draw(_ latents: Latents, _ image: ImageShape, _ pool: WorkerPool) throws(ModelError) -> Answer {
        guard let shape = model.decodedLatents, latents.values.count == shape.reduce(1, *) else {
            throw ModelError("the model draws no pictures from latents of \(latents.shape)")
        }
        let threads = image.pixels < Self.leastSharedPixels ? 1 : pool.threads
        let key = PictureShape(image: image, threads: threads)
        let compiled = try decoderPlans.take(key) { () throws(ModelError) in
            let builder = PlanBuilder(threads: threads)
            let input = builder.matrix(rows: shape[0], columns: shape[1])
            let output = try model.recordPicture(ofLatents: input, image, in: builder)
            return CompiledPlan(
                plan: builder.finish(keeping: [input] + output.matrices), input: input, output: output)
        }
        compiled.input.write(latents.values)
        compiled.plan.run(threads == 1 ? WorkerPool(threads: 1) : pool)
        let answer = compiled.output.answer(temperature: configuration.temperature)
        decoderPlans.giveBack(compiled, key)
        return answer
    }

    /// The classes of a function by its values at the model's coordinates.
    private func classify(_ function: DrawnFunction) throws(ModelError) -> Answer {
        guard let coordinates = model.probeCoordinates else { throw ModelError("the model reads weights only") }
        let compiled = try functionPlans.take(.classes) { () throws(ModelError) in
            let builder = PlanBuilder(threads: 1)
            let values = builder.matrix(rows: coordinates.rows, columns: input.spec.outputs)
            let classes = try model.recordClasses(ofValues: values, in: builder)
            let output = RecordedOutput.classes(classes)
            return CompiledPlan(
                plan: builder.finish(keeping: [values] + output.matrices), input: values, output: output)
        }
        let read = FunctionReading(coordinates, input.transform.notation, channels: input.spec.outputs)
        compiled.input.write(read.values(of: function))
        compiled.plan.run(WorkerPool(threads: 1))
        let answer = compiled.output.answer(temperature: configuration.temperature)
        functionPlans.giveBack(compiled, .classes)
        return answer
    }

    private func run(
        _ output: Output, _ network: NetworkWeights, _ activation: Nonlinearity?, _ pool: WorkerPool,
        edit: String? = nil
    ) throws(ModelError) -> Answer {
        let threads = try threads(output, network.spec, of: pool)
        let key = PlanShape(
            output: output, spec: network.spec, activation: activation ?? input.transform.activation,
            edit: model.edits.isEmpty ? nil : edit, threads: threads)
        let compiled = try planned(key)
        compiled.input.write([network])
        compiled.plan.run(pool)
        let answer = compiled.output.answer(temperature: configuration.temperature)
        plans.giveBack(compiled, key)
        return answer
    }

    /// The number of the pool's threads for one network: one for each `flopsPerThread` of its operations, at least one.
    private func threads(
        _ output: Output, _ spec: NetworkSpec, of pool: WorkerPool
    ) throws(ModelError) -> Int {
        guard pool.threads > 1 else { return 1 }
        let known = flopsPerParameter.withLock { $0[output] }
        let own = input.spec
        let each = if let known { known } else { Double(try flops(output, own)) / Double(own.parameterCount) }
        if known == nil { flopsPerParameter.withLock { $0[output] = each } }
        let most = each * Double(spec.parameterCount) / Self.flopsPerThread
        return max(1, min(pool.threads, Int(most)))
    }

    /// The floating-point operations of the matrix products for one network; a multiply-add is two.
    /// - Throws: `ModelError` where the model does not offer the output.
    package func flops(_ output: Output, _ spec: NetworkSpec) throws(ModelError) -> Int {
        let key = PlanShape(output: output, spec: spec, activation: input.transform.activation, threads: 1)
        let compiled = try planned(key)
        plans.giveBack(compiled, key)
        return compiled.plan.flops
    }

    /// A plan from the cache, or a new one.
    private func planned(_ key: PlanShape) throws(ModelError) -> CompiledPlan<WeightSpaceFeatures> {
        try plans.take(key) { () throws(ModelError) in
            let builder = PlanBuilder(threads: key.threads)
            let input = WeightSpaceFeatures(key.spec, batch: 1, channels: 1, in: builder)
            let pass = ForwardPass(
                input, configuration.input.transform, activation: key.activation, in: builder)
            let output =
                key.output == .weights
                ? try model.recordEdit(key.edit, in: pass) : try model.record(key.output, in: pass)
            return CompiledPlan(
                plan: builder.finish(keeping: input.arrays + output.matrices), input: input, output: output)
        }
    }

    /// Computes every output on a network of `input.spec` with every number of threads that a request can get, so that
    /// the first request needs neither a new plan nor memory pages that were never touched.
    package func warmUp(_ pool: WorkerPool) throws(ModelError) {
        let network = NetworkWeights.example(spec: input.spec, seed: 0)
        for output in outputs.map(\.output) {
            let content = PreparedNetwork.Content.weights(network)
            _ = try run(output, Array(repeating: content, count: pool.threads), pool)
            for threads in Set((1...pool.threads).map { pool.threads / $0 }) {
                _ = try run(output, [content], WorkerPool(threads: threads))
            }
        }
    }
}

extension NetworkWeights {
    /// The network of the same flat vector, which was read in one order, in another; itself where the orders are the same
    /// or it came as arrays by layer.
    fileprivate func reordered(from layout: FlatLayout?, to other: FlatLayout?) -> NetworkWeights {
        guard let layout, let other, layout != other else { return self }
        let names = layers.map { LayerNames(weight: $0.weightName, bias: $0.biasName) }
        return (try? NetworkWeights(spec: spec, flat: flattened(in: layout), layout: other, names: names)) ?? self
    }
}
