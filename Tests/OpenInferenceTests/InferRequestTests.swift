import OpenInference
import Tensors
import Testing
import WeightFormats

@Suite("Open Inference Protocol: requests")
struct InferRequestTests {
    private let limits = FormatLimits()

    private func read(
        _ document: String, _ binary: [UInt8] = [], length: String? = nil, limits: FormatLimits? = nil
    ) throws(FormatError) -> InferRequest {
        try InferRequest(
            Array(document.utf8) + binary, documentLength: length, rawInput: ("weights", 4),
            limits: limits ?? self.limits)
    }

    private func fault(
        _ document: String, _ binary: [UInt8] = [], length: String? = nil, limits: FormatLimits? = nil
    ) -> FormatError? {
        do throws(FormatError) {
            _ = try read(document, binary, length: length, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    private func little(_ values: [Float]) -> [UInt8] { FloatBytes.littleEndian(values) }

    @Test("data may be flat or nested, and members come in any order")
    func json() throws {
        let flat = try read(
            #"{"id":"a","inputs":[{"data":[1,2,3,4],"datatype":"FP32","shape":[2,2],"name":"x"}],"model_name":"m"}"#)
        let nested = try read(#"{"inputs":[{"name":"x","shape":[2,2],"datatype":"FP64","data":[[1,2],[3,4]]}]}"#)
        #expect(flat.id == "a" && nested.id == nil && flat.outputs == nil)
        #expect(flat.inputs["x"] == Tensor(shape: [2, 2], values: [1, 2, 3, 4]))
        #expect(nested.inputs["x"] == flat.inputs["x"])
        #expect(nested.inputs.entries[0].elementType == .float64)
    }

    @Test("a member that is null is absent")
    func nulls() throws {
        let request = try read(
            #"""
            {"id":null,"parameters":null,"outputs":null,"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1],
            "parameters":null,"extra":null}]}
            """#)
        #expect(request.id == nil && request.outputs == nil && request.inputs["x"]?.values == [1])
        let outputs = try read(
            #"""
            {"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1],"parameters":{"binary_data_size":null}}],
            "outputs":[{"name":"logits","parameters":null},{"name":"label","parameters":{"classification":null}}],
            "parameters":{"timeout":null}}
            """#)
        #expect(outputs.outputs?.map(\.classCount) == [nil, nil] && outputs.parameters["timeout"] == nil)
        #expect(fault(#"{"inputs":null}"#)?.detail.contains("'inputs'") == true)
        #expect(fault(#"{"inputs":[{"name":"x","shape":[1],"datatype":null,"data":[1]}]}"#)?.code == .malformed)
        #expect(fault(#"{"inputs":[null]}"#) != nil)
    }

    @Test("bytes follow the document in the order of the inputs that announce them")
    func binary() throws {
        let document = #"""
            {"inputs":[{"name":"a","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}},
            {"name":"b","shape":[1],"datatype":"FP32","data":[7]},
            {"name":"c","shape":[1,2],"datatype":"BF16","parameters":{"binary_data_size":4}}],
            "parameters":{"binary_data_output":true,"timeout":50}}
            """#
        let request = try read(
            document, little([1.5, -2]) + [0x80, 0x3f, 0x00, 0xc0], length: String(document.utf8.count))
        #expect(request.inputs["a"]?.values == [1.5, -2])
        #expect(request.inputs["b"]?.values == [7])
        #expect(request.inputs["c"] == Tensor(shape: [1, 2], values: [1, -2]))
        #expect(request.prefersBinary && request.parameters["timeout"]?.int == 50)
    }

    @Test("outputs have parameters of their own")
    func outputs() throws {
        let request = try read(
            #"""
            {"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}],
            "outputs":[{"name":"logits","parameters":{"classification":3}},{"name":"label","parameters":{"binary_data":false}}]}
            """#)
        #expect(request.outputs?.map(\.name) == ["logits", "label"])
        #expect(request.outputs?.map(\.classCount) == [3, nil])
        #expect(request.outputs?.map(\.isBinary) == [nil, false])
    }

    @Test("a body without a document is one input, cut into networks")
    func raw() throws {
        let request = try InferRequest(
            little([1, 2, 3, 4, 5, 6, 7, 8]), documentLength: "0", rawInput: ("weights", 4), limits: limits)
        #expect(request.inputs["weights"] == Tensor(shape: [2, 4], values: [1, 2, 3, 4, 5, 6, 7, 8]))
        #expect(request.prefersBinary)
        let odd = try InferRequest(
            little([1, 2, 3]), documentLength: "0", rawInput: ("weights", 4), limits: limits)
        #expect(odd.inputs["weights"]?.shape == [1, 3])
    }

    @Test(
        "what does not fit is refused with the input's name",
        arguments: [
            (#"{}"#, FormatError.Code.malformed, "'inputs'"),
            (#"{"inputs":[]}"#, .malformed, "'inputs'"),
            (#"{"inputs":[{"name":"x","shape":[1],"data":[1]}]}"#, .malformed, "'datatype'"),
            (#"{"inputs":[{"name":"x","shape":[1],"datatype":"FP32"}]}"#, .malformed, "found neither"),
            (#"{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":[1]}]}"#, .shapeMismatch, "'x'"),
            (#"{"inputs":[{"name":"x","shape":[2,1],"datatype":"FP32","data":[[1,2]]}]}"#, .shapeMismatch, "'x'"),
            (#"{"inputs":[{"name":"x","shape":[-1],"datatype":"FP32","data":[1]}]}"#, .malformed, "'shape'"),
            (#"{"inputs":[{"name":"x","shape":[1.5],"datatype":"FP32","data":[1]}]}"#, .malformed, "'shape'"),
            (#"{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["a"]}]}"#, .dtype, "a string"),
            (#"{"inputs":[{"name":"x","shape":[0],"datatype":"FP8","data":[]}]}"#, .dtype, "FP8"),
            (
                #"{"inputs":[{"name":"x","shape":[4294967296,4294967296,4294967296],"datatype":"FP32","data":[1]}]}"#,
                .inflatedTooLarge, "'x'"
            ),
            (
                #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]},{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]}"#,
                .malformed, "twice"
            ),
            (
                #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}],"outputs":[{"name":"a"},{"name":"a"}]}"#,
                .malformed, "twice"
            ),
            (
                #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1],"parameters":{"binary_data_size":4}}]}"#,
                .malformed, "found both"
            ),
            (
                #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}],"outputs":[{"name":"a","parameters":{"classification":0}}]}"#,
                .malformed, "classification"
            ),
        ])
    func refusals(_ document: String, _ code: FormatError.Code, _ words: String) throws {
        let error = try #require(fault(document))
        #expect(error.code == code && error.detail.contains(words), "\(error)")
    }

    @Test(
        "an impossible document length is refused",
        arguments: ["-1", "+5", "", "9999", "0x10", "99999999999999999999"])
    func badLength(_ length: String) throws {
        let error = try #require(fault("{}", length: length))
        #expect(error.code == .malformed && error.detail.contains("Inference-Header-Content-Length"))
    }

    @Test("bytes that are missing, left over or of another size are refused")
    func badBinary() throws {
        let document = #"{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}}]}"#
        let length = String(document.utf8.count)
        #expect(fault(document, little([1]), length: length)?.detail.contains("'x'") == true)
        #expect(fault(document, little([1, 2, 3]), length: length)?.detail.contains("follow") == true)
        let wrong = document.replacing("size\":8", with: "size\":4")
        #expect(fault(wrong, little([1]), length: length)?.code == .shapeMismatch)
        let huge = document.replacing("[2]", with: "[1073741824]").replacing("size\":8", with: "size\":4294967296")
        #expect(fault(huge, [], length: String(huge.utf8.count))?.code == .inflatedTooLarge)
    }

    @Test("numbers beyond the limit are refused before they are stored")
    func tooMany() throws {
        var small = limits
        small.maxInflatedBytes = 16
        let document = #"{"inputs":[{"name":"x","shape":[5],"datatype":"FP32","data":[1,2,3,4,5]}]}"#
        #expect(fault(document, limits: small)?.code == .inflatedTooLarge)
    }
}
