import Dispatch

/// A model's computation for one shape of input: steps in phases over memory that was laid out once.
///
/// The steps of a phase do not depend on each other; the threads share the tasks of all of them. Running a plan
/// allocates nothing of its own. Unchecked Sendable is sound because a plan is used by one owner at a time, who hands it
/// out and takes it back (`PlanCache`), and because every task of a phase has ended before the next phase begins.
package final class Plan: @unchecked Sendable {
    let phases: [Phase]
    /// Bytes of the arena, without parameters and the constants that layers make for a shape.
    package let memoryBytes: Int

    /// Additions and multiplications of its matrix products.
    package let operations: Int

    /// Threads that it has scratch memory for.
    private let threads: Int
    private let progress = PhaseProgress()

    init(phases: [Phase], threads: Int, memoryBytes: Int, operations: Int) {
        self.phases = phases
        self.threads = threads
        self.memoryBytes = memoryBytes
        self.operations = operations
    }

    /// Computes the outputs from what the inputs hold.
    package func run(_ pool: WorkerPool) {
        let workers = min(pool.threads, threads)
        guard workers > 1 else {
            for phase in phases {
                for task in 0..<phase.tasks { phase.run(task, worker: 0) }
            }
            return
        }
        progress.reset()
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            for (index, phase) in phases.enumerated() {
                while let task = progress.takeTask(of: index, tasks: phase.tasks) {
                    phase.run(task, worker: worker)
                    progress.endTask(of: index, tasks: phase.tasks)
                }
                progress.wait(for: index)
            }
        }
    }
}

/// Records steps and the memory they touch, then lays the memory out so that what is never alive together overlaps.
package final class PlanBuilder {
    private var recorded: [(step: Step, touched: [ObjectIdentifier])] = []
    private var storages: [(identifier: ObjectIdentifier, storage: Storage)] = []
    private var inputs: Set<ObjectIdentifier> = []
    /// Threads that the plan will run on, of which any may do any task: scratch memory is kept for each.
    package let threads: Int
    private var operations = 0
    /// Whether maps may be packed when they are recorded.
    let parametersAreFixed: Bool
    /// Present where the plan is to compute gradients.
    private(set) var tape: GradientTape?

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

    /// Notes that a step multiplies (rows × depth) by (depth × columns), `times` times.
    func countProduct(_ rows: Int, _ depth: Int, _ columns: Int, times: Int = 1) {
        operations += 2 * rows * depth * columns * times
    }

    /// Memory for a result; its contents are undefined until a step writes them.
    package func matrix(rows: Int, columns: Int) -> Matrix {
        let storage = Storage(unplaced: rows * columns)
        storages.append((ObjectIdentifier(storage), storage))
        return Matrix(storage: storage, offset: 0, rows: rows, columns: columns, stride: columns)
    }

    /// Promises that no step writes to these, so that steps that read them need not wait for each other.
    package func markInputs(_ matrices: [Matrix]) {
        for matrix in matrices { inputs.insert(ObjectIdentifier(matrix.storage)) }
    }

    /// Appends a step of tasks that may run in any order and at the same time; it touches the given matrices and no
    /// other memory of the plan.
    func step(
        touching matrices: [Matrix], tasks: Int, _ body: @escaping @Sendable (_ task: Int, _ worker: Int) -> Void
    ) {
        guard tasks > 0 else { return }
        recorded.append((Step(tasks: tasks, body: body), matrices.map { ObjectIdentifier($0.storage) }))
    }

    /// Appends a step of one task.
    func step(touching matrices: [Matrix], _ body: @escaping @Sendable () -> Void) {
        step(touching: matrices, tasks: 1) { _, _ in body() }
    }

    /// Appends a step that treats every row by itself. Its blocks depend on `rows` alone, so that results do not depend
    /// on the number of threads.
    func step(touching matrices: [Matrix], rows: Int, _ body: @escaping @Sendable (Range<Int>) -> Void) {
        let size = Self.blockSize(rows: rows)
        step(touching: matrices, tasks: (rows + size - 1) / size) { task, _ in
            body(task * size..<min(rows, (task + 1) * size))
        }
    }

    /// At least four blocks where there is work for them, none much above 512 rows, sizes divisible by 8.
    private static func blockSize(rows: Int) -> Int {
        let blocks = max(min(4, rows / 64), (rows + 511) / 512, 1)
        return ((rows + blocks - 1) / blocks + 7) / 8 * 8
    }

    /// Lays out the memory. `kept` matrices (inputs and outputs) keep their contents for the whole plan.
    package func finish(keeping kept: [Matrix]) -> Plan {
        tape = nil
        let places = phasePlaces()
        let count = (places.max() ?? -1) + 1
        var phases = [[Step]](repeating: [], count: count)
        var lifetimes: [ObjectIdentifier: ClosedRange<Int>] = [:]
        for (place, (step, touched)) in zip(places, recorded) {
            phases[place].append(step)
            for identifier in touched {
                let known = lifetimes[identifier] ?? place...place
                lifetimes[identifier] = min(known.lowerBound, place)...max(known.upperBound, place)
            }
        }
        for matrix in kept { lifetimes[ObjectIdentifier(matrix.storage)] = 0...count }
        let blocks = storages.map { identifier, storage in
            let lifetime = lifetimes[identifier] ?? count...count
            return MemoryLayoutPlanner.Block(
                count: storage.count, first: lifetime.lowerBound, last: lifetime.upperBound)
        }
        let (offsets, total) = MemoryLayoutPlanner.layOut(blocks)
        let arena = Arena(count: total)
        for ((_, storage), offset) in zip(storages, offsets) { storage.place(in: arena, at: offset) }
        return Plan(
            phases: threads > 1 ? Self.joined(phases.map(Phase.init)) : phases.map(Phase.init), threads: threads,
            memoryBytes: total * MemoryLayout<Float>.stride, operations: operations)
    }

    /// Neighbouring phases of a single task become one: no second thread could help, and every hand-over takes its time.
    private static func joined(_ phases: [Phase]) -> [Phase] {
        var joined: [Phase] = []
        var singles: [Phase] = []
        func joinSingles() {
            guard singles.count > 1 else {
                joined += singles
                return
            }
            let run = singles
            joined.append(Phase([Step(tasks: 1) { _, worker in for phase in run { phase.run(0, worker: worker) } }]))
        }
        for phase in phases {
            if phase.tasks == 1 {
                singles.append(phase)
            } else {
                joinSingles()
                singles = []
                joined.append(phase)
            }
        }
        joinSingles()
        return joined
    }

    /// The phase of every step. One thread keeps the order in which steps were recorded, which keeps results in its
    /// cache; for several, a step comes as early as what it touches allows.
    private func phasePlaces() -> [Int] {
        guard threads > 1 else { return Array(recorded.indices) }
        let own = Set(storages.map(\.identifier)).subtracting(inputs)
        var next: [ObjectIdentifier: Int] = [:]
        return recorded.map { _, touched in
            let shared = touched.filter(own.contains)
            let place = shared.map { next[$0] ?? 0 }.max() ?? 0
            for identifier in shared { next[identifier] = place + 1 }
            return place
        }
    }
}
