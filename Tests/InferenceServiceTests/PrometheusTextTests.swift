import Dispatch
import InferenceService
import Testing

@Suite struct PrometheusTextTests {
    private static let family = MetricFamily("things_total", .counter, labels: ["name", "kind"], help: "Things.")

    private func rendered(_ metric: some Metric) -> String {
        var text = PrometheusText()
        metric.write(to: &text)
        return text.text
    }

    @Test("the content type is the one Prometheus parses")
    func contentType() {
        #expect(PrometheusText.contentType == "text/plain; version=0.0.4; charset=utf-8")
    }

    @Test("a counter's series are sorted by their labels")
    func counterText() {
        let metric = LabelledMetric<Counter>(Self.family)
        metric.series("b", "x").increment()
        metric.series("a", "y").increment(by: 41)
        metric.series("a", "y").increment()
        #expect(
            rendered(metric) == """
                # HELP things_total Things.
                # TYPE things_total counter
                things_total{name="a",kind="y"} 42
                things_total{name="b",kind="x"} 1

                """)
    }

    @Test(
        "label values are escaped so that they read back as they were",
        arguments: ["plain", "a\"b", "a\\b", "a\nb", "\\n", "\"}", "crlf\r\n.", "ünï→🙂", ""])
    func labelsAreEscaped(value: String) throws {
        let metric = LabelledMetric<Counter>(Self.family)
        metric.series(value, "x").increment()
        let sample = try #require(Exposition(rendered(metric)).samples.first)
        #expect(Array((sample.labels["name"] ?? "?").unicodeScalars) == Array(value.unicodeScalars))
    }

    @Test("help texts are one line")
    func helpIsEscaped() {
        #expect(PrometheusText.escapedHelp("a\\b\n\"c\"") == "a\\\\b\\n\"c\"")
    }

    @Test(
        "numbers are written as Prometheus reads them",
        arguments: [
            (0, "0"), (3, "3"), (-2, "-2"), (0.0005, "0.0005"), (2.5, "2.5"), (1e300, "1e+300"), (.infinity, "+Inf"),
            (-.infinity, "-Inf"), (.nan, "NaN"), (9_007_199_254_740_992, "9007199254740992"),
        ] as [(Double, String)])
    func numbers(value: Double, text: String) {
        #expect(PrometheusText.number(value) == text)
    }

    @Test("a counter never decreases")
    func counterNeverFalls() {
        let counter = Counter()
        counter.increment(by: 2)
        counter.increment(by: -1)
        #expect(counter.value == 2)
    }

    @Test("a histogram counts a value in the first bucket whose bound is not below it")
    func histogramBuckets() {
        let family = MetricFamily("size", .histogram, labels: ["of"], help: "Size.")
        let metric = LabelledMetric<Histogram>(family, bounds: [1, 2, 4])
        for value in [0.5, 1, 1.5, 4, 5, .nan] { metric.series("x").observe(value) }
        let exposition = Exposition(rendered(metric))
        let buckets = exposition.samples.filter { $0.name == "size_bucket" }
        #expect(buckets.map { $0.labels["le"] } == ["1", "2", "4", "+Inf"])
        #expect(buckets.map(\.number) == [2, 3, 4, 5])
        #expect(exposition.value("size_sum", ["of": "x"]) == 12)
        #expect(exposition.value("size_count", ["of": "x"]) == 5)
    }

    @Test("concurrent recording loses nothing")
    func concurrentRecording() {
        let counters = LabelledMetric<Counter>(Self.family)
        let family = MetricFamily("size", .histogram, labels: ["of"], help: "Size.")
        let histograms = LabelledMetric<Histogram>(family, bounds: [10, 100])
        DispatchQueue.concurrentPerform(iterations: 2000) { index in
            counters.series(index % 2 == 0 ? "even" : "odd", "x").increment()
            histograms.series("x").observe(Double(index % 200))
        }
        #expect(counters.series("even", "x").value == 1000)
        #expect(counters.series("odd", "x").value == 1000)
        let exposition = Exposition(rendered(histograms))
        #expect(exposition.samples.map(\.number) == [110, 1010, 2000, 199_000, 2000])
    }

    @Test("series beyond the limit are counted together")
    func cardinalityIsBounded() {
        let metric = LabelledMetric<Counter>(Self.family, limit: 3) { Counter() }
        for index in 0..<100 { metric.series("\(index)", "x").increment() }
        metric.series("1", "x").increment()
        let exposition = Exposition(rendered(metric))
        #expect(exposition.samples.count == 4)
        #expect(exposition.value("things_total", ["name": "1", "kind": "x"]) == 2)
        #expect(exposition.value("things_total", ["name": "other", "kind": "other"]) == 97)
    }

    @Test("a gauge is read at the scrape")
    func gaugeIsRead() {
        let counter = Counter()
        let gauge = Gauge(MetricFamily("depth", .gauge, help: "Depth."))
        #expect(Exposition(rendered(gauge)).samples.isEmpty)
        gauge.read { Double(counter.value) }
        #expect(Exposition(rendered(gauge)).value("depth") == 0)
        counter.increment(by: 7)
        #expect(Exposition(rendered(gauge)).value("depth") == 7)
    }
}
