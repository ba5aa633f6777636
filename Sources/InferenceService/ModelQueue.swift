import Batching
import Clocks
import Engine
import Logging
import ModelStore
import Networks
import NeuralFunctionals
import Synchronization

/// A model and what is asked of it.
struct ModelLane: Hashable, Sendable {
    let model: ServedModel
    let operations: [Operation]

    static func == (left: ModelLane, right: ModelLane) -> Bool {
        left.model === right.model && left.operations == right.operations
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(model))
        hasher.combine(operations)
    }
}

/// The one queue between requests and models.
package final class ModelQueue: Sendable {
    /// A network's results, one for each of the lane's operations.
    typealias Output = Result<[[Float]], ServiceFault>
    typealias Shell = Batcher<ModelLane, NetworkWeights, Output>

    private let batcher: Shell
    let limit: Int

    /// Answers the networks of one lane, in their order.
    typealias Compute = Shell.Execute

    package convenience init(
        _ configuration: ServiceConfiguration, metrics: ServiceMetrics,
        logger: Logger = Logger(label: "weightspace.compute")
    ) throws(BatchPolicyError) {
        let threads = configuration.threads
        let busy = BusyCount()
        try self.init(configuration, metrics: metrics) { lane, networks, waiting in
            // A request alone gets all threads; the more there are at a time, or soon will be, the fewer each.
            let pool = WorkerPool(threads: threads / min(threads, busy.enter() + waiting))
            defer { busy.leave() }
            do throws(ModelError) {
                var results = [[[Float]]](repeating: [], count: networks.count)
                for operation in lane.operations {
                    let values = try lane.model.run(operation, networks, pool)
                    for index in results.indices { results[index].append(values[index]) }
                }
                return results.map(ServiceFault.checked)
            } catch {
                logger.error(
                    "computation failed",
                    metadata: [
                        "model": "\(lane.model.name)", "operations": "\(lane.operations.map(\.rawValue))",
                        "networks": "\(networks.count)", "reason": "\(error.reason)",
                    ])
                return networks.map { _ in .failure(.internalFault) }
            }
        }
    }

    /// - Parameter compute: tests bring their own, to decide when it ends.
    init(
        _ configuration: ServiceConfiguration, metrics: ServiceMetrics, compute: @escaping Compute
    ) throws(BatchPolicyError) {
        limit = configuration.maxQueue
        batcher = Shell(
            policy: try BatchPolicy(
                maxBatch: configuration.maxBatch, maxQueue: configuration.maxQueue,
                maxQueueBytes: configuration.maxQueueBytes, parallelism: configuration.threads),
            name: "compute", observer: QueueObserver(metrics: metrics), execute: compute)
    }

    /// Requests that wait, by model.
    var depthByModel: [String: Int] {
        batcher.load.waitingRequestsByLane.reduce(into: [:]) { $0[$1.key.model.name, default: 0] += $1.value }
    }

    func submit(
        _ lane: ModelLane, _ networks: [NetworkWeights], deadline: Instant?,
        completion: @escaping Shell.Completion
    ) throws(ServiceFault) -> BatchTicket {
        let bytes = networks.reduce(0) { $0 + 4 * $1.spec.parameterCount }
        do throws(BatchRefusal) {
            return try batcher.submit(
                lane: lane, items: networks, byteCount: bytes, deadline: deadline, completion: completion)
        } catch {
            throw ServiceFault(error, retryAfter: batcher.retryAfterSeconds)
        }
    }

    /// Refuses at once where the queue is full already, before a body is read.
    func refusal() -> ServiceFault? {
        let waiting = batcher.waitingRequests
        guard waiting >= limit else { return nil }
        return ServiceFault(
            BatchRefusal.queueFull(waiting: waiting, limit: limit), retryAfter: batcher.retryAfterSeconds)
    }

    package func expireOverdue() { batcher.expireOverdue() }

    /// Whether a compute loop has been busy without progress for longer than any network takes: it never comes back.
    package var isStalled: Bool { batcher.heartbeat.isStalled(at: .now, limit: Self.stallLimit) }

    /// Whether anything waits or is being computed.
    package var isBusy: Bool { batcher.heartbeat.isBusy }

    private static let stallLimit: Duration = .seconds(120)
}

/// How many computations are under way.
private final class BusyCount: Sendable {
    private let count = Atomic(0)

    func enter() -> Int { count.add(1, ordering: .relaxed).newValue }
    func leave() { count.subtract(1, ordering: .relaxed) }
}

/// Passes what the queue does on to the metrics. What was computed is counted as it is answered.
private struct QueueObserver: BatchObserver {
    let metrics: ServiceMetrics

    func batchComputed(lane: ModelLane, itemCount: Int, duration: Duration) {
        metrics.recordBatch(
            model: lane.model.name, version: lane.model.version, size: itemCount, duration: duration)
    }

    func requestLeft(lane: ModelLane, outcome: BatchOutcome, itemCount: Int, queueDuration: Duration) {
        metrics.recordQueue(model: lane.model.name, duration: queueDuration)
    }
}
