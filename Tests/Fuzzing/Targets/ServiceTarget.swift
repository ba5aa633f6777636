import Clocks
import Foundation
import HTTPCore
import HTTPTypes
import InferenceService
import Logging
import ModelStore
import Models
import TestSupport
import WeightFormats

/// A request to the service. The first line of the input is method and target, further lines are fields, and an empty
/// line ends them; the rest is the body.
enum ServiceTarget {
    private static let service = Result { try Service() }

    static func check(_ bytes: [UInt8]) throws -> Bool { try service.get().answer(bytes) }

    private struct Service {
        let handler: ServiceHandler

        /// Small models of random parameters: of INRs, of CNNs, and one with a decoder.
        private static let models = [
            """
            {"name": "small", "task": "predict_accuracy",
             "input": {"sizes": [2, 3, 1], "image": [4, 4, 1], "omega0": 30, "convention": "nfn", "canonicalize": false,
              "array_scales": null},
             "network": {"file": "network.safetensors", "model": "StatNet", "h_size": 4, "sigmoid": true}}
            """,
            """
            {"name": "convolutions", "task": "predict_accuracy",
             "input": {"family": "cnn", "sizes": [1, 2, 3], "filters": [[3, 3], null], "canonical_scale": true,
              "array_scales": null},
             "network": {"file": "network.safetensors", "model": "StatNet", "h_size": 4, "sigmoid": true}}
            """,
            """
            {"name": "drawer",
             "input": {"sizes": [2, 3, 1], "image": [4, 4, 1], "omega0": 30, "convention": "nfn", "canonicalize": false,
              "array_scales": null},
             "model": {"type": "AutoEncoder", "file": "encoder.safetensors", "block_type": "np", "num_blocks": 1,
              "enc_map_size": 2, "num_heads": 1, "spatial": true, "pool_cls": {"n_latent": 1, "latent_dim": 4},
              "dec_type": "simple", "dec_hidden_size": 4, "dec_hidden_layers": 1}}
            """,
        ]

        /// Serves the models.
        init() throws {
            let registry = ModelRegistry()
            registry.publish(
                try Self.models.map { try ServedModel(drawing: try ModelConfiguration(json: Array($0.utf8))) })
            var configuration = FuzzTarget.bounds
            configuration.maxPictureSide = 32
            configuration.maxPictureValues = 1 << 14
            configuration.maxPictureOperations = 1 << 22
            let build = BuildInfo(version: "1", commit: "1", swift: "6")
            let metrics = ServiceMetrics(build: build)
            handler = try ServiceHandler(
                configuration, registry: registry, queue: try ModelQueue(configuration, metrics: metrics),
                metrics: metrics, version: build, logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
            ) { completion in completion(ReloadReport(models: [], failures: [])) }
        }

        func answer(_ bytes: [UInt8]) throws -> Bool {
            guard let (head, body) = request(bytes) else { return false }
            let id = RequestID.resolve(head.fields, unixMilliseconds: 0)
            let response: Response
            switch handler.admit(head, id: id, peer: "127.0.0.1:50000").decision {
            case .refuse(let refusal): response = refusal
            case .accept(_, let respond):
                let answers = Mailbox<Response>()
                let request = Request(
                    head: head, id: id, body: body, peer: "fuzz", cancellation: Cancellation(),
                    received: Instant.now)
                respond(request) { answers.put($0) }
                response = try answers.take()
            }
            try check(response)
            return response.status == .ok
        }

        /// The input as an HTTP/1.1 request, read by the server's own parser.
        private func request(_ bytes: [UInt8]) -> (RequestHead, [UInt8])? {
            var lines: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let line = rest.prefix { $0 != 0x0a }
                rest = rest.dropFirst(line.count + 1)
                if line.isEmpty { break }
                lines.append(Array(line))
            }
            var head = (lines.first ?? Array("GET /".utf8)) + " HTTP/1.1\r\nHost: a\r\n".utf8
            for line in lines.dropFirst() { head += line + [13, 10] }
            head += Array("Content-Length: \(rest.count)\r\n\r\n".utf8)
            var parser = RequestParser(limits: HTTPLimits())
            parser.append(head)
            guard case .head(let read)? = try? parser.next() else { return nil }
            return (read, Array(rest))
        }

        private func check(_ response: Response) throws {
            let status = response.status.code
            try require((200...599).contains(status), "status \(status)")
            try require(status != 500 || response.reason == "non_finite_output", "500 \(response.reason ?? "")")
            if response.fields[.contentType]?.contains("json") ?? false {
                let limits = FormatLimits.checkpoint
                try require((try? JSONValue.parse(response.body, limits: limits)) != nil, "an answer that is no JSON")
            }
        }
    }
}
