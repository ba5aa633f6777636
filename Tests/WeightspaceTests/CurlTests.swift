import Foundation
import Tensors
import Testing
import WeightFormats

@Suite("Program: curl against the running service", .enabled(if: Curl.url != nil))
struct CurlTests {
    private func json(_ arguments: [String]) throws -> JSONValue {
        let outcome = try Curl.run(arguments)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try JSONValue.parse(outcome.bytes)
    }

    private func best(_ json: JSONValue) -> [JSONValue?] {
        let item = json["predictions"]?.array?.first
        return [item?["class_id"], item?["label"], item?["score"]]
    }

    @Test("classifies files as the documentation shows, every format of a network alike")
    func classify() throws {
        let service = try RunningService()
        var classes: Set<String> = []
        for index in 0..<4 {
            let answers = try Sample.formats.map { format in
                best(
                    try json([
                        "--data-binary", "@" + Sample.path("net\(index).\(format)"), service.url + "/v1/classify",
                    ]))
            }
            #expect(answers[0].allSatisfy { $0 != nil })
            #expect(answers.allSatisfy { $0 == answers[0] }, "net\(index)")
            classes.insert("\(answers[0])")
        }
        #expect(classes.count == 4)
        let reference = best(try json(["--data-binary", "@" + Sample.path("net0.pth"), service.url + "/v1/classify"]))
        for variant in Sample.variants {
            let answer = best(
                try json(["--data-binary", "@" + Sample.path("net0." + variant), service.url + "/v1/classify"]))
            #expect(answer[0] == reference[0], "\(variant)")
            let isRounded = variant.contains("float16")
            #expect(isRounded || answer == reference, "\(variant)")
        }
    }

    @Test("is told how to re-save a file that PyTorch wrote before 1.6")
    func legacy() throws {
        let service = try RunningService()
        let outcome = try Curl.run([
            "-w", "\n%{http_code} %{content_type}", "--data-binary", "@" + Sample.path("net0.legacy.pth"),
            service.url + "/v1/classify",
        ])
        #expect(outcome.lines.last == "415 application/problem+json")
        let problem = try JSONValue.parse(Array((outcome.lines.first ?? "").utf8))
        #expect(problem["code"]?.string == "legacy_torch_format")
        #expect(problem["detail"]?.string?.contains("re-save") == true)
        #expect(
            try Curl.run(["-f", "--data-binary", "@" + Sample.path("net0.legacy.pth"), service.url + "/v1/classify"])
                .status == 22)
    }

    @Test("sends forms, compressed bodies and chunks")
    func bodies() throws {
        let service = try RunningService()
        let classify = service.url + "/v1/classify"
        let reference = best(try json(["--data-binary", "@" + Sample.path("net0.pth"), classify]))
        let form = try json([
            "-F", "file=@" + Sample.path("net0.pth"), "-F", "file=@" + Sample.path("net1.npz"), "-F", "top_k=2",
            classify,
        ])
        #expect(best(form) == reference)
        #expect(form["predictions"]?.array?.map { $0["index"]?.int } == [0, 1])
        #expect(form["predictions"]?.array?.first?["top_k"]?.array?.count == 2)
        let scratch = try Scratch()
        let gzip = try scratch.write("net0.npz.gz", try CompressedStream.gzip.encode(try Sample.bytes("net0.npz")))
        let body = "@" + gzip.path
        #expect(best(try json(["-H", "Content-Encoding: gzip", "--data-binary", body, classify])) == reference)
        #expect(
            best(
                try json([
                    "-H", "Transfer-Encoding: chunked", "--data-binary", "@" + Sample.path("net0.json"), classify,
                ])) == reference)
    }

    @Test("saves latents and pictures")
    func saves() throws {
        let service = try RunningService()
        let scratch = try Scratch()
        let status = try Curl.run([
            "-o", scratch.path("latents.npy"), "-w", "%{http_code} %header{x-tensor-shape}", "--data-binary",
            "@" + Sample.path("net0.pth"), service.url + "/v1/encode?output=npy",
        ]).output
        let latents = try WeightFile.read(try scratch.read("latents.npy")).stateDict()
        #expect(status.hasPrefix("200 1,") && latents.entries.first?.tensor.shape.count == 3)
        _ = try Curl.run([
            "-o", scratch.path("net.png"), "-H", "Accept: image/png", "--data-binary", "@" + Sample.path("net0.pth"),
            service.url + "/v1/render",
        ])
        #expect(try scratch.read("net.png").starts(with: [0x89, 0x50, 0x4e, 0x47]))
    }
}
