import Foundation
import Synchronization

/// What each model has done since the start, in the terms of the protocol's statistics extension.
package final class ModelStatistics: Sendable {
    /// Times of one stage: how often, and nanoseconds in all.
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
        /// Computations.
        var executions = 0
        /// Milliseconds since the Unix epoch; 0 before the first.
        var lastInference: Int64 = 0
        var success = Stage()
        var failure = Stage()
        var queue = Stage()
        var read = Stage()
        var compute = Stage()
        /// Computations by how many networks each had.
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

    /// A computation of `items` networks is over.
    func recordExecution(model: String, version: String, items: Int, duration: Duration) {
        update(model, version) { entry in
            entry.executions += 1
            entry.batches[items, default: Stage()].add(duration)
        }
    }

    /// A request was answered just now.
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

    /// A request that named the model ended in an error.
    func recordFailure(model: String, version: String, timing: RequestTiming) {
        update(model, version) { $0.failure.add(timing.parse + timing.queue + timing.compute) }
    }

    private func update(_ model: String, _ version: String, _ change: (inout Entry) -> Void) {
        entries.withLock { change(&$0[Key(model: model, version: version), default: Entry()]) }
    }
}
