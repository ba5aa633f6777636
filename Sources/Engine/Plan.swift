/// A model's computation for one shape of input: steps in order over memory that was laid out once.
///
/// Running a plan allocates nothing. Unchecked Sendable is sound because a plan is used by one thread at a time: its
/// owner hands it out and takes it back (`PlanCache`), and the steps join their workers before they return.
package final class Plan: @unchecked Sendable {
    typealias Step = @Sendable (WorkerPool) -> Void
    private let steps: [Step]
    /// Bytes of the arena, without parameters and the constants that layers make for a shape.
    package let memoryBytes: Int

    /// Additions and multiplications of its matrix products.
    package let operations: Int

    /// Threads that it has scratch memory for.
    private let threads: Int

    init(steps: [Step], threads: Int, memoryBytes: Int, operations: Int) {
        self.steps = steps
        self.threads = threads
        self.memoryBytes = memoryBytes
        self.operations = operations
    }

    /// Computes the outputs from what the inputs hold.
    package func run(_ pool: WorkerPool) {
        let pool = pool.threads > threads ? WorkerPool(threads: threads) : pool
        for step in steps { step(pool) }
    }
}

/// Records steps and the memory they touch, then lays the memory out so that what is never alive together overlaps.
package final class PlanBuilder {
    private var steps: [Plan.Step] = []
    private var lifetimes: [ObjectIdentifier: Lifetime] = [:]
    private var order: [ObjectIdentifier] = []
    /// Threads that the plan will run on: scratch memory is kept for each.
    package let threads: Int
    private var operations = 0
    /// Whether maps may be packed when they are recorded.
    let parametersAreFixed: Bool
    /// Present where the plan is to compute gradients.
    private(set) var tape: GradientTape?

    private struct Lifetime {
        let storage: Storage
        var first: Int
        var last: Int
    }

    /// - Parameter parametersAreFixed: no parameter changes once it was recorded, as in a model that is served.
    package init(threads: Int, parametersAreFixed: Bool = true) {
        self.threads = max(1, threads)
        self.parametersAreFixed = parametersAreFixed
    }

    /// A plan that can be differentiated. It runs on one thread: training works on many small plans side by side, so
    /// that a network's activations stay in one core's cache and no step waits for another core.
    package init(recordsGradients: Bool) {
        threads = 1
        parametersAreFixed = false
        if recordsGradients { tape = GradientTape(self) }
    }

    package var recordsGradients: Bool { tape != nil }

    /// Workers that a step of `tasks` tasks can have, each of which needs scratch memory of its own.
    func workers(for tasks: Int) -> Int { min(threads, tasks) }

    /// Notes that a step multiplies (rows × depth) by (depth × columns), `times` times.
    func countProduct(_ rows: Int, _ depth: Int, _ columns: Int, times: Int = 1) {
        operations += 2 * rows * depth * columns * times
    }

    /// Memory for a result; its contents are undefined until a step writes them.
    package func matrix(rows: Int, columns: Int) -> Matrix {
        let storage = Storage(unplaced: rows * columns)
        let identifier = ObjectIdentifier(storage)
        lifetimes[identifier] = Lifetime(storage: storage, first: Int.max, last: -1)
        order.append(identifier)
        return Matrix(storage: storage, offset: 0, rows: rows, columns: columns, stride: columns)
    }

    /// Appends a step that touches the given matrices and no other memory of the plan.
    func step(touching matrices: [Matrix], _ body: @escaping Plan.Step) {
        for matrix in matrices {
            let identifier = ObjectIdentifier(matrix.storage)
            guard var lifetime = lifetimes[identifier] else { continue }  // a parameter, not of this plan's memory
            lifetime.first = min(lifetime.first, steps.count)
            lifetime.last = steps.count
            lifetimes[identifier] = lifetime
        }
        steps.append(body)
    }

    /// Lays out the memory. `kept` matrices (inputs and outputs) keep their contents for the whole plan.
    package func finish(keeping kept: [Matrix]) -> Plan {
        tape = nil
        for matrix in kept {
            let identifier = ObjectIdentifier(matrix.storage)
            lifetimes[identifier]?.first = 0
            lifetimes[identifier]?.last = steps.count
        }
        let blocks = order.compactMap { identifier in
            lifetimes[identifier].map {
                MemoryLayoutPlanner.Block(count: $0.storage.count, first: min($0.first, steps.count), last: $0.last)
            }
        }
        let (offsets, total) = MemoryLayoutPlanner.layOut(blocks)
        let arena = Arena(count: total)
        for (identifier, offset) in zip(order, offsets) {
            lifetimes[identifier]?.storage.place(in: arena, at: offset)
        }
        return Plan(
            steps: steps, threads: threads, memoryBytes: total * MemoryLayout<Float>.stride,
            operations: operations)
    }
}
