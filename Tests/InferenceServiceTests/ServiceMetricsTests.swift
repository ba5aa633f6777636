import InferenceService
import Testing

@Suite struct ServiceMetricsTests {
    private let metrics = ServiceMetrics(build: BuildInfo(version: "1.0", commit: "abc", swift: "6.3"))

    private var scrape: Exposition { Exposition(metrics.render()) }

    /// Records one value of each metric.
    private func recordAll() {
        metrics.recordHTTP(method: "POST", route: "/v1/classify", status: 200, duration: .milliseconds(3))
        metrics.recordInference(model: "m", version: "1", outcome: .success, items: 5)
        metrics.recordPass(model: "m", version: "1", size: 3, duration: .milliseconds(20))
        metrics.recordQueue(model: "m", duration: .microseconds(200))
        metrics.recordParse(format: "safetensors", duration: .microseconds(50), bytes: 4740)
        metrics.recordRejection(reason: "queue_full")
        metrics.recordFit(steps: 150, psnr: 31, duration: .milliseconds(40))
        metrics.recordFailedFits(2, outcome: .cancelled)
        metrics.gauges.readFits { 3 }
        metrics.gauges.readQueue(limit: 64) { ["m": 2, "k": 0] }
        metrics.gauges.readConnections { ["open": 5] }
        metrics.gauges.readRequestsInFlight { 6 }
        metrics.gauges.readModels { [ModelIdentity(model: "m", version: "1", sha256: "9f")] }
        metrics.gauges.readLoadFailures { 2 }
        metrics.gauges.readLifecycle(ready: { true }, draining: { false })
    }

    @Test("the families are these, before and after anything is recorded")
    func familiesAreComplete() {
        let names: [String: [String]] = [
            "counter": [
                "weightspace_http_requests_total", "weightspace_inference_requests_total",
                "weightspace_inference_items_total", "weightspace_batches_total", "weightspace_rejected_total",
                "weightspace_fits_total", "weightspace_fit_steps_total", "process_cpu_seconds_total",
            ],
            "histogram": [
                "weightspace_http_request_duration_seconds", "weightspace_queue_duration_seconds",
                "weightspace_parse_duration_seconds", "weightspace_compute_duration_seconds", "weightspace_batch_size",
                "weightspace_request_body_bytes", "weightspace_fit_duration_seconds", "weightspace_fit_psnr_decibels",
            ],
            "gauge": [
                "weightspace_queue_depth", "weightspace_queue_limit", "weightspace_fits_waiting",
                "weightspace_requests_in_flight",
                "weightspace_connections", "weightspace_build_info", "weightspace_model_info", "weightspace_ready",
                "weightspace_draining", "weightspace_load_failures", "process_resident_memory_bytes",
                "process_open_fds", "process_max_fds",
                "process_start_time_seconds",
            ],
        ]
        let kinds = names.flatMap { kind, names in names.map { ($0, kind) } }
        let expected = Dictionary(uniqueKeysWithValues: kinds)
        #expect(scrape.kinds == expected)
        recordAll()
        #expect(scrape.kinds == expected)
    }

    @Test("what is recorded is shown under its labels")
    func recordedValuesAreShown() {
        recordAll()
        let scrape = scrape
        let model = ["model": "m", "version": "1"]
        #expect(
            scrape.value(
                "weightspace_http_requests_total", ["method": "POST", "route": "/v1/classify", "code": "200"]) == 1)
        #expect(scrape.value("weightspace_http_request_duration_seconds_sum", ["route": "/v1/classify"]) == 0.003)
        #expect(
            scrape.value(
                "weightspace_inference_requests_total", ["model": "m", "version": "1", "outcome": "success"]) == 1)
        #expect(scrape.value("weightspace_inference_items_total", model) == 5)
        #expect(scrape.value("weightspace_batches_total", model) == 1)
        #expect(scrape.value("weightspace_batch_size_sum", ["model": "m"]) == 3)
        #expect(scrape.value("weightspace_queue_duration_seconds_count", ["model": "m"]) == 1)
        #expect(scrape.value("weightspace_compute_duration_seconds_sum", ["model": "m"]) == 0.02)
        #expect(scrape.value("weightspace_parse_duration_seconds_count", ["format": "safetensors"]) == 1)
        #expect(scrape.value("weightspace_request_body_bytes_sum", ["format": "safetensors"]) == 4740)
        #expect(scrape.value("weightspace_rejected_total", ["reason": "queue_full"]) == 1)
        #expect(scrape.value("weightspace_fits_total", ["outcome": "success"]) == 1)
        #expect(scrape.value("weightspace_fits_total", ["outcome": "cancelled"]) == 2)
        #expect(scrape.value("weightspace_fit_steps_total") == 150)
        #expect(scrape.value("weightspace_fit_duration_seconds_sum") == 0.04)
        #expect(scrape.value("weightspace_fit_psnr_decibels_bucket", ["le": "35"]) == 1)
        #expect(scrape.value("weightspace_fit_psnr_decibels_bucket", ["le": "30"]) == 0)
    }

    @Test("the state is shown as it is at the scrape")
    func stateIsShown() {
        recordAll()
        let scrape = scrape
        #expect(scrape.value("weightspace_queue_depth", ["model": "m"]) == 2)
        #expect(scrape.value("weightspace_queue_depth", ["model": "k"]) == 0)
        #expect(scrape.value("weightspace_queue_limit") == 64)
        #expect(scrape.value("weightspace_connections", ["state": "open"]) == 5)
        #expect(scrape.value("weightspace_requests_in_flight") == 6)
        #expect(scrape.value("weightspace_fits_waiting") == 3)
        #expect(scrape.value("weightspace_load_failures") == 2)
        #expect(scrape.value("weightspace_ready") == 1)
        #expect(scrape.value("weightspace_draining") == 0)
        #expect(scrape.value("weightspace_build_info", ["version": "1.0", "commit": "abc", "swift": "6.3"]) == 1)
        #expect(scrape.value("weightspace_model_info", ["model": "m", "version": "1", "sha256": "9f"]) == 1)
    }

    @Test("failed inferences count as requests but not as items read")
    func failuresReadNothing() {
        for outcome in InferenceOutcome.allCases where outcome != .success {
            metrics.recordInference(model: "m", version: "1", outcome: outcome, items: 5)
        }
        let scrape = scrape
        #expect(scrape.samples.filter { $0.name == "weightspace_inference_requests_total" }.count == 5)
        #expect(!scrape.samples.contains { $0.name == "weightspace_inference_items_total" })
    }

    @Test("methods and codes a client can invent share one label value")
    func inventedValuesAreBounded() {
        for method in ["BREW", "get", "X\n\""] {
            metrics.recordHTTP(method: method, route: "/", status: 501, duration: .zero)
        }
        metrics.recordHTTP(method: "GET", route: "/", status: 0, duration: .zero)
        let scrape = scrape
        #expect(
            scrape.value("weightspace_http_requests_total", ["method": "other", "route": "/", "code": "501"]) == 3)
        #expect(
            scrape.value("weightspace_http_requests_total", ["method": "GET", "route": "/", "code": "other"]) == 1)
    }

    @Test("two scrapes of the same state differ in nothing but the process's own values")
    func orderIsDeterministic() {
        for index in 0..<40 {
            metrics.recordHTTP(method: "GET", route: "/\(index * 7 % 40)", status: 200, duration: .zero)
        }
        func lines() -> [Substring] { metrics.render().split(separator: "\n").filter { !$0.hasPrefix("process_") } }
        let routes = scrape.samples.filter { $0.name == "weightspace_http_requests_total" }.map {
            $0.labels["route"] ?? ""
        }
        #expect(routes == routes.sorted())
        #expect(lines() == lines())
    }
}
