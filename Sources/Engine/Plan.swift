import Dispatch

/// A model's computation for one shape of input: phases of steps, over memory that was laid out once.
///
/// The steps of a phase do not conflict, and threads share the tasks of all of them. A forward pass allocates no
/// memory, except to sort where statistics are pooled; the adjoints of some steps allocate small arrays.
///
/// Unchecked Sendable is sound because a plan has one owner at a time, who hands it out and takes it back
/// (`PlanCache`), and because every task of a phase has ended before the next phase begins.
package final class Plan: @unchecked Sendable {
    let phases: [Phase]
    /// Bytes of its results and scratch memory, without parameters and small constants that layers make for a shape.
    package let memoryBytes: Int

    /// Floating-point operations of the matrix products of one forward pass: a multiply-add counts as 2. Backward
    /// passes, Fourier features and everything that is computed element by element or row by row are not counted.
    package let flops: Int

    /// Copies parameters that may change between runs into the order in which products read them.
    private let packings: [@Sendable () -> Void]
    /// The most threads that may run it: scratch memory is kept for each.
    private let threads: Int
    private let progress = PhaseProgress()

    init(phases: [Phase], packings: [@Sendable () -> Void], threads: Int, memoryBytes: Int, flops: Int) {
        self.phases = phases
        self.packings = packings
        self.threads = threads
        self.memoryBytes = memoryBytes
        self.flops = flops
    }

    /// Computes all results from the current contents of inputs and parameters, on the threads of `pool` or as many of
    /// them as the plan was made for. The bits of results do not depend on the number of threads.
    /// - Parameter parametersChanged: false where the parameters are those of the last run.
    package func run(_ pool: WorkerPool, parametersChanged: Bool = true) {
        if parametersChanged { for pack in packings { pack() } }
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

/// Records steps with the memory that they read and write, then makes a `Plan` of them. Matrices that are not in use at
/// the same time share memory.
package final class PlanBuilder {
    private var recorded: [RecordedStep] = []
    private var storages: [Storage] = []
    #if DEBUG
        private var checks = StepChecks()
    #endif
    /// The most threads that will run the plan, at least 1.
    package let threads: Int
    private var flops = 0
    /// Floats of memory that steps own beside the plan's.
    private var ownedCount = 0
    /// Whether the parameters of maps may be copied in another order when steps are recorded.
    let parametersAreFixed: Bool
    /// Packed copies of maps whose parameters may change between runs, with what identifies the maps, and what makes the
    /// copies before a run.
    private var packedMaps: [ObjectIdentifier: (map: PackedMap, copy: Matrix)] = [:]
    private var packings: [@Sendable () -> Void] = []
    /// Not nil in a plan that computes gradients, until it is finished.
    private(set) var tape: GradientTape?

    /// A plan without gradients.
    /// - Parameters:
    ///   - threads: the most threads that will run it.
    ///   - parametersAreFixed: no parameter changes after the step that reads it was recorded, as in a model that is
    ///     served.
    package init(threads: Int, parametersAreFixed: Bool = true) {
        self.threads = max(1, threads)
        self.parametersAreFixed = parametersAreFixed
    }

    /// A plan for training, on one thread, whose parameters may change between runs. Training runs many small plans at
    /// the same time, one a thread, so that a network's activations stay in one core's cache and no step waits for
    /// another core.
    /// - Parameter recordsGradients: whether `differentiate` will be called.
    package init(recordsGradients: Bool) {
        threads = 1
        parametersAreFixed = false
        if recordsGradients { tape = GradientTape(self) }
    }

    /// Whether the plan computes gradients.
    package var recordsGradients: Bool { tape != nil }

    /// Counts `times` products of (rows, depth) and (depth, columns) matrices.
    func countProduct(_ rows: Int, _ depth: Int, _ columns: Int, times: Int = 1) {
        flops += 2 * rows * depth * columns * times
    }

    /// Counts memory that a step owns beside the plan's, in floats.
    func countMemory(_ count: Int) { ownedCount += count }

    /// A contiguous matrix in the plan's memory, for inputs, results and scratch. Its contents are undefined until a
    /// step, or for inputs the caller, writes them; it may be read and written from outside only where `finish` keeps
    /// it.
    package func matrix(rows: Int, columns: Int) -> Matrix {
        let storage = Storage(unplaced: rows * columns)
        storages.append(storage)
        return Matrix(storage: storage, offset: 0, rows: rows, columns: columns, stride: columns)
    }

    /// A map's weight and bias in the order in which products read them: made once where its parameters are fixed, else
    /// before a run; nil where they are results of the plan itself.
    func packed(_ map: AffineMap) -> Matrix? {
        guard map.parameters.allSatisfy(\.storage.isPlaced) else { return nil }
        if parametersAreFixed { return map.packed.matrix(map.weight, map.bias) }
        let key = ObjectIdentifier(map.packed)
        if let known = packedMaps[key] { return known.copy }
        let target = Matrix(zeros: 1, Products.packedCount(outputs: map.outputs, inputs: map.inputs))
        packings.append { Products.pack(map.weight, map.bias, into: target) }
        packedMaps[key] = (map.packed, target)
        countMemory(target.count)
        return target
    }

    /// Steps recorded so far.
    var stepCount: Int { recorded.count }

    /// Appends a step of tasks that may run in any order and at the same time.
    ///
    /// Phases and memory depend on the declarations. With `WEIGHTSPACE_CHECK_STEPS` in the environment, debug builds
    /// check them (`StepChecks`).
    /// - Parameters:
    ///   - reads: what it reads, parameters and what it adds to included. Nothing else may be read.
    ///   - writes: what it writes, scratch memory included. Nothing else may be written.
    ///   - name: for the checks' messages.
    func step(
        reading reads: [Matrix], writing writes: [Matrix], tasks: Int, name: StaticString = #function,
        _ body: @escaping @Sendable (_ task: Int, _ worker: Int) -> Void
    ) {
        guard tasks > 0 else { return }
        var step = RecordedStep(step: Step(tasks: tasks, body: body), reads: reads, writes: writes)
        #if DEBUG
            if StepChecks.areEnabled {
                let problem = checks.record(
                    name, reading: reads, writing: writes, recordsGradients: recordsGradients,
                    adjointEnd: tape?.adjointEnd)
                precondition(problem == nil, problem ?? "")
                let watched = StepChecks.watched(name, step, isSequential: threads == 1)
                step = RecordedStep(step: Step(tasks: tasks, body: watched), reads: reads, writes: writes)
            }
        #endif
        recorded.append(step)
    }

    /// Appends a step of one task.
    func step(
        reading reads: [Matrix], writing writes: [Matrix], name: StaticString = #function,
        _ body: @escaping @Sendable () -> Void
    ) {
        step(reading: reads, writing: writes, tasks: 1, name: name) { _, _ in body() }
    }

    /// Appends a step that treats every row by itself. Its blocks depend on `rows` alone, so that results do not depend
    /// on the number of threads.
    func step(
        reading reads: [Matrix], writing writes: [Matrix], rows: Int, name: StaticString = #function,
        _ body: @escaping @Sendable (Range<Int>) -> Void
    ) {
        let size = Self.blockSize(rows: rows)
        step(reading: reads, writing: writes, tasks: (rows + size - 1) / size, name: name) { task, _ in
            body(task * size..<min(rows, (task + 1) * size))
        }
    }

    /// A block's rows, divisible by 8: at most 512, and at least four blocks from 256 rows on.
    private static func blockSize(rows: Int) -> Int {
        let blocks = max(min(4, rows / 64), (rows + 511) / 512, 1)
        return ((rows + blocks - 1) / blocks + 7) / 8 * 8
    }

    /// Orders the steps, lays out the memory and makes the plan. Nothing may be recorded afterwards.
    /// - Parameter kept: the matrices that the caller writes before a run or reads after it, that is inputs, outputs
    ///   and gradients: their memory is used for nothing else.
    package func finish(keeping kept: [Matrix]) -> Plan {
        tape = nil
        #if DEBUG
            if StepChecks.areEnabled {
                let problem = checks.problem(inputs: kept)
                precondition(problem == nil, problem ?? "")
            }
        #endif
        let layout = bestLayout(keeping: kept)
        var steps = [[Step]](repeating: [], count: (layout.places.max() ?? -1) + 1)
        for (place, recorded) in zip(layout.places, recorded) { steps[place].append(recorded.step) }
        let phases = steps.map(Phase.init)
        let arena = Arena(count: layout.total)
        for (storage, offset) in zip(storages, layout.offsets) { storage.place(in: arena, at: offset) }
        return Plan(
            phases: threads > 1 ? Self.joined(phases) : phases, packings: packings, threads: threads,
            memoryBytes: (layout.total + ownedCount) * MemoryLayout<Float>.stride, flops: flops)
    }

    /// The phase of every step, and the offset of every storage that follows from the phases.
    private struct Layout {
        let places: [Int]
        let offsets: [Int]
        let total: Int
    }

    /// The phases of the steps and the memory that fits them, for the plan's number of threads.
    ///
    /// A plan for one thread keeps the order in which steps were recorded: a result is then read soon after it was
    /// written, while it is in the cache, and few results must be kept at a time. For several threads, a step goes into
    /// the earliest phase that its conflicts allow. A step that runs early makes a result that must be kept until it is
    /// read; where that takes over 1 % more memory, only steps recorded next to each other share a phase.
    private func bestLayout(keeping kept: [Matrix]) -> Layout {
        let ordered = layout(Array(recorded.indices), keeping: kept)
        guard threads > 1 else { return ordered }
        let early = layout(StepOrder.places(of: recorded, runningAhead: true), keeping: kept)
        if early.total <= ordered.total + ordered.total / 100 { return early }
        return layout(StepOrder.places(of: recorded, runningAhead: false), keeping: kept)
    }

    private func layout(_ places: [Int], keeping kept: [Matrix]) -> Layout {
        let count = (places.max() ?? -1) + 1
        var lifetimes: [ObjectIdentifier: ClosedRange<Int>] = [:]
        for (place, recorded) in zip(places, recorded) {
            for matrix in recorded.reads + recorded.writes {
                let known = lifetimes[matrix.storageID] ?? place...place
                lifetimes[matrix.storageID] = min(known.lowerBound, place)...max(known.upperBound, place)
            }
        }
        for matrix in kept { lifetimes[matrix.storageID] = 0...count }
        let blocks = storages.map { storage in
            let lifetime = lifetimes[ObjectIdentifier(storage)] ?? count...count
            return MemoryLayoutPlanner.Block(
                count: storage.count, first: lifetime.lowerBound, last: lifetime.upperBound)
        }
        let (offsets, total) = MemoryLayoutPlanner.layOut(blocks)
        return Layout(places: places, offsets: offsets, total: total)
    }

    /// Makes one phase of consecutive phases of a single task each: they need no synchronization if one thread runs
    /// them all.
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
}
