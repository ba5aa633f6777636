import Synchronization

/// The counters, histograms and gauges of the service.
///
/// The recording methods may be called from any thread; each costs a dictionary look-up and an addition.
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
    private let fits = LabelledMetric<Counter>(.fits)
    private let fitSteps = LabelledMetric<Counter>(.fitSteps)
    private let fitDuration = LabelledMetric<Histogram>(.fitDuration, bounds: MetricBuckets.seconds)
    private let fitPSNR = LabelledMetric<Histogram>(.fitPSNR, bounds: MetricBuckets.decibels)
    private let recentHTTP = Mutex<[HTTPSeries]>([])
    private static let mostRecent = 32
    /// The figures of the Open Inference Protocol's statistics extension.
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

    /// The series of recent requests are kept in a short list, where they are found without hashing their labels.
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

    /// Counts an inference request, and for a success its networks.
    package func recordInference(model: String, version: String, outcome: InferenceOutcome, items: Int) {
        inferenceRequests.series(model, version, outcome.rawValue).increment()
        if outcome == .success { inferenceItems.series(model, version).increment(by: items) }
    }

    /// Counts a forward pass over `size` networks of one request.
    package func recordPass(model: String, version: String, size: Int, duration: Duration) {
        batches.series(model, version).increment()
        batchSize.series(model).observe(Double(size))
        computeDuration.series(model).observe(duration / .seconds(1))
        statistics.recordExecution(model: model, version: version, items: size, duration: duration)
    }

    /// Counts the time that a request waited in the queue.
    package func recordQueue(model: String, duration: Duration) {
        queueDuration.series(model).observe(duration / .seconds(1))
    }

    /// - Parameter bytes: the body's size after decompression.
    package func recordParse(format: String, duration: Duration, bytes: Int) {
        parseDuration.series(format).observe(duration / .seconds(1))
        requestBodyBytes.series(format).observe(Double(bytes))
    }

    /// Counts a network that was fitted.
    /// - Parameters:
    ///   - psnr: in dB.
    ///   - duration: that it was computed.
    package func recordFit(steps: Int, psnr: Double, duration: Duration) {
        fits.series(InferenceOutcome.success.rawValue).increment()
        fitSteps.series().increment(by: steps)
        fitPSNR.series().observe(psnr)
        fitDuration.series().observe(duration / .seconds(1))
    }

    /// Counts pictures without a network.
    package func recordFailedFits(_ count: Int, outcome: InferenceOutcome) {
        if count > 0 { fits.series(outcome.rawValue).increment(by: count) }
    }

    /// - Parameter reason: the problem's code, as in the response.
    package func recordRejection(reason: String) { rejected.series(reason).increment() }

    /// Everything in the Prometheus text format, in the same order at each call.
    package func render() -> String {
        let metrics: [any Metric] =
            [
                httpRequests, httpRequestDuration, inferenceRequests, inferenceItems, batches, queueDuration,
                parseDuration, computeDuration, batchSize, rejected, requestBodyBytes, fits, fitSteps, fitDuration,
                fitPSNR,
            ] + gauges.all
        var text = PrometheusText()
        for metric in metrics { metric.write(to: &text) }
        return text.text + ProcessStatistics.current().rendered
    }

    /// Methods that may become label values; others are counted as "other", since clients can send any.
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]
}

/// The series of requests with the same method, route and status.
private struct HTTPSeries: Sendable {
    let method: String
    let route: String
    let status: Int
    let requests: Counter
    let duration: Histogram
}

/// How an inference request ended: the label `outcome`.
package enum InferenceOutcome: String, CaseIterable, Sendable {
    case success
    /// The weights or options are not valid.
    case invalid
    /// Refused for lack of room, by a rate limit, or while the service starts.
    case rejected
    /// The deadline passed before the computation began.
    case deadlineExceeded = "deadline_exceeded"
    /// The client disconnected.
    case cancelled
    /// A defect of the service or the model.
    case failure
}
