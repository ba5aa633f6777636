import Synchronization

/// What the service counts and times, and its state at a scrape.
///
/// The recording methods may be called from any thread and cost a look-up and an addition each.
package final class ServiceMetrics: Sendable {
    private let httpRequests = LabelledMetric<Counter>(.httpRequests)
    private let httpRequestDuration = LabelledMetric<Histogram>(.httpRequestDuration, bounds: MetricBuckets.seconds)
    private let inferenceRequests = LabelledMetric<Counter>(.inferenceRequests)
    private let inferenceItems = LabelledMetric<Counter>(.inferenceItems)
    private let batches = LabelledMetric<Counter>(.batches)
    private let queueDuration = LabelledMetric<Histogram>(.queueDuration, bounds: MetricBuckets.shortSeconds)
    private let parseDuration = LabelledMetric<Histogram>(.parseDuration, bounds: MetricBuckets.shortSeconds)
    private let computeDuration = LabelledMetric<Histogram>(.computeDuration, bounds: MetricBuckets.shortSeconds)
    private let batchSize = LabelledMetric<Histogram>(.batchSize, bounds: MetricBuckets.batchSize)
    private let rejected = LabelledMetric<Counter>(.rejected)
    private let requestBodyBytes = LabelledMetric<Histogram>(.requestBodyBytes, bounds: MetricBuckets.bytes)
    private let recentHTTP = Mutex<[HTTPSeries]>([])
    private static let mostRecent = 32
    /// The same in other servers' terms.
    let statistics = ModelStatistics()
    /// What is read at each scrape.
    package let gauges = ServiceGauges()

    package init(build: BuildInfo) { gauges.setBuild(build) }

    /// - Parameter route: the route's template, never the path a client sent.
    package func recordHTTP(method: String, route: String, status: Int, duration: Duration) {
        let series = httpSeries(method, route, status)
        series.requests.increment()
        series.duration.observe(duration / .seconds(1))
    }

    /// Most requests are like one of a few before: those are found without hashing their labels.
    private func httpSeries(_ method: String, _ route: String, _ status: Int) -> HTTPSeries {
        recentHTTP.withLock { recent in
            if let known = recent.first(where: { $0.status == status && $0.route == route && $0.method == method }) {
                return known
            }
            let label = Self.methods.contains(method) ? method : "other"
            let code = (100...599).contains(status) ? String(status) : "other"
            let series = HTTPSeries(
                method: method, route: route, status: status, requests: httpRequests.series(label, route, code),
                duration: httpRequestDuration.series(route))
            guard label == method else { return series }
            if recent.count == Self.mostRecent { recent.removeFirst() }
            recent.append(series)
            return series
        }
    }

    /// An inference request has ended. Its items count as read where the outcome is a success.
    package func recordInference(model: String, version: String, outcome: InferenceOutcome, items: Int) {
        inferenceRequests.series(model, version, outcome.rawValue).increment()
        if outcome == .success { inferenceItems.series(model, version).increment(by: items) }
    }

    package func recordPass(model: String, version: String, size: Int, duration: Duration) {
        batches.series(model, version).increment()
        batchSize.series(model).observe(Double(size))
        computeDuration.series(model).observe(duration / .seconds(1))
        statistics.recordExecution(model: model, version: version, items: size, duration: duration)
    }

    package func recordQueue(model: String, duration: Duration) {
        queueDuration.series(model).observe(duration / .seconds(1))
    }

    /// - Parameter bytes: the body's size after decompression.
    package func recordParse(format: String, duration: Duration, bytes: Int) {
        parseDuration.series(format).observe(duration / .seconds(1))
        requestBodyBytes.series(format).observe(Double(bytes))
    }

    /// - Parameter reason: the problem's code, as in the response.
    package func recordRejection(reason: String) { rejected.series(reason).increment() }

    /// Everything in the Prometheus text format, in the same order at each call.
    package func render() -> String {
        let metrics: [any Metric] =
            [
                httpRequests, httpRequestDuration, inferenceRequests, inferenceItems, batches, queueDuration,
                parseDuration, computeDuration, batchSize, rejected, requestBodyBytes,
            ] + gauges.all
        var text = PrometheusText()
        for metric in metrics { metric.write(to: &text) }
        return text.text + ProcessStatistics.current().rendered
    }

    /// Methods that may become label values; a client can invent others without end.
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]
}

/// Where requests of one kind are counted.
private struct HTTPSeries: Sendable {
    let method: String
    let route: String
    let status: Int
    let requests: Counter
    let duration: Histogram
}

/// How an inference request ended.
package enum InferenceOutcome: String, CaseIterable, Sendable {
    case success
    /// The client's weights or parameters are at fault.
    case invalid
    /// Refused for load or shutdown.
    case rejected
    /// Too late before its computation began.
    case deadlineExceeded = "deadline_exceeded"
    /// The client left.
    case cancelled
    /// The service is at fault.
    case failure
}
