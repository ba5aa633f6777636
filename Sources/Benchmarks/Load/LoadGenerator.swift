import Foundation
import Synchronization

/// The request that a load generator repeats.
package struct LoadTarget: Sendable {
    /// An IPv4 address.
    package let host: String
    /// A TCP port, 80 where the URL has none.
    package let port: Int
    /// Head and body as they are sent.
    let request: [UInt8]

    /// - Throws: `LoadError` where the URL has another form.
    /// - Parameters:
    ///   - url: `http://ADDRESS[:PORT]/PATH` with an IPv4 address or `localhost`.
    ///   - body: sent by POST; nil means a GET request.
    package init(url: String, body: [UInt8]?) throws {
        guard let parts = URLComponents(string: url), parts.scheme == "http", let host = parts.host else {
            throw LoadError("'\(url)' is not of the form http://ADDRESS:PORT/PATH")
        }
        self.host = host == "localhost" ? "127.0.0.1" : host
        port = parts.port ?? 80
        var path = parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath
        if let query = parts.percentEncodedQuery { path += "?" + query }
        var head = "\(body == nil ? "GET" : "POST") \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\n"
        if let body { head += "Content-Type: application/octet-stream\r\nContent-Length: \(body.count)\r\n" }
        request = Array((head + "\r\n").utf8) + (body ?? [])
    }
}

/// When the load generator sends requests.
package enum LoadPattern: Sendable {
    /// Closed loop: each connection sends its next request when it has the response to the last one.
    case closed
    /// Open loop: requests are due at `rate` per second, however slow the server is; the latency of a request counts
    /// from when it was due.
    case open(rate: Double)
}

/// The result of a load test.
package struct LoadReport: Sendable {
    /// Latencies of responses other than 429 and 503.
    package fileprivate(set) var accepted = LatencyHistogram()
    /// The same latencies minus `compute` of `Server-Timing`.
    package fileprivate(set) var beyondCompute = LatencyHistogram()
    /// Latencies of responses 429 and 503.
    package fileprivate(set) var refused = LatencyHistogram()
    /// Responses 429 and 503 without `Retry-After`.
    package fileprivate(set) var refusedWithoutRetryAfter = 0
    /// The number of responses by status.
    package fileprivate(set) var statuses: [Int: Int] = [:]
    /// The number of requests without a response, by reason.
    package fileprivate(set) var broken: [String: Int] = [:]
    /// The duration of the test in seconds.
    package fileprivate(set) var seconds = 0.0

    /// Responses other than 429 and 503 per second.
    package var acceptedPerSecond: Double { Double(accepted.count) / max(seconds, 1e-9) }

    fileprivate mutating func merge(_ other: LoadReport) {
        accepted.merge(other.accepted)
        beyondCompute.merge(other.beyondCompute)
        refused.merge(other.refused)
        refusedWithoutRetryAfter += other.refusedWithoutRetryAfter
        statuses.merge(other.statuses, uniquingKeysWith: +)
        broken.merge(other.broken, uniquingKeysWith: +)
    }
}

/// Sends requests on many connections, with a thread for each, and measures the latency of every response.
package struct LoadGenerator: Sendable {
    private let target: LoadTarget
    private let pattern: LoadPattern
    private let connections: Int

    /// - Parameter connections: concurrent ones; at least one is used.
    package init(_ target: LoadTarget, _ pattern: LoadPattern, connections: Int) {
        self.target = target
        self.pattern = pattern
        self.connections = max(1, connections)
    }

    /// Sends requests for so many seconds on all connections; returns after the last response.
    package func run(seconds: Double) -> LoadReport {
        let total = Mutex(LoadReport())
        let due = Mutex(0)
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        let finished = DispatchGroup()
        for _ in 0..<connections {
            finished.enter()
            Thread.detachNewThread {
                let report = self.work(from: start, until: end, due: due)
                total.withLock { $0.merge(report) }
                finished.leave()
            }
        }
        finished.wait()
        var report = total.withLock { $0 }
        report.seconds = (.now - start) / Duration.seconds(1)
        return report
    }

    private func work(
        from start: ContinuousClock.Instant, until end: ContinuousClock.Instant, due: borrowing Mutex<Int>
    ) -> LoadReport {
        var report = LoadReport()
        var connection: ClientConnection?
        while true {
            let begin: ContinuousClock.Instant
            switch pattern {
            case .closed:
                begin = .now
            case .open(let rate):
                let index = due.withLock { next in
                    defer { next += 1 }
                    return next
                }
                begin = start + .seconds(Double(index) / rate)
                let wait = begin - .now
                if wait > .zero && begin < end { Thread.sleep(forTimeInterval: wait / .seconds(1)) }
            }
            guard begin < end else { return report }
            do {
                let own = try connection ?? ClientConnection(host: target.host, port: target.port)
                connection = own
                let answer = try own.exchange(target.request)
                record(answer, .now - begin, in: &report)
                if answer.closes { connection = nil }
            } catch {
                connection = nil
                report.broken["\(error)", default: 0] += 1
            }
        }
    }

    private func record(_ answer: ClientConnection.Answer, _ latency: Duration, in report: inout LoadReport) {
        report.statuses[answer.status, default: 0] += 1
        if answer.status == 429 || answer.status == 503 {
            report.refused.record(latency)
            if !answer.hasRetryAfter { report.refusedWithoutRetryAfter += 1 }
        } else {
            report.accepted.record(latency)
            if let compute = answer.compute { report.beyondCompute.record(latency - compute) }
        }
    }
}
