import CKernels
import Glibc
import Synchronization

/// A computation cut into tasks that may run in any order and at the same time.
struct Step: Sendable {
    let tasks: Int
    let body: @Sendable (_ task: Int, _ worker: Int) -> Void
}

/// Steps that do not conflict, their tasks numbered consecutively.
struct Phase: Sendable {
    let tasks: Int
    private let parts: [(first: Int, step: Step)]

    init(_ steps: [Step]) {
        var first = 0
        parts = steps.map { step in
            defer { first += step.tasks }
            return (first, step)
        }
        tasks = first
        precondition(first <= PhaseProgress.mostTasks, "tasks of a phase")
    }

    func run(_ task: Int, worker: Int) {
        var index = parts.count - 1
        while parts[index].first > task { index -= 1 }
        parts[index].step.body(task - parts[index].first, worker)
    }
}

/// The progress of a run that several threads share. A thread that joins late skips completed phases, so a thread only
/// ever waits for tasks that another thread is computing, never for a thread that has not started.
final class PhaseProgress: Sendable {
    /// The current phase (highest 24 bits), its tasks taken (next 20 bits) and its tasks ended (lowest 20 bits).
    private let state = Atomic<UInt64>(0)

    private static let bits: UInt64 = 20
    private static let mask: UInt64 = (1 << bits) - 1
    static let mostTasks = Int(mask)
    private static let spins = 100

    /// Starts over. No thread may be using the object.
    func reset() { state.store(0, ordering: .relaxed) }

    /// Takes the next task of a phase, which must be reported to `endTask`; nil where none is left or the phase is not
    /// the current one.
    func takeTask(of phase: Int, tasks: Int) -> Int? {
        var seen = state.load(ordering: .acquiring)
        while true {
            let taken = (seen >> Self.bits) & Self.mask
            guard seen >> (2 * Self.bits) == UInt64(phase), taken < UInt64(tasks) else { return nil }
            let (isMine, current) = state.weakCompareExchange(
                expected: seen, desired: seen + (1 << Self.bits), ordering: .acquiring)
            if isMine { return Int(taken) }
            seen = current
        }
    }

    /// Reports the end of a task. The last one of a phase starts the next phase, whose threads then see everything that
    /// was written before.
    func endTask(of phase: Int, tasks: Int) {
        let ended = state.add(1, ordering: .acquiringAndReleasing).newValue & Self.mask
        if ended == UInt64(tasks) { state.store(UInt64(phase + 1) << (2 * Self.bits), ordering: .releasing) }
    }

    /// Waits for the end of a phase: spins, since tasks are short, and yields the processor after every 100 checks.
    func wait(for phase: Int) {
        var spins = 0
        while state.load(ordering: .acquiring) >> (2 * Self.bits) <= UInt64(phase) {
            spins += 1
            if spins % Self.spins == 0 { sched_yield() } else { ck_relax() }
        }
    }
}
