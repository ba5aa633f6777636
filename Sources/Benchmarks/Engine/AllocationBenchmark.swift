import Engine
import Glibc
import ModelStore
import Models
import Networks
import NeuralFunctionals
import SIREN

/// Counts the heap allocations of a model's answers after two runs to warm up. Needs the counter
/// `Tests/Performance/allocations.c`, loaded by `LD_PRELOAD`.
package struct AllocationBenchmark {
    /// The number of allocations for one output.
    package struct Count: Sendable {
        /// What the model was asked for.
        package let output: Output
        /// Allocations of running the plan.
        package let plan: Int
        /// Allocations of a whole answer: finding the plan, copying features in, running, copying the result out.
        package let answer: Int
    }

    private let threadCount: @convention(c) () -> Int

    /// Nil where the counter is not loaded.
    package init?() {
        guard let symbol = dlsym(nil, "weightspace_allocation_count") else { return nil }
        // The symbol is defined as `long weightspace_allocation_count(void)`.
        threadCount = unsafeBitCast(symbol, to: (@convention(c) () -> Int).self)
    }

    /// Counts on one thread, after two runs to warm up.
    package func run(_ model: ServedModel) throws -> [Count] {
        let pool = WorkerPool(threads: 1)
        let network = NetworkWeights.example(spec: model.input.spec, seed: 0)
        let features = model.input.transform.canonical(network)
        // A plan's allocations do not depend on the values of its parameters.
        let untrained = try model.configuration.untrained()
        return try model.outputs.map(\.output).map { output in
            let builder = PlanBuilder(threads: 1)
            let input = WeightSpaceFeatures(features.spec, batch: 1, channels: 1, in: builder)
            let pass = ForwardPass(input, model.input.transform, in: builder)
            let recorded = try untrained.record(output, in: pass)
            let plan = builder.finish(keeping: input.arrays + recorded.matrices)
            input.write([features])
            return Count(
                output: output, plan: count { plan.run(pool) },
                answer: try count { _ = try model.run(output, [.weights(features)], pool) })
        }
    }

    private func count(_ body: () throws -> Void) rethrows -> Int {
        for _ in 0..<2 { try body() }
        let before = threadCount()
        try body()
        return threadCount() - before
    }
}
