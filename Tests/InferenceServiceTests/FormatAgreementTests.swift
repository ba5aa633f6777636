import ModelStore
import Networks
import Tensors
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: one answer whatever the format")
struct FormatAgreementTests {
    private let service: ServiceDriver

    init() throws { service = try ServiceDriver() }

    @Test("classifies, encodes and draws the same network alike from every format", arguments: Samples.exact)
    func exact(_ name: String) throws {
        let (reference, other) = (try Samples.bytes("net0.safetensors"), try Samples.bytes(name))
        for (path, member) in [
            ("/v1/classify", "predictions"), ("/v1/encode", "latents"), ("/v1/render", "pictures"),
        ] {
            let expected = try service.post(path, reference).items(member)
            let items = try service.post(path, other).items(member)
            #expect(expected.count == 1)
            #expect(items.map(withoutReason) == expected.map(withoutReason), "\(path)")
        }
    }

    /// Layers in JSON lists have no names, so there is less evidence of the convention.
    private func withoutReason(_ item: JSONValue) -> JSONValue {
        .object(
            (item.members ?? []).compactMap { member in
                guard member.name != "notation" else { return nil }
                guard member.name == "convention" else { return member }
                return JSONMember("convention", member.value["name"] ?? .null)
            })
    }

    @Test("gives the class of a network that was stored with fewer bits", arguments: Samples.rounded)
    func rounded(_ name: String) throws {
        let expected = try service.post("/v1/classify", try Samples.bytes("net0.safetensors")).items()
        let items = try service.post("/v1/classify", try Samples.bytes(name)).items()
        #expect(items.first?["class_id"]?.int == expected.first?["class_id"]?.int)
        #expect(items.first?["class_id"]?.int != nil)
    }

    @Test("an answer has the same members in the same order")
    func shape() throws {
        let model = try Models.embedded.get()
        let answer = try service.send(
            "POST", "/v1/classify", ["X-Request-Id": "my-request.1"], try Samples.bytes("net0.pth"))
        let json = try answer.json()
        #expect(answer.field("Content-Type") == "application/json")
        #expect(json.members?.map(\.name) == ["id", "model", "predictions", "errors"])
        #expect(json["id"]?.string == "my-request.1")
        #expect(json["errors"]?.int == 0)
        #expect(json["model"]?.members?.map(\.name) == ["name", "version", "sha256"])
        #expect(json["model"]?["name"]?.string == model.name)
        #expect(json["model"]?["version"]?.string == model.version)
        #expect(json["model"]?["sha256"]?.string == model.sha256)
        let item = try #require(json["predictions"]?.array?.first)
        #expect(
            item.members?.map(\.name) == [
                "index", "class_id", "label", "score", "top_k", "agreement", "opinions", "convention", "notation",
            ])
        #expect(item["index"]?.int == 0)
        let best = try #require(item["class_id"]?.int)
        #expect(item["label"]?.string == model.labels[best])
        let top = try #require(item["top_k"]?.array)
        #expect(top.count == min(5, model.labels.count))
        #expect(top.first?.members == item.members?.filter { ["class_id", "label", "score"].contains($0.name) })
        let scores = top.compactMap { $0["score"]?.double }
        #expect(scores == scores.sorted(by: >) && scores.allSatisfy { (0...1).contains($0) })
        #expect(item["convention"]?.members?.map(\.name) == ["name", "confident", "reason"])
    }

    @Test("scores of all classes add up to one")
    func scoresAddUp() throws {
        let items = try service.post("/v1/classify?top_k=100", try Samples.bytes("net0.pth")).items()
        let scores = try #require(items.first?["top_k"]?.array).compactMap { $0["score"]?.double }
        #expect(scores.count == (try Models.embedded.get().labels.count))
        #expect(abs(scores.reduce(0, +) - 1) < 1e-5)
    }

    @Test("reads bodies under gzip, zlib and bare deflate, named or not", arguments: ["net0.pth", "net0.json"])
    func contentCodings(_ name: String) throws {
        let bytes = try Samples.bytes(name)
        let expected = try service.post("/v1/classify", bytes).items()
        let gzip = try CompressedStream.gzip.encode(bytes)
        // RFC 1952: ten bytes of header without optional parts, eight of trailer.
        let bare = Array(gzip.dropFirst(10).dropLast(8))
        let zlib = [0x78, 0x9c] + bare + adler32(bytes)
        for (coding, body) in [
            ("gzip", gzip), ("x-gzip", gzip), ("deflate", zlib), ("deflate", bare), ("identity", bytes),
            ("gzip, gzip", try CompressedStream.gzip.encode(gzip)),
        ] {
            let answer = try service.post("/v1/classify", body, ["Content-Encoding": coding])
            #expect(try answer.items() == expected, "\(coding)")
        }
        #expect(try service.post("/v1/classify", gzip).items() == expected, "a .gz file without a Content-Encoding")
    }

    /// RFC 1950, section 9.
    private func adler32(_ bytes: [UInt8]) -> [UInt8] {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            a = (a + UInt32(byte)) % 65521
            b = (b + a) % 65521
        }
        return [b >> 8, b & 255, a >> 8, a & 255].map { UInt8($0) }
    }

    @Test("an untrusted Content-Type changes nothing: the content decides")
    func contentType() throws {
        let bytes = try Samples.bytes("net0.npz")
        let expected = try service.post("/v1/classify", bytes).items()
        for type in ["application/x-www-form-urlencoded", "application/json", "text/plain; charset=utf-8"] {
            #expect(try service.post("/v1/classify", bytes, ["Content-Type": type]).items() == expected)
        }
    }
}
