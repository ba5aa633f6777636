import Networks
import Tensors
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: several networks in one request")
struct BatchUploadTests {
    private let service: ServiceDriver

    init() throws { service = try ServiceDriver() }

    /// The answer to each sample by itself, under the index it would have in a batch.
    private func singles() throws -> [JSONValue] {
        try (0..<4).map { index in
            let item = try #require(
                try service.post("/v1/classify", try Samples.bytes("net\(index).safetensors")).items().first)
            return reindexed(item, index)
        }
    }

    private func reindexed(_ item: JSONValue, _ index: Int) -> JSONValue {
        .object((item.members ?? []).map { $0.name == "index" ? JSONMember("index", .number(Double(index))) : $0 })
    }

    @Test("stacked tensors, JSON inputs and files of a form are answered like the networks by themselves")
    func allWays() throws {
        let singles = try singles()
        #expect(Set(singles.map { "\($0)" }).count == 4)
        #expect(try service.post("/v1/classify", SafetensorsWriter.write(try Samples.stack())).items() == singles)
        #expect(try service.post("/v1/classify", try NPZWriter.write(try Samples.stack())).items() == singles)
        let objects = try (0..<4).map { Samples.json(try Samples.tensors($0)) }.joined(separator: ",")
        #expect(try service.post("/v1/classify", json: "{\"inputs\":[\(objects)]}").items() == singles)
        #expect(try service.post("/v1/classify", json: "[\(objects)]").items() == singles)
        var form = Form()
        for index in 0..<4 { form.add("file", file: "\(index)", try Samples.bytes("net\(index).safetensors")) }
        #expect(try service.post("/v1/classify", form.closed, Form.fields).items() == singles)
    }

    @Test("flat vectors of all parameters are cut up by the model's own sizes")
    func flat() throws {
        let singles = try singles()
        let vectors = try (0..<4).map { try Samples.network($0).flattened }
        let count = vectors[0].count
        let one = NPYWriter.write(Tensor(shape: [count], values: vectors[0]))
        let answer = try #require(try service.post("/v1/classify", one).items().first)
        // Flat parameters have no names, which are evidence of a convention, so the reason differs.
        #expect(answer["score"] == singles[0]["score"] && answer["top_k"] == singles[0]["top_k"])
        let stack = NPYWriter.write(Tensor(shape: [4, count], values: vectors.flatMap { $0 }))
        let items = try service.post("/v1/classify", stack).items()
        #expect(items.map { $0["top_k"] } == singles.map { $0["top_k"] })
        #expect(try service.post("/v1/render", one).status == 200)
        let short = NPYWriter.write(Tensor(shape: [count - 1], values: Array(vectors[0].dropLast())))
        let problem = try service.post("/v1/classify", short).problem()
        #expect(problem.status == 422 && problem.code == "shape_mismatch" && problem.detail.contains("[\(count)]"))
    }

    /// Two good networks around one whose second layer lost a column.
    private func oneBad() throws -> String {
        let good = Samples.json(try Samples.tensors(0))
        let state = try Samples.tensors(1)
        let bad = Samples.json(
            state.changing(state.secondWeight) { Tensor(zeros: [$0.shape[0], $0.shape[1] - 1]) })
        return "{\"inputs\":[\(good),\(bad),\(Samples.json(try Samples.tensors(2)))]}"
    }

    @Test("a bad network has an error in its place and the others are answered")
    func badItem() throws {
        let singles = try singles()
        let json = try service.post("/v1/classify", json: try oneBad()).json()
        #expect(json["errors"]?.int == 1)
        let items = try #require(json["predictions"]?.array)
        #expect(items.count == 3)
        #expect(items[0] == singles[0] && items[2] == singles[2])
        #expect(items[1]["index"]?.int == 1)
        #expect(items[1].members?.map(\.name) == ["index", "error"])
        #expect(items[1]["error"]?["code"]?.string == "shape_mismatch")
        let name = try Samples.tensors(1).secondWeight
        #expect(items[1]["error"]?["detail"]?.string?.contains("'\(name)'") == true)
    }

    @Test(
        "strict=1, and an array as the answer, make one bad network the request's",
        arguments: [
            "strict=1", "output=npy", "output=raw",
        ])
    func strict(_ query: String) throws {
        let problem = try service.post("/v1/classify?" + query, json: try oneBad()).problem()
        #expect(problem.status == 422 && problem.code == "shape_mismatch")
    }

    @Test("a batch of nothing but bad networks is answered, not refused")
    func allBad() throws {
        let json = try service.post("/v1/classify", json: "{\"inputs\":[{\"a.weight\":[[1]]},3]}").json()
        #expect(json["errors"]?.int == 2)
        #expect(json["predictions"]?.array?.compactMap { $0["error"]?["code"]?.string }.count == 2)
    }

    @Test("of a stack with a NaN only the network that has it fails", arguments: [Float.nan, .infinity])
    func badValue(_ value: Float) throws {
        let singles = try singles()
        let stack = try Samples.stack { networks in
            networks[2] = networks[2].changing(networks[2].secondWeight) { tensor in
                var tensor = tensor
                tensor.values[5] = value
                return tensor
            }
        }
        let json = try service.post("/v1/classify", SafetensorsWriter.write(stack)).json()
        #expect(json["errors"]?.int == 1)
        let items = try #require(json["predictions"]?.array)
        #expect([0, 1, 3].allSatisfy { items[$0] == singles[$0] })
        #expect(items[2]["error"]?["code"]?.string == "non_finite")
        #expect(items[2]["error"]?["detail"]?.string?.contains("'\(stack.secondWeight)'") == true)
        let strict = try service.post("/v1/classify?strict=1", SafetensorsWriter.write(stack)).problem()
        #expect(strict.status == 422 && strict.code == "non_finite")
        #expect(strict.detail.hasPrefix("network "), "\(strict.detail)")
    }

    @Test("files of a form fail one by one too")
    func badFile() throws {
        var form = Form()
        form.add("file", file: "legacy.pth", try Samples.bytes("net0.legacy.pth"))
        form.add("anything", file: "good.pth", try Samples.bytes("net0.pth"))
        let json = try service.post("/v1/classify", form.closed, Form.fields).json()
        #expect(json["errors"]?.int == 1)
        #expect(json["predictions"]?.array?.first?["error"]?["code"]?.string == "legacy_torch_format")
        #expect(json["predictions"]?.array?.last?["class_id"]?.int != nil)
    }

    @Test("files of a form share one limit of inflated bytes")
    func sharedLimit() throws {
        let file = try CompressedStream.gzip.encode(try Samples.bytes("net0.safetensors"))
        let service = try ServiceDriver { $0.maxBodyBytes = 16_000 }
        var form = Form()
        for index in 0..<3 { form.add("file", file: "\(index)", file) }
        let items = try service.post("/v1/classify", form.closed, Form.fields).items()
        // Three networks hold 14,220 bytes; what is left of 16,000 has no room for the fourth file.
        #expect(items.map { $0["error"]?["code"]?.string } == [nil, nil, nil])
        form.add("file", file: "3", file)
        let four = try service.post("/v1/classify", form.closed, Form.fields).items()
        #expect(four.map { $0["error"]?["code"]?.string } == [nil, nil, nil, "inflated_too_large"])
    }

    @Test("more networks than one request may hold are refused, however they come")
    func tooMany() throws {
        let service = try ServiceDriver { $0.maxNetworks = 3 }
        let stack = try service.post("/v1/classify", SafetensorsWriter.write(try Samples.stack())).problem()
        #expect(stack.status == 422 && stack.code == "batch_too_large")
        let object = Samples.json(try Samples.tensors(0))
        let list = Array(repeating: object, count: 4).joined(separator: ",")
        #expect(try service.post("/v1/classify", json: "[\(list)]").problem().code == "batch_too_large")
    }

    /// Without a limit on tensors, 3 KB of gzip could be split into 260,000 arrays of 50 MB.
    @Test("a stack of many networks of many layers is refused before it is taken apart")
    func deepStack() throws {
        func stack(_ count: Int, layers: Int) -> [UInt8] {
            SafetensorsWriter.write(
                StateDict(
                    (0..<layers).flatMap { layer in
                        [("weight", [count, 1, layer == 0 ? 2 : 1]), ("bias", [count, 1])].map { kind, shape in
                            NamedTensor(name: "\(layer).\(kind)", tensor: Tensor(zeros: shape))
                        }
                    }))
        }
        let path = "/v1/render?height=1&width=1"
        let refused = try service.post(path, stack(1024, layers: 127)).problem()
        #expect(refused.status == 422 && refused.code == "batch_too_large")
        #expect(refused.detail.contains("at most 258 networks"))
        #expect(try service.post(path, stack(250, layers: 127)).items("pictures").count == 250)
        // The files of a form share the limit.
        var form = Form()
        for name in ["a", "b"] { form.add("file", file: name, stack(150, layers: 127)) }
        let items = try service.post(path, form.closed, Form.fields).items("pictures")
        #expect(items.count == 151)
        #expect(items.last?["error"]?["code"]?.string == "batch_too_large")
    }

    /// The same for JSON: without the limit, a megabyte of text took 2 seconds.
    @Test("a JSON batch of many networks of many layers is refused, in one file or in several of a form")
    func deepBatch() throws {
        let layer = #"{"weights":[\#(Array(repeating: "[[1]]", count: 128).joined(separator: ","))],"#
        let network = layer + #""biases":[\#(Array(repeating: "[1]", count: 128).joined(separator: ","))]}"#
        func batch(_ count: Int) -> String {
            "[" + Array(repeating: network, count: count).joined(separator: ",") + "]"
        }
        #expect(try service.post("/v1/render", json: batch(257)).problem().code == "batch_too_large")
        var form = Form()
        for name in ["a", "b"] { form.add("file", file: name, Array(batch(150).utf8)) }
        let items = try service.post("/v1/render", form.closed, Form.fields).items("pictures")
        #expect(items.count == 151)
        #expect(items.last?["error"]?["code"]?.string == "batch_too_large")
    }
}
