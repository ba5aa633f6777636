import Foundation
import Synchronization

/// What each model has done since the start, as the statistics extension of the Open Inference Protocol lists it.
package final class ModelStatistics: Sendable {
    /// A stage's count and total time.
    struct Stage: Sendable, Equatable {
        var count = 0
        var nanoseconds = 0

        mutating func add(_ duration: Duration, times: Int = 1) {
            count += times
            let (seconds, attoseconds) = duration.components
            nanoseconds += Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        }
    }

    struct Entry: Sendable, Equatable {
        /// Networks answered.
        var inferences = 0
        /// Passes computed.
        var executions = 0
        /// Milliseconds since the Unix epoch; 0 before the first.
        var lastInference: Int64 = 0
        var success = Stage()
        var failure = Stage()
        var queue = Stage()
        var read = Stage()
        var compute = Stage()
        /// Passes by their number of networks.
        var batches: [Int: Stage] = [:]
    }

    private struct Key: Hashable {
        let model: String
        let version: String
    }

    private let entries = Mutex<[Key: Entry]>([:])

    package init() {}

    func entry(model: String, version: String) -> Entry {
        entries.withLock { $0[Key(model: model, version: version)] ?? Entry() }
    }

    /// Records a computed pass over `items` networks.
    func recordExecution(model: String, version: String, items: Int, duration: Duration) {
        update(model, version) { entry in
            entry.executions += 1
            entry.batches[items, default: Stage()].add(duration)
        }
    }

    /// Records a request that has just been answered.
    func recordSuccess(model: String, version: String, items: Int, timing: RequestTiming) {
        update(model, version) { entry in
            entry.inferences += items
            entry.lastInference = Int64(Date().timeIntervalSince1970 * 1000)
            entry.success.add(timing.parse + timing.queue + timing.compute)
            entry.read.add(timing.parse)
            entry.queue.add(timing.queue)
            entry.compute.add(timing.compute)
        }
    }

    /// Records a request for the model that ended in an error.
    func recordFailure(model: String, version: String, timing: RequestTiming) {
        update(model, version) { $0.failure.add(timing.parse + timing.queue + timing.compute) }
    }

    private func update(_ model: String, _ version: String, _ change: (inout Entry) -> Void) {
        entries.withLock { change(&$0[Key(model: model, version: version), default: Entry()]) }
    }
}
