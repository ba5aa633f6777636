import CKernels
import Glibc
import Synchronization

/// Tasks that may run in any order and at the same time.
struct Step: Sendable {
    let tasks: Int
    let body: @Sendable (_ task: Int, _ worker: Int) -> Void
}

/// Steps that do not depend on each other, as one row of tasks.
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

/// How far the threads of a run have come. A thread that comes late finds its phases done and passes them by, so that
/// none ever waits for one that has not begun: only for tasks that another is at.
final class PhaseProgress: Sendable {
    /// The phase under way, its tasks that were taken and those that have ended, from the highest bits down.
    private let state = Atomic<UInt64>(0)

    private static let bits: UInt64 = 20
    private static let mask: UInt64 = (1 << bits) - 1
    static let mostTasks = Int(mask)
    private static let spins = 100

    /// Before a run, while no thread is at it.
    func reset() { state.store(0, ordering: .relaxed) }

    /// The next task of a phase, to be ended by `endTask`; none if all are taken.
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

    /// The last task opens the next phase, with what all of them have written visible to whoever enters it.
    func endTask(of phase: Int, tasks: Int) {
        let ended = state.add(1, ordering: .acquiringAndReleasing).newValue & Self.mask
        if ended == UInt64(tasks) { state.store(UInt64(phase + 1) << (2 * Self.bits), ordering: .releasing) }
    }

    /// Waits until the phase is over: spinning, since tasks are short, but giving way if one takes long.
    func wait(for phase: Int) {
        var spins = 0
        while state.load(ordering: .acquiring) >> (2 * Self.bits) <= UInt64(phase) {
            spins += 1
            if spins % Self.spins == 0 { sched_yield() } else { ck_relax() }
        }
    }
}
