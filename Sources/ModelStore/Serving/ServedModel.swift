import Engine
import NetworkReading
import Networks
import NeuralFunctionals
import SIREN
import Synchronization
import Tensors

/// A loaded model: from an uploaded network to an answer.
package final class ServedModel: Sendable {
    package let manifest: ModelManifest
    /// Of `config.json` and every parameter file, in the order they are read.
    package let sha256: String
    package let expectation: NetworkExpectation
    package let operations: [Operation]
    private let networks: ServedNetworks
    private let plans = PlanCache(byteLimit: 128 << 20)
    /// Networks above this size are computed one after the other, since a plan of one takes tens of megabytes and
    /// every thread would need its own.
    private static let largestParallelNetwork = 32_768
    /// A thread more pays only for so much work: what threads hand each other may have to cross the processor's dies.
    private static let operationsPerThread = 100e6
    /// Of each operation, on the model's own sizes.
    private let operationsPerParameter = Mutex<[Operation: Double]>([:])

    init(_ manifest: ModelManifest, _ networks: ServedNetworks, sha256: String) throws(ModelError) {
        let input = manifest.input
        self.manifest = manifest
        self.sha256 = sha256
        self.networks = networks
        operations = networks.operations(manifest.task)
        let isWidthBound = manifest.network.map { section in
            switch section.configuration {
            case .invariantNFN(let configuration): configuration.normalizes
            case .statNet(let configuration): configuration.normalizes
            }
        }
        expectation = NetworkExpectation(
            spec: input.spec,
            hiddenWidths: isWidthBound ?? false ? .fixed : .free(upTo: input.maximumHiddenWidth))
        guard !input.canonicalizes || input.family == .siren else {
            throw ModelError("input.canonicalize is for sine networks only")
        }
    }

    /// An untrained model with parameters drawn at random: for measuring speed, which does not depend on them.
    package convenience init(drawing manifest: ModelManifest) throws {
        let networks = try ServedNetworks(manifest) { _ in ParameterReader(drawing: 0) }
        try self.init(manifest, networks, sha256: "")
    }

    package var name: String { manifest.name }
    package var version: String { manifest.version }
    package var labels: [String] { manifest.labels }
    /// Shape of one network's latents, where the model encodes.
    package var latentShape: [Int]? { networks.latentShape }

    /// Checks an uploaded network and brings it into the form that the model reads.
    package func prepare(
        _ network: NetworkWeights, _ upload: UploadConvention
    ) throws(NetworkError) -> PreparedNetwork {
        try expectation.check(network)
        let input = manifest.input
        guard input.family == .siren else {
            return PreparedNetwork(features: network, network: network, detection: nil)
        }
        let detection = upload.detection(of: network)
        var own = try network.converted(from: detection.convention, to: input.convention)
        if let omega0 = upload.omega0, omega0 != input.omega0 {
            own = try own.absorbing(omega0: omega0, into: input.omega0)
        }
        let canonical = input.canonicalizes ? CanonicalForm(omega0: Float(input.omega0))(own) : own
        return PreparedNetwork(features: canonical, network: own, detection: detection)
    }

    /// Answers for every network, in order: rows of the operation's result, network by network.
    ///
    /// Every network is computed by itself, so that its answer depends neither on its companions nor on the number of
    /// threads; many networks share the threads, few get them all for their own layers.
    package func run(
        _ operation: Operation, _ inputs: [NetworkWeights], _ pool: WorkerPool
    ) throws(ModelError) -> [[Float]] {
        guard operations.contains(operation) else { throw ModelError("the model does not \(operation.rawValue)") }
        let isParallel =
            pool.threads > 1 && inputs.count >= pool.threads
            && inputs.allSatisfy { $0.spec.parameterCount <= Self.largestParallelNetwork }
        guard isParallel else {
            var results: [[Float]] = []
            for network in inputs { results.append(try run(operation, network, pool)) }
            return results
        }
        let results = Mutex<[Result<[Float], ModelError>?]>(Array(repeating: nil, count: inputs.count))
        let single = WorkerPool(threads: 1)
        pool.run(tasks: inputs.count) { index, _ in
            let result = Result { () throws(ModelError) in try run(operation, inputs[index], single) }
            results.withLock { $0[index] = result }
        }
        var values: [[Float]] = []
        for result in results.withLock({ $0 }) {
            guard let result else { throw ModelError("a network was left out of its batch") }
            values.append(try result.get())
        }
        return values
    }

    private func run(
        _ operation: Operation, _ network: NetworkWeights, _ pool: WorkerPool
    ) throws(ModelError) -> [Float] {
        let threads = try threads(operation, network.spec, of: pool)
        let key = PlanCache.Key(operation: operation, spec: network.spec, threads: threads)
        let compiled = try planned(key)
        compiled.input.write([network])
        compiled.plan.run(pool)
        let values = compiled.output.read()
        plans.giveBack(compiled, key)
        return values
    }

    /// How many of the pool's threads a network is worth.
    private func threads(
        _ operation: Operation, _ spec: NetworkSpec, of pool: WorkerPool
    ) throws(ModelError) -> Int {
        guard pool.threads > 1 else { return 1 }
        let known = operationsPerParameter.withLock { $0[operation] }
        let own = manifest.input.spec
        let each = if let known { known } else { Double(try cost(operation, own)) / Double(own.parameterCount) }
        if known == nil { operationsPerParameter.withLock { $0[operation] = each } }
        let most = each * Double(spec.parameterCount) / Self.operationsPerThread
        return max(1, min(pool.threads, Int(most)))
    }

    /// Additions and multiplications of the matrix products that one network's answer takes.
    package func cost(_ operation: Operation, _ spec: NetworkSpec) throws(ModelError) -> Int {
        let key = PlanCache.Key(operation: operation, spec: spec, threads: 1)
        let compiled = try planned(key)
        plans.giveBack(compiled, key)
        return compiled.plan.flops
    }

    private func planned(_ key: PlanCache.Key) throws(ModelError) -> CompiledPlan {
        try plans.take(key) { () throws(ModelError) in
            let builder = PlanBuilder(threads: key.threads)
            let input = WeightSpaceFeatures(key.spec, batch: 1, channels: 1, in: builder)
            let output = try networks.record(key.operation, input, in: builder)
            return CompiledPlan(
                plan: builder.finish(keeping: input.arrays + [output]), input: input, output: output)
        }
    }

    /// Runs every operation once on the model's own sizes, with every share of the threads that a request may get, so
    /// that the first one finds plans and pages ready.
    package func warmUp(_ pool: WorkerPool) throws(ModelError) {
        let network = NetworkWeights.example(spec: manifest.input.spec, seed: 0)
        for operation in operations {
            _ = try run(operation, [NetworkWeights](repeating: network, count: pool.threads), pool)
            for threads in Set((1...pool.threads).map { pool.threads / $0 }) {
                _ = try run(operation, [network], WorkerPool(threads: threads))
            }
        }
    }
}
