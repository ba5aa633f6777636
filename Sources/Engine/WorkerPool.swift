import CHost
import Dispatch
import Foundation
import Synchronization

/// A fixed number of threads; BLAS itself stays on the calling thread.
package struct WorkerPool: Sendable {
    package let threads: Int

    package init(threads: Int) {
        self.threads = max(1, threads)
        BLAS.useCallingThreadOnly
    }

    /// Runs `body(task, worker)` for every task; tasks of one worker run in order on one thread.
    ///
    /// Which task a worker gets does not influence what a task computes, so results do not depend on `threads`.
    package func run(tasks: Int, _ body: @Sendable (_ task: Int, _ worker: Int) -> Void) {
        let workers = min(threads, tasks)
        if workers <= 1 {
            for task in 0..<tasks { body(task, 0) }
            return
        }
        // Whoever is free takes the next task, since tasks differ in length.
        let taken = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            while true {
                let task = taken.add(1, ordering: .relaxed).oldValue
                guard task < tasks else { return }
                body(task, worker)
            }
        }
    }

    /// The processors this process may use, less where a control group's quota is smaller.
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
