import CHost
import Dispatch
import Foundation
import Synchronization

/// A number of threads to divide work among. OpenBLAS itself uses its caller's thread alone.
package struct WorkerPool: Sendable {
    /// At least 1, the caller's included.
    package let threads: Int

    /// - Parameter threads: at least 1 is used.
    package init(threads: Int) {
        self.threads = max(1, threads)
        BLAS.useCallingThreadOnly
    }

    /// Runs `body(task, worker)` for every task from 0 to `tasks` − 1 and returns when all have ended. Tasks of the
    /// same worker (0 to `threads` − 1) run one after another, in ascending order, on one thread; which worker takes a
    /// task is not determined, so its result must not depend on it.
    package func run(tasks: Int, _ body: @Sendable (_ task: Int, _ worker: Int) -> Void) {
        let workers = min(threads, tasks)
        if workers <= 1 {
            for task in 0..<tasks { body(task, 0) }
            return
        }
        // Tasks differ in length, so each worker takes the next task when it is done with one.
        let taken = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            while true {
                let task = taken.add(1, ordering: .relaxed).oldValue
                guard task < tasks else { return }
                body(task, worker)
            }
        }
    }

    /// Processors that this process may run on: those of its affinity mask, or its control group's CPU quota, rounded
    /// up, where that is less.
    package static var availableProcessors: Int {
        let permitted = Int(host_permitted_processors())
        let online = permitted > 0 ? permitted : ProcessInfo.processInfo.activeProcessorCount
        guard let text = try? String(contentsOfFile: "/sys/fs/cgroup/cpu.max", encoding: .utf8) else { return online }
        let fields = text.split(whereSeparator: \.isWhitespace)
        guard fields.count == 2, let quota = Double(fields[0]), let period = Double(fields[1]), period > 0 else {
            return online
        }
        return max(1, min(online, Int((quota / period).rounded(.up))))
    }
}
