import Synchronization
import Testing

@testable import Engine

@Suite struct PlanTests {
    @Test("blocks that live together never overlap, and memory stays below the sum", arguments: 0..<20)
    func layoutsAreDisjoint(seed: Int) {
        var numbers = Numbers(seed: UInt64(seed))
        let blocks = (0..<40).map { _ in
            let first = Int.random(in: 0..<30, using: &numbers)
            return MemoryLayoutPlanner.Block(
                count: Int.random(in: 1...300, using: &numbers), first: first,
                last: first + Int.random(in: 0..<10, using: &numbers))
        }
        let (offsets, total) = MemoryLayoutPlanner.layOut(blocks)
        for (index, block) in blocks.enumerated() {
            #expect(offsets[index].isMultiple(of: 16) && offsets[index] + block.count <= total)
            for other in 0..<index where blocks[other].first <= block.last && block.first <= blocks[other].last {
                #expect(
                    offsets[index] + block.count <= offsets[other]
                        || offsets[other] + blocks[other].count <= offsets[index])
            }
        }
        #expect(total <= blocks.reduce(0) { $0 + ($1.count + 15) / 16 * 16 })
        let busiest = (0..<40).map { step in
            blocks.filter { $0.first <= step && step <= $0.last }.reduce(0) { $0 + $1.count }
        }
        #expect(total >= busiest.max() ?? 0)
    }

    @Test("a chain of temporaries reuses memory")
    func memoryIsReused() {
        let builder = PlanBuilder(threads: 1)
        let input = builder.matrix(rows: 64, columns: 16)
        var x = input
        for _ in 0..<10 {
            let y = builder.matrix(rows: 64, columns: 16)
            builder.copy(x, to: y)
            x = y
        }
        let plan = builder.finish(keeping: [input, x])
        #expect(plan.memoryBytes <= 4 * 64 * 16 * 4)
        let values = (0..<1024).map { Float($0) }
        input.write(values)
        plan.run(WorkerPool(threads: 1))
        #expect(x.read() == values)
        #expect(input.read() == values)
    }

    @Test("results are the same bit for bit for any number of threads, and for every run")
    func threadsDoNotMatter() {
        let reference = Self.everything(threads: 1)
        #expect(reference.allSatisfy { $0.isFinite })
        for threads in [1, 2, 3, 5] {
            let results = Self.everything(threads: threads)
            #expect(results.map(\.bitPattern) == reference.map(\.bitPattern), "\(threads) threads")
        }
    }

    /// A plan of every kind of step, run twice; its result and its untouched input.
    private static func everything(threads: Int) -> [Float] {
        var numbers = Numbers(seed: 40)
        let builder = PlanBuilder(threads: threads)
        let (batch, tokens, width) = (3, 70, 12)
        let input = builder.matrix(rows: batch * tokens, columns: 2)
        let wave = builder.matrix(rows: batch * tokens, columns: 2 * width)
        builder.fourierFeatures(input, frequencies: numbers.matrix(2, width), kernelCount: 1, into: wave)
        let norm = Normalization(
            kind: .unbiased, gamma: numbers.matrix(1, 2 * width), beta: numbers.matrix(1, 2 * width))
        let map = AffineMap(weight: numbers.matrix(3 * width, 2 * width), bias: numbers.matrix(1, 3 * width))
        let qkv = builder.apply(map, to: builder.normalize(wave, norm))
        let mixed = builder.matrix(rows: batch * tokens, columns: width)
        func columns(_ part: Int) -> HeadColumns { HeadColumns(width: width / 2, pitch: 18, first: part * 6) }
        builder.attention(
            q: qkv, columns(0), k: qkv, columns(1), v: qkv, columns(2),
            AttentionShape(batch: batch, heads: 2, queries: tokens, keys: tokens), into: mixed)
        let group = NeuronGroup(
            neurons: 10,
            sources: [
                NeuronTokens(
                    qkv: qkv, out: mixed, tokens: 7, networkStride: tokens, tokenStride: 1, neuronStride: 7)
            ])
        builder.neuronAttention([group], batch: batch, heads: 2, width: width / 2)
        builder.activate(mixed, .gelu)
        let mean = builder.matrix(rows: batch * 7, columns: width)
        builder.mean(mixed, Axes(outer: batch, middle: 10, inner: 7), into: mean)
        builder.broadcast(mean, Axes(outer: batch, middle: 10, inner: 7), into: mixed)
        let gated = builder.gatedGELU(mixed)
        let swapped = builder.matrix(rows: batch * tokens, columns: width / 2)
        builder.swapAxes(gated, Axes(outer: batch, middle: 10, inner: 7), into: swapped)
        let statistics = builder.matrix(rows: batch, columns: 7 * width / 2)
        builder.statistics(swapped, batch: batch, kernelCount: 1, pieces: 7, first: 0, into: statistics)
        let plan = builder.finish(keeping: [input, swapped, statistics])

        let values = numbers.floats(input.count)
        input.write(values)
        plan.run(WorkerPool(threads: threads))
        let first = swapped.read() + statistics.read()
        plan.run(WorkerPool(threads: threads))
        let second = swapped.read() + statistics.read()
        #expect(first.map(\.bitPattern) == second.map(\.bitPattern))
        #expect(input.read() == values)
        return second
    }

    @Test("a pool runs every task once and keeps a worker's tasks in order", arguments: [1, 2, 3, 5])
    func poolRunsEveryTask(threads: Int) {
        let pool = WorkerPool(threads: threads)
        let seen = Mutex<[Int: [Int]]>([:])
        pool.run(tasks: 17) { task, worker in seen.withLock { $0[worker, default: []].append(task) } }
        let byWorker = seen.withLock { $0 }
        #expect(byWorker.values.flatMap { $0 }.sorted() == Array(0..<17))
        #expect(byWorker.values.allSatisfy { $0 == $0.sorted() })
        #expect(byWorker.keys.allSatisfy { (0..<threads).contains($0) })
    }

    @Test("blocks cover the rows once and do not depend on threads", arguments: [1, 7, 64, 65, 300, 513, 5000])
    func blocksCoverRows(rows: Int) {
        let layouts = [1, 2, 5].map { threads in
            let blocks = Mutex<[Range<Int>]>([])
            let builder = PlanBuilder(threads: threads)
            builder.step(reading: [], writing: [], rows: rows) { range in blocks.withLock { $0.append(range) } }
            builder.finish(keeping: []).run(WorkerPool(threads: threads))
            return blocks.withLock { $0 }.sorted { $0.lowerBound < $1.lowerBound }
        }
        #expect(layouts[0].flatMap { Array($0) } == Array(0..<rows))
        #expect(layouts[1] == layouts[0] && layouts[2] == layouts[0])
        #expect(layouts[0].allSatisfy { $0.count <= 512 })
    }

    @Test("steps that do not depend on each other share a phase, unless there is one thread", arguments: [1, 2])
    func independentStepsShareAPhase(threads: Int) {
        let builder = PlanBuilder(threads: threads)
        let input = builder.matrix(rows: 8, columns: 2)
        let results = (0..<3).map { _ in builder.matrix(rows: 8, columns: 2) }
        for result in results { builder.copy(input, to: result) }
        builder.add(results[1], to: results[0])
        builder.add(results[2], to: results[0])
        builder.activate(results[2], .relu)
        let plan = builder.finish(keeping: [input] + results)
        // The copies share a phase. The two sums have the same target, and the activation waits until the second sum has
        // read its operand: three phases of one task each, made one.
        #expect(plan.phases.map(\.tasks) == (threads == 1 ? [1, 1, 1, 1, 1, 1] : [3, 1]))
        let values = (0..<16).map { Float($0) - 8 }
        input.write(values)
        plan.run(WorkerPool(threads: threads))
        #expect(results[0].read() == values.map { 3 * $0 })
        #expect(results[2].read() == values.map { max($0, 0) })
    }

    @Test("a phase's tasks are taken once each, and the next opens with the end of the last")
    func phasesFollowEachOther() {
        let progress = PhaseProgress()
        for _ in 0..<2 {
            progress.reset()
            #expect(progress.takeTask(of: 1, tasks: 1) == nil)
            #expect((0..<4).map { _ in progress.takeTask(of: 0, tasks: 3) } == [0, 1, 2, nil])
            progress.endTask(of: 0, tasks: 3)
            progress.endTask(of: 0, tasks: 3)
            #expect(progress.takeTask(of: 1, tasks: 1) == nil)
            progress.endTask(of: 0, tasks: 3)
            // A thread that joins late neither waits for a completed phase nor takes tasks of it.
            progress.wait(for: 0)
            #expect(progress.takeTask(of: 0, tasks: 3) == nil)
            #expect(progress.takeTask(of: 1, tasks: 1) == 0)
        }
    }

    @Test("any number of threads runs every task of many short phases", arguments: [2, 3, 8])
    func shortPhases(threads: Int) {
        let builder = PlanBuilder(threads: threads)
        let sums = builder.matrix(rows: 16, columns: 1)
        for phase in 0..<200 {
            builder.step(reading: [sums], writing: [sums], tasks: 1 + phase % 16) { task, _ in sums.pointer[task] += 1 }
        }
        let plan = builder.finish(keeping: [sums])
        for run in 1...20 {
            plan.run(WorkerPool(threads: threads))
            #expect(sums.read().first == Float(200 * run))
        }
        #expect(sums.read().last == Float(20 * 12))
    }

    @Test("a pool has at least one thread, and so has the machine")
    func threadCounts() {
        #expect(WorkerPool(threads: 0).threads == 1)
        #expect(PlanBuilder(threads: -1).threads == 1)
        #expect(WorkerPool.availableProcessors >= 1)
    }
}
