import OpenInference
import Testing
import WeightFormats

@Suite("Open Inference Protocol: responses")
struct InferResponseTests {
    private func response(_ outputs: [InferResponse.Output]) -> InferResponse {
        InferResponse(modelName: "m", modelVersion: "2", id: "a", outputs: outputs)
    }

    @Test("values are written flat, with their shape beside them")
    func json() throws {
        let (body, length) = try #require(
            response([
                .init(name: "x", shape: [1, 2], values: .floats([0.5, -1]), isBinary: false),
                .init(name: "c", shape: [1], values: .integers([7]), isBinary: false),
                .init(name: "l", shape: [1], values: .texts(["Bag"]), isBinary: false),
            ]).encoded())
        #expect(length == nil)
        let document = try JSONValue.parse(body)
        #expect(document["model_name"]?.string == "m" && document["model_version"]?.string == "2")
        #expect(document["id"]?.string == "a")
        let outputs = try #require(document["outputs"]?.array)
        #expect(outputs.map { $0["datatype"]?.string } == ["FP32", "INT64", "BYTES"])
        #expect(outputs[0]["shape"]?.ints == [1, 2] && outputs[0]["data"]?.array?.map(\.double) == [0.5, -1])
        #expect(outputs[1]["data"]?.ints == [7] && outputs[2]["data"]?.strings == ["Bag"])
    }

    @Test("bytes follow the document in the outputs' order")
    func binary() throws {
        let (body, length) = try #require(
            response([
                .init(name: "l", shape: [2], values: .texts(["é", ""]), isBinary: true),
                .init(name: "x", shape: [1], values: .floats([1]), isBinary: false),
                .init(name: "c", shape: [1], values: .integers([-2]), isBinary: true),
            ]).encoded())
        let document = try JSONValue.parse(Array(body[..<(try #require(length))]))
        let sizes = document["outputs"]?.array?.map { $0["parameters"]?["binary_data_size"]?.int }
        #expect(sizes == [10, nil, 8])
        let tail = Array(body[(length ?? 0)...])
        #expect(tail == [2, 0, 0, 0, 0xc3, 0xa9, 0, 0, 0, 0] + [0xfe] + [UInt8](repeating: 0xff, count: 7))
    }

    @Test("a value that is not finite cannot be written as JSON, but as bytes")
    func nonFinite() {
        func output(_ isBinary: Bool) -> InferResponse {
            response([.init(name: "x", shape: [1], values: .floats([.nan]), isBinary: isBinary)])
        }
        #expect(output(false).encoded() == nil)
        #expect(output(true).encoded() != nil)
    }
}
