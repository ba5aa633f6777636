/// Every metric of the service. Dashboards and alerts depend on the names.
extension MetricFamily {
    static let httpRequests = MetricFamily(
        "weightspace_http_requests_total", .counter, labels: ["method", "route", "code"],
        help: "HTTP requests answered.")
    static let httpRequestDuration = MetricFamily(
        "weightspace_http_request_duration_seconds", .histogram, labels: ["route"],
        help: "Time from a request's first byte to its response's last.")
    static let inferenceRequests = MetricFamily(
        "weightspace_inference_requests_total", .counter, labels: ["model", "version", "outcome"],
        help: "Inference requests by how they ended.")
    static let inferenceItems = MetricFamily(
        "weightspace_inference_items_total", .counter, labels: ["model", "version"],
        help: "Networks read by successful inference requests.")
    static let batches = MetricFamily(
        "weightspace_batches_total", .counter, labels: ["model", "version"], help: "Forward passes computed.")
    static let queueDuration = MetricFamily(
        "weightspace_queue_duration_seconds", .histogram, labels: ["model"],
        help: "Time requests waited before their computation.")
    static let parseDuration = MetricFamily(
        "weightspace_parse_duration_seconds", .histogram, labels: ["format"],
        help: "Time to read weights from a request body.")
    static let computeDuration = MetricFamily(
        "weightspace_compute_duration_seconds", .histogram, labels: ["model"], help: "Time of a forward pass.")
    static let batchSize = MetricFamily(
        "weightspace_batch_size", .histogram, labels: ["model"], help: "Networks per forward pass.")
    static let fits = MetricFamily(
        "weightspace_fits_total", .counter, labels: ["outcome"],
        help: "Pictures to which a network was fitted, by how the fit ended.")
    static let fitSteps = MetricFamily("weightspace_fit_steps_total", .counter, help: "Steps of fits that succeeded.")
    static let fitDuration = MetricFamily(
        "weightspace_fit_duration_seconds", .histogram, help: "Time that a fit that succeeded was computed.")
    static let fitPSNR = MetricFamily(
        "weightspace_fit_psnr_decibels", .histogram, help: "Peak signal-to-noise ratio of fitted networks.")
    static let fitsWaiting = MetricFamily(
        "weightspace_fits_waiting", .gauge, help: "Requests with fits that wait for their first or next slice.")
    static let queueDepth = MetricFamily(
        "weightspace_queue_depth", .gauge, labels: ["model"], help: "Requests waiting to be computed.")
    static let queueLimit = MetricFamily(
        "weightspace_queue_limit", .gauge, help: "Requests that may wait before more are refused.")
    static let requestsInFlight = MetricFamily(
        "weightspace_requests_in_flight", .gauge, help: "HTTP requests begun and not yet answered.")
    static let rejected = MetricFamily(
        "weightspace_rejected_total", .counter, labels: ["reason"], help: "Requests refused, by problem code.")
    static let requestBodyBytes = MetricFamily(
        "weightspace_request_body_bytes", .histogram, labels: ["format"],
        help: "Size of weights received, after decompression.")
    static let connections = MetricFamily(
        "weightspace_connections", .gauge, labels: ["state"], help: "Open connections.")
    static let buildInfo = MetricFamily(
        "weightspace_build_info", .gauge, labels: ["version", "commit", "swift"], help: "What is running; always 1.")
    static let modelInfo = MetricFamily(
        "weightspace_model_info", .gauge, labels: ["model", "version", "sha256"], help: "Models loaded; always 1.")
    static let loadFailures = MetricFamily(
        "weightspace_load_failures", .gauge, help: "Model folders and key files that could not be read the last time.")
    static let ready = MetricFamily("weightspace_ready", .gauge, help: "1 while the service takes inference requests.")
    static let draining = MetricFamily("weightspace_draining", .gauge, help: "1 while the service is shutting down.")

    static let processCPU = MetricFamily(
        "process_cpu_seconds_total", .counter, help: "User and system CPU time spent.")
    static let processMemory = MetricFamily("process_resident_memory_bytes", .gauge, help: "Resident memory.")
    static let processOpenFiles = MetricFamily("process_open_fds", .gauge, help: "Open file descriptors.")
    static let processMaxFiles = MetricFamily("process_max_fds", .gauge, help: "Limit of open file descriptors.")
    static let processStart = MetricFamily(
        "process_start_time_seconds", .gauge, help: "Start of the process since the Unix epoch.")
}

/// Upper bounds of the histograms' buckets.
enum MetricBuckets {
    /// From one small network to a queue at its limit.
    static let seconds = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    /// With two more at the lower end, for the stages of one request.
    static let shortSeconds = [0.0001, 0.00025] + seconds
    static let decibels = [10.0, 15, 20, 25, 30, 35, 40, 50, 60, 80]
    static let batchSize = [1.0, 2, 4, 8, 16, 32, 64, 128, 256]
    /// 1 KiB to 64 MiB, each four times the one before.
    static let bytes = (0...8).map { Double(1024 << (2 * $0)) }
}
