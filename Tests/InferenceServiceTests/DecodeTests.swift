import ModelStore
import Tensors
import TestSupport
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: pictures from latents")
struct DecodeTests {
    private let service: ServiceDriver

    init() throws { service = try ServiceDriver() }

    /// The latents of the sample networks, (count, 16, 128).
    private func latents(_ count: Int = 1) throws -> Tensor {
        let answer = try service.post("/v1/encode?output=npy", SafetensorsWriter.write(try Samples.stack()))
        let all = try WeightFile.read(answer.body).stateDict().entries[0].tensor
        return Tensor(shape: [count, 16, 128], values: Array(all.values.prefix(count * 2048)))
    }

    private func pictures(_ body: [UInt8], _ query: String = "") throws -> [JSONValue] {
        try service.post("/v1/decode?\(query)", body).items("pictures")
    }

    @Test(
        "what encode answers decodes to what reconstruct answers, bit for bit, in every form",
        arguments: ["json", "base64", "npy", "npz", "safetensors"])
    func roundTrip(_ form: String) throws {
        let body = SafetensorsWriter.write(try Samples.stack())
        let encoded = try service.post("/v1/encode?output=\(form)", body)
        #expect(encoded.status == 200, "\(encoded.text.prefix(200))")
        let expected = try service.post("/v1/reconstruct", body).items("reconstructions")
        let decoded = try pictures(encoded.body)
        #expect(decoded.map { $0["data"] } == expected.map { $0["data"] })
        #expect(decoded.map { $0["shape"] } == expected.map { $0["shape"] })
        #expect(decoded.map { $0["index"]?.int } == [0, 1, 2, 3])
    }

    @Test("latents may be one array, several, or flat ones")
    func shapes() throws {
        let latents = try latents(2)
        let expected = try pictures(NPYWriter.write(latents))
        #expect(expected.count == 2)
        let forms = [[2, 2048], [2, 16, 128]].map { latents.reshaped($0) }
        for form in forms { #expect(try pictures(NPYWriter.write(form)) == expected) }
        for shape in [[16, 128], [2048], [1, 2048]] {
            let one = Tensor(shape: shape, values: Array(latents.values.prefix(2048)))
            #expect(try pictures(NPYWriter.write(one)) == [expected[0]])
        }
        let document = StateDict([NamedTensor(name: "inputs", tensor: latents)])
        #expect(try pictures(Array(Samples.json(document).utf8)) == expected)
    }

    @Test("a picture of any size is drawn, which has the model's pixels where their coordinates are the same")
    func sizes() throws {
        let body = NPYWriter.write(try latents())
        let own = try pictures(body)[0]
        let large = try pictures(body, "size=55")[0]
        #expect(large["shape"]?.array?.map(\.int) == [55, 55, 1])
        let (small, wide) = (try #require(own["data"]).numbers, try #require(large["data"]).numbers)
        // Row 0 and row 54 of 55 are rows 0 and 27 of 28; the corners are drawn by the same networks.
        for (a, b) in [(0, 0), (27, 54), (27 * 28, 54 * 55), (28 * 28 - 1, 55 * 55 - 1)] {
            #expect(abs(small[a] - wide[b]) < 1e-5)
        }
        #expect(try pictures(body, "height=3&width=5")[0]["shape"]?.array?.map(\.int) == [3, 5, 1])
        #expect(try pictures(body, "size=9&width=5")[0]["shape"]?.array?.map(\.int) == [9, 5, 1])
        let zeros = String(repeating: "[" + String(repeating: "0,", count: 127) + "0],", count: 16).dropLast()
        let document = Array("{\"latents\":[\(zeros)],\"size\":2}".utf8)
        #expect(try pictures(document)[0]["shape"]?.array?.map(\.int) == [2, 2, 1])
        #expect(try pictures(document, "size=3")[0]["shape"]?.array?.map(\.int) == [3, 3, 1], "the query comes first")
        let png = try service.post("/v1/decode?size=64&output=png", body)
        #expect(png.field("Content-Type") == "image/png" && png.body.starts(with: [0x89, 0x50]))
        let accepted = try service.post("/v1/decode", body, ["Accept": "image/png"])
        #expect(accepted.field("Content-Type") == "image/png")
    }

    @Test("a blend is the picture of the mean of two latent arrays")
    func blends() throws {
        let two = try latents(2)
        let body = NPYWriter.write(two)
        let each = try pictures(body)
        #expect(try pictures(body, "blend=0")[0]["data"] == each[0]["data"])
        #expect(try pictures(body, "blend=1")[0]["data"] == each[1]["data"])
        let mean = Tensor(
            shape: [16, 128],
            values: (0..<2048).map { Float(0.75 * Double(two.values[$0]) + 0.25 * Double(two.values[2048 + $0])) })
        #expect(try pictures(body, "blend=0.25") == (try pictures(NPYWriter.write(mean))))
        let problem = try service.post("/v1/decode?blend=0.5", NPYWriter.write(try latents())).problem()
        #expect(problem.status == 400 && problem.detail == "option 'blend': expected two latent arrays, received 1")
    }

    @Test("errors name the shape that is expected and the one received")
    func errors() throws {
        func problem(_ body: [UInt8], _ query: String = "") throws -> Problem {
            try service.post("/v1/decode?\(query)", body).problem()
        }
        let other = try problem(NPYWriter.write(Tensor(shape: [16, 127], values: .init(repeating: 0, count: 2032))))
        #expect(other.status == 422 && other.code == "shape_mismatch")
        #expect(
            other.detail == "latents: expected the shape [16, 128], or [n, 16, 128] for several, received [16, 127]")
        var values = [Float](repeating: 0, count: 2048)
        values[129] = .infinity
        let infinite = try problem(NPYWriter.write(Tensor(shape: [16, 128], values: values)))
        #expect(infinite.code == "non_finite" && infinite.detail.hasSuffix("received inf at [1, 1]"))
        #expect(try problem(Array("{\"a\":[1],\"b\":[2]}".utf8)).detail.contains("the file has 'a', 'b'"))
        #expect(try problem(Array("{\"latents\":\"x\"}".utf8)).detail.contains("received text"))
        #expect(try problem(try Samples.bytes("net0.npz")).code == "missing_tensor")
        for item in [
            "{\"shape\":[1],\"data\":\"\"}", "{\"shape\":[0],\"data\":\"\"}", "{\"shape\":[2],\"data\":\"AAAA\"}",
            "{\"shape\":[-1],\"data\":\"AAAAAA==\"}",
        ] {
            let wrong = try problem(Array("{\"latents\":[\(item)]}".utf8))
            #expect(wrong.status == 400 && wrong.detail.contains("as many float32 values as 'shape' says"))
        }
        let fine = NPYWriter.write(try latents())
        #expect(try problem(fine, "size=513").detail.contains("between 1 and 512"))
        #expect(try problem(fine, "top_k=3").detail.contains("unknown option 'top_k'; known: model, version"))
        #expect(try problem(fine, "blend=1.5").detail.contains("from 0 to 1"))
        #expect(try problem(fine, "model=other").code == "no_such_model")
    }

    @Test("an item of an answer that was not encoded has its error in its place")
    func items() throws {
        let encoded = try service.post("/v1/encode?output=base64", try Samples.bytes("net0.npz")).json()
        let item = try #require(encoded["latents"]?.array?.first)
        func text(_ value: JSONValue) -> String {
            var writer = JSONWriter()
            writer.value(value)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
        let items = try pictures(
            Array("{\"latents\":[\(text(item)),{\"index\":1,\"error\":{\"detail\":\"no network\"}}]}".utf8))
        #expect(items[0]["data"] != nil)
        #expect(items[1]["error"]?["detail"]?.string?.contains("it was not encoded: no network") == true)
    }

    @Test("pictures that take too long together are refused, and a model without a decoder does not offer them")
    func limits() throws {
        let small = try ServiceDriver({ $0.maxPictureValues = 1000 })
        let problem = try small.post("/v1/decode?size=32", NPYWriter.write(try latents())).problem()
        #expect(problem.status == 422 && problem.code == "batch_too_large")
        let untrained = try ServiceDriver(models: [try Models.embedded(named: "bare", isDecoderTrained: false)])
        #expect(
            try untrained.post("/v1/decode", NPYWriter.write(try latents())).problem().code == "no_such_operation")
    }

    @Test("it is counted as the model's")
    func metrics() throws {
        _ = try pictures(NPYWriter.write(try latents(2)))
        let model = try Models.embedded.get()
        let text = service.metrics.render()
        let labels = "model=\"\(model.name)\",version=\"\(model.version)\",outcome=\"success\""
        #expect(text.contains("weightspace_inference_requests_total{\(labels)} 2"))
    }
}
