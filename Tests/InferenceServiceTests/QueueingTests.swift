import Dispatch
import HTTPCore
import ModelStore
import Models
import Networks
import TestSupport
import Testing
import WeightFormats

@testable import InferenceService

/// Blocks a computation: it signals that it has begun, and ends when it is released.
final class Gate: Sendable {
    private let begun = DispatchSemaphore(value: 0)
    private let open = DispatchSemaphore(value: 0)

    func pass() {
        begun.signal()
        _ = open.wait(timeout: .now() + 30)
    }

    func waitUntilBegun() -> Bool { begun.wait(timeout: .now() + 30) == .success }

    func release(_ count: Int = 1) { for _ in 0..<count { open.signal() } }
}

@Suite("Service: queue, deadlines, start and end")
struct QueueingTests {
    private let gate = Gate()
    private let body: [UInt8]

    init() throws { body = try Samples.bytes("net0.pth") }

    /// A service whose computations wait at the gate, one network at a time.
    private func gated(maxQueue: Int) throws -> ServiceDriver {
        let model = try Models.embedded.get()
        return try ServiceDriver {
            $0.maxQueue = maxQueue
            $0.networksPerPass = 1
        } compute: { [gate] _, networks, _ in
            gate.pass()
            let scores = ClassScores(logits: model.labels.indices.map { Float($0) }, temperature: 1)
            return networks.map { _ in .success([.classes(Classification(scores: scores, opinions: []))]) }
        }
    }

    /// Begins like an archive, so it is read on a worker queue, after the archives sent before it.
    /// Longer than what is read on the event loop.
    private let broken = Array("PK\u{3}\u{4}hello".utf8) + [UInt8](repeating: 0, count: 300)

    /// Archives are read one after the other: when this is answered, those sent before it are in the queue.
    private func settle(_ service: ServiceDriver) throws {
        #expect(try service.post("/v1/classify", broken).status == 400)
    }

    @Test("a full queue refuses at once with a time to retry, and answers what it admitted")
    func queueFull() throws {
        let service = try gated(maxQueue: 2)
        let first = try service.start("POST", "/v1/classify", [:], body)
        #expect(gate.waitUntilBegun())
        let second = try service.start("POST", "/v1/classify", [:], body)
        try settle(service)
        let third = try service.start("POST", "/v1/classify", [:], body)
        try settleFull(service)
        let refused = try service.post("/v1/classify", body)
        let problem = try refused.problem()
        #expect(problem.status == 429 && problem.code == "queue_full")
        #expect(problem.detail == "2 of 2 requests waiting")
        #expect(refused.field("Retry-After").flatMap { Int($0) }.map { (1...60).contains($0) } == true)
        #expect(refused.field("Server-Timing") != nil)
        #expect(first.isEmpty && second.isEmpty && third.isEmpty)
        gate.release(3)
        for answers in [first, second, third] {
            #expect(try answers.take().items().first?["class_id"]?.int == 9)
        }
        let metrics = Exposition(service.metrics.render())
        #expect(metrics.value("weightspace_rejected_total", ["reason": "queue_full"]).map { $0 >= 1 } == true)
        #expect(try service.get("/readyz").status == 200)
    }

    @Test(
        "a body that is complete when the queue has filled is refused",
        arguments: ["/v1/classify", "/v2/models/fashion-mnist/infer"])
    func filledMeanwhile(path: String) throws {
        let service = try gated(maxQueue: 1)
        let text = try Samples.bytes("net0.json")
        let first = try service.start("POST", "/v1/classify", [:], text)
        #expect(gate.waitUntilBegun())
        let sendBody =
            path.hasPrefix("/v1")
            ? try service.begin("POST", path, [:], text)
            : try service.begin(
                "POST", path, ["Inference-Header-Content-Length": "0"],
                FloatBytes.littleEndian(try Samples.network().flattened))
        let second = try service.start("POST", "/v1/classify", [:], text)
        #expect(try sendBody().take().status == 429)
        gate.release(2)
        for answers in [first, second] { #expect(try answers.take().status == 200) }
    }

    @Test("requests whose bodies wait to be read are limited too", arguments: ["/v1/render", "/v1/classify"])
    func boundedWork(path: String) throws {
        let service = try ServiceDriver {
            $0.maxQueue = 2
            $0.threads = 1
        }
        service.handler.resources.workers.run { [gate] in gate.pass() }
        #expect(gate.waitUntilBegun())
        let first = try service.start("POST", "/v1/render", [:], body)
        let second = try service.start("POST", "/v1/render", [:], body)
        let refused = try service.post(path, body)
        #expect(try refused.status == 429 && refused.problem().code == "queue_full")
        gate.release()
        for answers in [first, second] { #expect(try answers.take().status == 200) }
    }

    @Test("a computation that fails is counted as a failure and as nothing else")
    func failedComputation() throws {
        let service = try ServiceDriver(compute: { _, networks, _ in networks.map { _ in .failure(.internalFault) } })
        #expect(try service.post("/v1/classify", body).status == 500)
        let model = try Models.embedded.get()
        let metrics = Exposition(service.metrics.render())
        func count(_ outcome: String) -> Double? {
            metrics.value(
                "weightspace_inference_requests_total",
                ["model": model.name, "version": model.version, "outcome": outcome])
        }
        #expect(count("failure") == 1 && count("success") == nil)
        let statistics = service.metrics.statistics.entry(model: model.name, version: model.version)
        #expect(statistics.failure.count == 1 && statistics.success.count == 0)
    }

    /// Waits until the queue is full, so that requests are refused before their bodies are read.
    private func settleFull(_ service: ServiceDriver) throws {
        // Until then the broken body is read, after those sent before it, and refused as malformed.
        var status = 400
        for _ in 0..<100 where status == 400 {
            status = try service.post("/v1/classify", broken).status
        }
        #expect(status == 429)
    }

    @Test("a request whose time ran out while it waited is answered 504")
    func deadline() throws {
        let service = try ServiceDriver()
        let late = try service.start("POST", "/v1/classify?timeout_ms=1000", [:], body, age: .seconds(2)).take()
        let problem = try late.problem()
        #expect(problem.status == 504 && problem.code == "deadline_exceeded")
        #expect(try service.post("/v1/classify?timeout_ms=60000", body).status == 200)
    }

    @Test("a missed deadline is answered before the running computation ends")
    func deadlineBehindComputation() throws {
        let service = try gated(maxQueue: 4)
        let first = try service.start("POST", "/v1/classify", [:], body)
        #expect(gate.waitUntilBegun())
        let late = try service.start("POST", "/v1/classify?timeout_ms=1000", [:], body, age: .seconds(2))
        #expect(try late.take().status == 504)
        #expect(first.isEmpty)
        gate.release()
        #expect(try first.take().status == 200)
        let metrics = Exposition(service.metrics.render())
        let model = try Models.embedded.get()
        #expect(
            metrics.value(
                "weightspace_inference_requests_total",
                ["model": model.name, "version": model.version, "outcome": "deadline_exceeded"]) == 1)
    }

    @Test("a waiting request is removed when its client disconnects")
    func cancelled() throws {
        let service = try gated(maxQueue: 4)
        let first = try service.start("POST", "/v1/classify", [:], body)
        #expect(gate.waitUntilBegun())
        let cancellation = Cancellation()
        let second = try service.start("POST", "/v1/classify", [:], body, cancellation: cancellation)
        try settle(service)
        cancellation.cancel()
        #expect(try second.take().status == 499)
        gate.release()
        #expect(try first.take().status == 200)
    }

    @Test("a request whose client has disconnected before its body is read is not computed")
    func cancelledBefore() throws {
        let service = try gated(maxQueue: 4)
        let cancellation = Cancellation()
        cancellation.cancel()
        let answer = try service.start("POST", "/v1/classify", [:], body, cancellation: cancellation).take()
        #expect(answer.status == 499)
    }

    @Test("weights larger than the queue's limit are refused without Retry-After")
    func queueBytes() throws {
        let service = try ServiceDriver { $0.maxQueueBytes = 4739 }
        let answer = try service.post("/v1/classify", body)
        #expect(try answer.problem().code == "body_too_large" && answer.status == 413)
        #expect(answer.field("Retry-After") == nil)
        #expect(try ServiceDriver { $0.maxQueueBytes = 4740 }.post("/v1/classify", body).status == 200)
    }

    @Test("a request of more networks than a pass is answered whole")
    func largerThanBatch() throws {
        let service = try ServiceDriver { $0.networksPerPass = 2 }
        let stack = SafetensorsWriter.write(try Samples.stack())
        #expect(try service.post("/v1/classify", stack).items() == ServiceDriver().post("/v1/classify", stack).items())
    }

    @Test("answers do not depend on the number of threads")
    func threads() throws {
        let stack = SafetensorsWriter.write(try Samples.stack())
        let expected = try ServiceDriver().post("/v1/encode", stack).items("latents")
        for threads in [2, 3] {
            let service = try ServiceDriver { $0.threads = threads }
            #expect(try service.post("/v1/encode", stack).items("latents") == expected)
        }
    }

    @Test("before its models are loaded the service is live and not ready")
    func starting() throws {
        let service = try ServiceDriver(models: nil)
        #expect(try service.get("/livez").json()["live"]?.bool == true)
        for answer in [
            try service.get("/readyz"), try service.post("/v1/classify", body), try service.get("/v1/models"),
            try service.get("/v1/models/any/example"), try service.post("/v1/edit?edits=dilate", body),
        ] {
            #expect(try answer.problem().code == "starting" && answer.status == 503)
            #expect(answer.field("Retry-After") == "1")
        }
        service.registry.publish([try Models.embedded.get()])
        #expect(try service.get("/readyz").json()["ready"]?.bool == true)
        #expect(try service.post("/v1/classify", body).status == 200)
    }

    @Test("a draining service is not ready and still answers requests")
    func draining() throws {
        let service = try gated(maxQueue: 4)
        let admitted = try service.start("POST", "/v1/classify", [:], body)
        #expect(gate.waitUntilBegun())
        service.registry.beginDraining()
        for path in ["/readyz", "/health", "/ping"] {
            let answer = try service.get(path)
            #expect(try answer.problem().code == "draining" && answer.status == 503)
            #expect(answer.field("Retry-After") != nil)
        }
        #expect(try service.get("/livez").status == 200)
        let meanwhile = try service.start("POST", "/v1/classify", [:], body)
        gate.release(2)
        #expect(try admitted.take().status == 200)
        #expect(try meanwhile.take().status == 200)
    }
}
