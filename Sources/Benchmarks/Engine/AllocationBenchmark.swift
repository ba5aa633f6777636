import Engine
import Glibc
import ModelStore
import Networks
import NeuralFunctionals

/// Counts what a model's answer allocates once it is warm; `Tests/Performance/allocations.c` must be loaded before the program.
package struct AllocationBenchmark {
    package struct Count: Sendable {
        package let operation: ModelStore.Operation
        /// In a run of the plan.
        package let plan: Int
        /// In an answer, which finds the plan, copies the network in and the result out.
        package let answer: Int
    }

    private let threadCount: @convention(c) () -> Int

    /// - Returns: nil where allocations are not counted.
    package init?() {
        guard let symbol = dlsym(nil, "weightspace_allocation_count") else { return nil }
        // The symbol's only definition is `long weightspace_allocation_count(void)`.
        threadCount = unsafeBitCast(symbol, to: (@convention(c) () -> Int).self)
    }

    /// Counts on one thread, after two runs to warm up.
    package func run(_ model: ServedModel) throws -> [Count] {
        let pool = WorkerPool(threads: 1)
        let network = NetworkWeights.example(spec: model.manifest.input.spec, seed: 0)
        let features = try model.prepare(network, UploadConvention()).features
        // What a plan allocates does not depend on its parameters.
        let untrained = try ServedNetworks(model.manifest) { _ in ParameterReader(drawing: 0) }
        return try model.operations.map { operation in
            let builder = PlanBuilder(threads: 1)
            let input = WeightSpaceFeatures(features.spec, batch: 1, channels: 1, in: builder)
            let output = try untrained.record(operation, input, in: builder)
            let plan = builder.finish(keeping: input.arrays + [output])
            input.write([features])
            return Count(
                operation: operation, plan: count { plan.run(pool) },
                answer: try count { _ = try model.run(operation, [features], pool) })
        }
    }

    private func count(_ body: () throws -> Void) rethrows -> Int {
        for _ in 0..<2 { try body() }
        let before = threadCount()
        try body()
        return threadCount() - before
    }
}
