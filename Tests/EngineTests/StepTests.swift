import Foundation
import Testing

@testable import Engine

/// The order of steps, and the checks of what they declare.
@Suite struct StepTests {
    private let builder = PlanBuilder(threads: 2)

    private func places(_ steps: [(reads: [Matrix], writes: [Matrix])], runningAhead: Bool = true) -> [Int] {
        StepOrder.places(
            of: steps.map { RecordedStep(step: Step(tasks: 1) { _, _ in }, reads: $0.reads, writes: $0.writes) },
            runningAhead: runningAhead)
    }

    @Test("a step waits for what writes its sources, reads its targets or writes its targets, and for nothing else")
    func conflicts() {
        let (a, b, c) = (matrix(), matrix(), matrix())
        #expect(places([([], [a]), ([a], [b])]) == [0, 1], "read after write")
        #expect(places([([a], [b]), ([], [a])]) == [0, 1], "write after read")
        #expect(places([([], [a]), ([], [a])]) == [0, 1], "write after write")
        #expect(places([([a], [b]), ([a], [c])]) == [0, 0], "two reads")
        #expect(places([([a], [a]), ([b], [b]), ([a, b], [c])]) == [0, 0, 1])
    }

    @Test("a step without a conflict runs ahead of those before it, or beside the last of them")
    func runningAhead() {
        let (a, b, c) = (matrix(), matrix(), matrix())
        let steps = [([], [a]), ([a], [b]), ([], [c])]
        #expect(places(steps) == [0, 1, 0])
        #expect(places(steps, runningAhead: false) == [0, 1, 1])
    }

    @Test("parts of one matrix conflict only where they share elements")
    func parts() {
        let whole = builder.matrix(rows: 6, columns: 8)
        let parts = [
            whole.rows(0..<2), whole.rows(2..<6), whole.columns(0..<3), whole.columns(3..<8),
            whole.rows(1..<3).columns(2..<4), whole.rows(5..<6), whole.reshaped(rows: 12, columns: 4).rows(0..<5),
            whole.everyRow(step: 2), whole,
        ]
        for one in parts {
            for other in parts {
                let shares = !elements(one).isDisjoint(with: elements(other))
                // Views of unlike pitch may be taken to overlap where they do not, never the other way round.
                let isExact = one.stride == other.stride || one.rows == 1 || other.rows == 1
                #expect(one.overlaps(other) == shares || (!isExact && one.overlaps(other)))
            }
        }
        #expect(!whole.overlaps(builder.matrix(rows: 6, columns: 8)))
    }

    private func elements(_ view: Matrix) -> Set<Int> {
        Set((0..<view.rows).flatMap { row in (0..<view.columns).map { view.offset + row * view.stride + $0 } })
    }

    private func matrix() -> Matrix { builder.matrix(rows: 2, columns: 2) }

    @Test("steps run ahead only where that takes little more memory")
    func memoryBoundsLookahead() {
        let builder = PlanBuilder(threads: 2)
        let input = builder.matrix(rows: 1000, columns: 1)
        let sum = builder.matrix(rows: 1000, columns: 1)
        builder.copy(input, to: sum)
        for _ in 0..<8 {
            let part = builder.matrix(rows: 1000, columns: 1)
            builder.copy(input, to: part)
            builder.add(part, to: sum)
        }
        let plan = builder.finish(keeping: [input, sum])
        #expect(plan.memoryBytes <= 4 * 4 * 1008)
        input.write((0..<1000).map { Float($0) })
        plan.run(WorkerPool(threads: 2))
        #expect(sum.read() == (0..<1000).map { 9 * Float($0) })
    }

    #if DEBUG
        @Test("a read of memory that no step has written is found, unless it is an input's")
        func unwrittenReads() {
            let (a, b) = (matrix(), matrix())
            var checks = StepChecks()
            #expect(checks.record("first", reading: [a, Matrix(zeros: 1, 1)], writing: [b.rows(0..<1)]) == nil)
            #expect(checks.problem(inputs: [a]) == nil)
            #expect(checks.problem(inputs: [])?.contains("first") == true)
            _ = checks.record("second", reading: [b.rows(0..<1)], writing: [])
            #expect(checks.problem(inputs: [a]) == nil)
            _ = checks.record("third", reading: [b], writing: [])
            #expect(checks.problem(inputs: [a])?.contains("third") == true)
        }

        @Test("with gradients, a step may add to what was written before but not replace it")
        func rewriting() {
            let a = matrix()
            var checks = StepChecks()
            #expect(checks.record("write", reading: [], writing: [a.rows(0..<1)], recordsGradients: true) == nil)
            #expect(checks.record("write", reading: [], writing: [a.rows(1..<2)], recordsGradients: true) == nil)
            #expect(checks.record("add", reading: [a], writing: [a], recordsGradients: true) == nil)
            #expect(checks.record("replace", reading: [], writing: [a], recordsGradients: true) != nil)
            #expect(checks.record("replace", reading: [], writing: [a]) == nil)
        }

        @Test("an adjoint may read what its step saw, not what was written later")
        func lateWrites() {
            let (a, b) = (matrix(), matrix())
            var checks = StepChecks()
            _ = checks.record("write", reading: [], writing: [a], recordsGradients: true)
            _ = checks.record("use", reading: [a], writing: [b], recordsGradients: true)
            #expect(checks.record("use", reading: [a], writing: [], recordsGradients: true, adjointEnd: 2) == nil)
            _ = checks.record("change", reading: [a], writing: [a], recordsGradients: true)
            #expect(checks.record("use", reading: [a], writing: [], recordsGradients: true, adjointEnd: 2) != nil)
            #expect(checks.record("change", reading: [a], writing: [], recordsGradients: true, adjointEnd: 4) == nil)
        }

        @Test("a step that writes what it declares only to read stops the program")
        func hiddenWrites() async {
            let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                setenv("WEIGHTSPACE_CHECK_STEPS", "1", 1)
                let builder = PlanBuilder(threads: 1)
                let (a, b) = (builder.matrix(rows: 1, columns: 1), builder.matrix(rows: 1, columns: 1))
                builder.step(reading: [a], writing: [b]) { a.pointer[0] = 1 }
                builder.finish(keeping: [a, b]).run(WorkerPool(threads: 1))
            }
            #expect(message(result).contains("declares only to read"))
        }

        @Test("a step that touches memory that it does not declare stops the program")
        func undeclaredAccess() async {
            let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                setenv("WEIGHTSPACE_CHECK_STEPS", "1", 1)
                let builder = PlanBuilder(threads: 1)
                let (a, b) = (builder.matrix(rows: 1, columns: 1), builder.matrix(rows: 1, columns: 1))
                builder.step(reading: [], writing: [b]) { b.pointer[0] = a.pointer[0] }
                builder.finish(keeping: [a, b]).run(WorkerPool(threads: 1))
            }
            #expect(message(result).contains("does not declare"))
        }

        private func message(_ result: ExitTest.Result?) -> String {
            String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        }
    #endif
}
