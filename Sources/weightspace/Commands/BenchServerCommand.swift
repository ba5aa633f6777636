import ArgumentParser
import Benchmarks
import Foundation
import WeightFormats

/// `weightspace bench server`
struct BenchServerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server", abstract: "Sends load to a running server and measures latency and throughput.",
        discussion: """
            Without --rate, each connection sends its next request when it has the response to the last (closed loop). \
            With --rate, requests are sent at that rate even if responses are late (open loop), and latency is measured \
            from the time at which a request was due. 'beyond compute' is the latency minus the computing time that the \
            server reports in Server-Timing.
            """)

    @Argument(help: "The URL to request, such as http://127.0.0.1:8080/v1/classify.")
    var url: String

    @Option(help: "A file to POST; without it the request is a GET.")
    var body: String?

    @Option(help: "Concurrent connections, kept alive.")
    var connections = 1

    @Option(help: "Requests a second on all connections together.")
    var rate: Double?

    @Option(help: "Seconds to send requests for.")
    var duration = 10.0

    @Flag(help: "Print one JSON object, with the histograms.")
    var json = false

    func validate() throws {
        try checkBounds("--connections", connections, 1...10_000)
        try checkPositive("--duration", duration)
        if let rate { try checkPositive("--rate", rate) }
    }

    func run() throws {
        let target = try LoadTarget(url: url, body: try body.map(namedFile))
        let pattern = rate.map { LoadPattern.open(rate: $0) } ?? .closed
        let report = LoadGenerator(target, pattern, connections: connections).run(seconds: duration)
        print(json ? self.json(report) : text(report))
        guard report.accepted.count > 0 else { throw ExitCode(1) }
    }

    private func text(_ report: LoadReport) -> String {
        var lines = [String(format: "%.1f answers a second over %.1f s", report.acceptedPerSecond, report.seconds)]
        lines.append("answered  " + quantiles(report.accepted))
        if report.beyondCompute.count > 0 { lines.append("beyond compute " + quantiles(report.beyondCompute)) }
        if report.refused.count > 0 {
            lines.append("refused   " + quantiles(report.refused))
            lines.append("refused without Retry-After: \(report.refusedWithoutRetryAfter)")
        }
        lines.append(
            "statuses  "
                + report.statuses.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))
        for (reason, count) in report.broken.sorted(by: { $0.key < $1.key }) {
            lines.append("failed    \(count) × \(reason)")
        }
        return lines.joined(separator: "\n")
    }

    private static let shares = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999)]

    private func quantiles(_ histogram: LatencyHistogram) -> String {
        Self.shares.map { String(format: "%@ %.3f ms", $0.0, milliseconds(histogram.quantile($0.1))) }
            .joined(separator: "  ") + String(format: "  max %.3f ms", milliseconds(histogram.maximum))
    }

    private func json(_ report: LoadReport) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("seconds", Float(report.seconds))
        writer.member("answers_per_second", Float(report.acceptedPerSecond))
        let histograms = [
            ("answered", report.accepted), ("beyond_compute", report.beyondCompute), ("refused", report.refused),
        ]
        for (name, histogram) in histograms {
            writer.name(name)
            writer.beginObject()
            writer.member("count", histogram.count)
            for (label, share) in Self.shares {
                writer.member("\(label)_ms", Float(milliseconds(histogram.quantile(share))))
            }
            writer.member("max_ms", Float(milliseconds(histogram.maximum)))
            writer.name("histogram")
            writer.array(histogram.buckets) { writer, bucket in
                writer.array([milliseconds(bucket.upTo), Double(bucket.count)]) { $0.value(Float($1)) }
            }
            writer.endObject()
        }
        writer.member("refused_without_retry_after", report.refusedWithoutRetryAfter)
        writer.member("failed", report.broken.values.reduce(0, +))
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private func milliseconds(_ duration: Duration) -> Double { duration / .milliseconds(1) }
}
