import Foundation
import ModelStore
import Models
import Networks
import Tensors
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: forms of an answer")
struct OutputFormTests {
    private let service: ServiceDriver

    init() throws { service = try ServiceDriver() }

    private func floats(_ bytes: some Collection<UInt8>) -> [Float] {
        let bytes = Array(bytes)
        return stride(from: 0, to: bytes.count - 3, by: 4).map { start in
            Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) })
        }
    }

    @Test("latents are the same numbers as JSON, base64, .npy and raw bytes")
    func latents() throws {
        let body = SafetensorsWriter.write(try Samples.stack())
        let shape = try #require(try Models.embedded.get().shape(of: .latents))
        let json = try service.post("/v1/encode", body).items("latents")
        #expect(json.count == 4)
        let expected = json.flatMap { $0["data"]?.numbers ?? [] }
        #expect(expected.count == 4 * shape.reduce(1, *) && Set(expected).count > expected.count / 2)
        for item in json {
            #expect(item.members?.map(\.name) == ["index", "shape", "dtype", "data", "convention", "notation"])
            #expect(item["shape"]?.ints == shape)
            #expect(item["dtype"]?.string == "float32")
            #expect(item["data"]?.array?.count == shape[0])
        }
        let base64 = try service.post("/v1/encode?output=base64", body).items("latents")
        let decoded = try base64.map { item in
            try #require(item["data"]?.string.flatMap { Data(base64Encoded: $0) })
        }
        #expect(floats(decoded.joined()) == expected)
        #expect(base64.map { $0["shape"]?.ints } == json.map { $0["shape"]?.ints })

        let npy = try service.post("/v1/encode?output=npy", body)
        #expect(npy.status == 200 && npy.field("Content-Type") == "application/x-npy")
        let array = try #require(try WeightFile.read(npy.body).stateDict().entries.first?.tensor)
        #expect(array.shape == [4] + shape && array.values == expected)
        for name in ["raw", "binary"] {
            let raw = try service.post("/v1/encode?output=\(name)", body)
            #expect(raw.status == 200 && raw.field("Content-Type") == "application/octet-stream")
            #expect(floats(raw.body) == expected)
            #expect(raw.field("X-Tensor-Shape") == ([4] + shape).map(String.init).joined(separator: ","))
            #expect(raw.field("X-Tensor-Dtype") == "float32")
        }
        #expect(npy.field("X-Tensor-Shape") == ([4] + shape).map(String.init).joined(separator: ","))
    }

    @Test("the array of one network has an axis of length one for the networks")
    func singleArray() throws {
        let answer = try service.post("/v1/encode?output=raw", try Samples.bytes("net0.pth"))
        let shape = try #require(try Models.embedded.get().shape(of: .latents))
        #expect(answer.field("X-Tensor-Shape") == ([1] + shape).map(String.init).joined(separator: ","))
    }

    @Test("classification as an array gives logits, whose softmax ranks as the JSON does")
    func logits() throws {
        let body = try Samples.bytes("net1.safetensors")
        let model = try Models.embedded.get()
        let answer = try service.post("/v1/classify?output=npy", body)
        #expect(answer.field("X-Tensor-Shape") == "1,\(model.labels.count)")
        let logits = try #require(try WeightFile.read(answer.body).stateDict().entries.first?.tensor.values)
        let item = try #require(try service.post("/v1/classify", body).items().first)
        #expect(item["class_id"]?.int == logits.indices.max { logits[$0] < logits[$1] })
    }

    @Test("PNG is refused where there is no picture or several")
    func noPNG() throws {
        let single = try Samples.bytes("net0.pth")
        #expect(try service.post("/v1/classify?output=png", single).problem().code == "bad_request")
        let several = SafetensorsWriter.write(try Samples.stack())
        #expect(try service.post("/v1/render?output=png", several).problem().status == 400)
    }
}
