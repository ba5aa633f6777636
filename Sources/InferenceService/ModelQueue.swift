import Clocks
import ComputeQueue
import Engine
import Logging
import ModelStore
import Models
import Networks
import NeuralFunctionals
import Synchronization

/// A model and what is asked of it.
struct ModelWork: Sendable {
    let model: ServedModel
    let outputs: [Output]
    /// For weights, one of the model's edits; nil for the first.
    var edit: String?
}

/// The queue between requests and models: one for all models.
package final class ModelQueue: Sendable {
    /// A network's answers, one for each of the work's outputs.
    typealias Outcome = Result<[Answer], ServiceFault>
    typealias Queue = ComputeQueue<ModelWork, PreparedNetwork.Content, Outcome>
    /// Computes one pass: the output of each network, in their order.
    typealias Compute = Queue.Compute

    private let queue: Queue
    let limit: Int

    /// A queue that computes with the models themselves.
    /// - Throws: where a limit of the configuration is below 1.
    package convenience init(
        _ configuration: ServiceConfiguration, metrics: ServiceMetrics,
        logger: Logger = Logger(label: "weightspace.compute")
    ) throws(ComputeQueueLimits.Invalid) {
        let threads = configuration.threads
        let busy = BusyCount()
        try self.init(configuration, metrics: metrics) { work, networks, waiting in
            // The threads are shared out among the requests being computed and those that wait to be.
            let pool = WorkerPool(threads: threads / min(threads, busy.enter() + waiting))
            defer { busy.leave() }
            do throws(ModelError) {
                var answers = [Outcome](repeating: .success([]), count: networks.count)
                for output in work.outputs {
                    let computed = try work.model.run(output, networks, pool, edit: work.edit)
                    for index in answers.indices {
                        answers[index] = answers[index].flatMap { answers in
                            ServiceFault.checked(computed[index]).map { answers + [$0] }
                        }
                    }
                }
                return answers
            } catch {
                logger.error(
                    "computation failed",
                    metadata: [
                        "model": "\(work.model.name)", "operations": "\(work.outputs.map(\.rawValue))",
                        "networks": "\(networks.count)", "reason": "\(error.reason)",
                    ])
                return networks.map { _ in .failure(.internalFault) }
            }
        }
    }

    /// - Parameter compute: replaces the models' computation in tests.
    init(
        _ configuration: ServiceConfiguration, metrics: ServiceMetrics, compute: @escaping Compute
    ) throws(ComputeQueueLimits.Invalid) {
        limit = configuration.maxQueue
        queue = Queue(
            limits: try ComputeQueueLimits(
                itemsPerPass: configuration.networksPerPass, maxWaiting: configuration.maxQueue,
                maxWaitingBytes: configuration.maxQueueBytes, parallelism: configuration.threads),
            name: "compute", observer: QueueObserver(metrics: metrics), compute: compute)
    }

    /// Waiting requests by the name of their model.
    var depthByModel: [String: Int] {
        queue.waitingWork.reduce(into: [:]) { $0[$1.model.name, default: 0] += 1 }
    }

    /// Fits that wait for their first or their next slice.
    var waitingTasks: Int { queue.waitingTasks }

    /// Queues a request's networks for a model.
    /// - Throws: `queue_full`, or `body_too_large` for weights that exceed the queue's bytes by themselves.
    func submit(
        _ work: ModelWork, _ networks: [PreparedNetwork.Content], deadline: Instant?,
        completion: @escaping Queue.Completion
    ) throws(ServiceFault) -> Queue.Ticket {
        let bytes = networks.reduce(0) { $0 + $1.byteCount }
        do throws(ComputeQueueRefusal) {
            return try queue.submit(work, networks, byteCount: bytes, deadline: deadline, completion: completion)
        } catch {
            throw ServiceFault(error, retryAfter: queue.retryAfterSeconds)
        }
    }

    /// Queues work without a model that is computed in slices between the requests.
    /// - Throws: `queue_full`.
    func submit(_ task: BackgroundTask) throws(ServiceFault) -> Queue.Ticket {
        do throws(ComputeQueueRefusal) {
            return try queue.submit(task)
        } catch {
            throw ServiceFault(error, retryAfter: queue.taskRetryAfterSeconds)
        }
    }

    /// `queue_full` where no further request may wait, so that its body need not be read.
    func refusal() -> ServiceFault? {
        let waiting = queue.waitingRequests
        guard waiting >= limit else { return nil }
        return ServiceFault(
            ComputeQueueRefusal.full(waiting: waiting, limit: limit), retryAfter: queue.retryAfterSeconds)
    }

    /// Whether a compute loop has made no progress for longer than any pass takes, so that it must be stuck.
    package var isStalled: Bool { queue.heartbeat.isStalled(at: .now, limit: Self.stallLimit) }

    /// Whether anything waits or is being computed.
    package var isBusy: Bool { queue.heartbeat.isBusy }

    private static let stallLimit: Duration = .seconds(120)
}

/// The number of passes being computed.
private final class BusyCount: Sendable {
    private let count = Atomic(0)

    /// - Returns: the number with this one.
    func enter() -> Int { count.add(1, ordering: .relaxed).newValue }
    func leave() { count.subtract(1, ordering: .relaxed) }
}

/// Counts passes and waiting times. How requests end is counted where they are answered.
private struct QueueObserver: ComputeQueueObserver {
    let metrics: ServiceMetrics

    func passComputed(_ work: ModelWork, itemCount: Int, duration: Duration) {
        metrics.recordPass(
            model: work.model.name, version: work.model.version, size: itemCount, duration: duration)
    }

    func requestLeft(_ work: ModelWork, queueDuration: Duration) {
        metrics.recordQueue(model: work.model.name, duration: queueDuration)
    }
}
