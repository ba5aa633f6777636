import Tensors
import Testing

@testable import WeightFormats

@Suite("Weights as JSON")
struct JSONWeightsTests {
    private func read(_ text: String, limits: FormatLimits = FormatLimits()) throws(FormatError) -> WeightFile {
        try WeightFile.read(Array(text.utf8), limits: limits)
    }

    @Test("Named tensors keep their order, and options are told from them by name")
    func named() throws {
        let file = try read(
            #"{"b": [1, 2], "top_k": 3, "a": [[1], [2]], "model": "m", "s": 0.5,"#
                + #""id": "x", "strict": true, "output": null}"#
        )
        let state = try file.soleNetwork()
        #expect(state.names == ["b", "a", "s"])
        #expect(state["a"] == Tensor(shape: [2, 1], values: [1, 2]))
        #expect(state["s"] == Tensor(shape: [], values: [0.5]))
        #expect(
            file.options == [
                "top_k": .number(3), "model": .string("m"), "id": .string("x"), "strict": .bool(true), "output": .null,
            ])
        #expect(!file.isBatch)
    }

    @Test("Lists of weights and biases are numbered; all other members are options")
    func lists() throws {
        let file = try read(#"{"biases": [[0]], "weights": [[[1, 2]]], "parameters": {"a": [1, "x"]}, "c": [1]}"#)
        #expect(try file.soleNetwork().names == ["weights.0", "biases.0"])
        #expect(file.options["parameters"]?["a"]?.array?.count == 2)
        #expect(file.options["c"] == .array([.number(1)]))
    }

    @Test(
        "Weights in a wrapper are read, and the wrapper is reported",
        arguments: ["state_dict", "model", "nfnet", "weights", "model_state_dict"])
    func wrappers(name: String) throws {
        let file = try read(#"{"top_k": 2, "\#(name)": {"module.w": [1], "module.b": [2], "module.label": "x"}}"#)
        #expect(file.wrapper == name)
        #expect(try file.soleNetwork().names == ["w", "b"])
        #expect(file.options == ["top_k": .number(2)])
        #expect(file.ignored == ["\(name).module.label"])
    }

    @Test("An object without tensors under a wrapper's name is an option")
    func wrapperWithoutTensors() throws {
        let file = try read(#"{"w": [1], "model": {"name": "m"}}"#)
        #expect(file.wrapper == nil)
        #expect(file.options["model"]?["name"]?.string == "m")
    }

    @Test("A wrapper holds no second wrapper")
    func nestedWrapper() {
        #expect(code(reading: #"{"model": {"state_dict": {"w": [1]}}}"#) == .malformed)
    }

    @Test("A batch mixes forms, and a faulty item fails alone")
    func batch() throws {
        let file = try read(
            """
            {"top_k": 1, "inputs": [
              {"w": [1, 2]},
              {"w": [[1], [2, 3]]},
              {"weights": [[[1]]], "biases": [[2]], "label": 7},
              {"w": ["x"]},
              5,
              {"state_dict": {"w": [1e39]}},
              {},
              {"w": [[[[[[[[[1]]]]]]]]]},
              {"state_dict": {"w": [4]}, "epoch": 3}
            ], "model": "m", "note": [1, [2]]}
            """)
        #expect(file.isBatch)
        let codes = file.networks.map { result -> FormatError.Code? in
            if case .failure(let error) = result { error.code } else { nil }
        }
        #expect(
            codes == [nil, .shapeMismatch, nil, .dtype, .malformed, .nonFinite, .malformed, .shapeMismatch, nil])
        #expect(try file.networks[2].get().names == ["weights.0", "biases.0"])
        #expect(try file.networks[8].get()["w"]?.values == [4])
        #expect(file.ignored == ["inputs[2].label", "inputs[8].epoch"])
        #expect(file.options["top_k"]?.int == 1)
        #expect(file.options["note"]?.array?.count == 2)
        if case .failure(let error) = file.networks[1] {
            #expect(error.detail.hasPrefix("inputs[1]: tensor 'w'"))
            #expect(error.detail.contains("expected 1 elements, found 2"))
        }
    }

    @Test("An array at the top level is a batch")
    func topLevelArray() throws {
        let file = try read(#"[{"w": [1]}, {"w": [2]}]"#)
        #expect(file.isBatch)
        #expect(try file.networks.map { try $0.get()["w"]?.values } == [[1], [2]])
        #expect(code { _ = try file.soleNetwork() } == .malformed)
    }

    @Test(
        "An error in the only network is the file's",
        arguments: [
            (#"{"w": [[1, 2], [3]]}"#, FormatError.Code.shapeMismatch),
            (#"{"w": [[1, 2], 3]}"#, .shapeMismatch),
            (#"{"w": [1, [2]]}"#, .shapeMismatch),
            (#"{"w": [[1], []]}"#, .shapeMismatch),
            (#"{"w": [[], [[1]]]}"#, .shapeMismatch),
            (#"{"w": [1, null]}"#, .dtype),
            (#"{"w": [true]}"#, .dtype),
            (#"{"w": ["1"]}"#, .dtype),
            (#"{"w": [{}]}"#, .dtype),
            (#"{"w": [1e39]}"#, .nonFinite),
            (#"{"w": [-1e400]}"#, .nonFinite),
            (#"{"w": [NaN]}"#, .badJSON),
            (#"{"w": [1, Infinity]}"#, .badJSON),
            (#"{"w": [1], "w": [2]}"#, .badJSON),
            (#"{"w": [1]} x"#, .badJSON),
            (#"{"w": [1}"#, .badJSON),
            (#"{"w": [01]}"#, .badJSON),
            ("{\"w\": [1,\u{1}2]}", .badJSON),
            (#"{"w": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}"#, .badJSON),
            (#"{"inputs": [{"w": [1]}, {"w": [1], "w": [1]}]}"#, .badJSON),
            (#"{"inputs": [{"w": [1]}], "weights": [[1]]}"#, .malformed),
            (#"{"inputs": []}"#, .malformed),
            ("[]", .malformed), ("{}", .malformed), (#"{"top_k": 1}"#, .malformed),
            (#"{"a": "x"}"#, .malformed),
        ])
    func faults(text: String, expected: FormatError.Code) {
        #expect(code { _ = try read(text) } == expected)
    }

    @Test("Empty arrays have shapes", arguments: [("[]", [0]), ("[[], []]", [2, 0]), ("[[[]]]", [1, 1, 0])])
    func emptyArrays(text: String, shape: [Int]) throws {
        #expect(try read(#"{"w": \#(text)}"#).soleNetwork()["w"]?.shape == shape)
    }

    @Test("Whitespace of all kinds may stand between tokens")
    func whitespace() throws {
        let file = try read("\u{feff}\t{ \"w\"\r\n:\t[ [ 1 ,2\n, 3 ] , [4,\r5,6]\n] }\n")
        #expect(try file.soleNetwork()["w"] == Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5, 6]))
    }

    @Test("Whole numbers beyond 2^53 are read as floats")
    func largeIntegers() throws {
        #expect(try read(#"{"w": [123456789012345678901234567890]}"#).soleNetwork()["w"]?.values == [1.2345679e29])
    }

    @Test("Tensors, numbers and networks are limited")
    func limits() {
        var limits = FormatLimits()
        limits.maxTensors = 2
        limits.maxNetworks = 2
        limits.maxInflatedBytes = 120
        #expect(code { _ = try read(#"{"a":[1],"b":[1],"c":[1]}"#, limits: limits) } == .unexpectedTensor)
        #expect(code { _ = try read(#"{"weights":[[1],[1],[1]]}"#, limits: limits) } == .unexpectedTensor)
        #expect(code { _ = try read(#"[{"a":[1]},{"a":[1]},{"a":[1]}]"#, limits: limits) } == .batchTooLarge)
        limits.maxBatchTensors = 3
        #expect(code { _ = try read(#"[{"a":[1],"b":[1]},{"a":[1]}]"#, limits: limits) } == nil)
        #expect(code { _ = try read(#"[{"a":[1],"b":[1]},{"a":[1],"b":[1]}]"#, limits: limits) } == .batchTooLarge)
        let numbers = Array(repeating: "1", count: 31).joined(separator: ",")
        #expect(code { _ = try read(#"{"a":[\#(numbers)]}"#, limits: limits) } == .inflatedTooLarge)
        let halves = Array(repeating: "1", count: 16).joined(separator: ",")
        #expect(code { _ = try read(#"[{"a":[\#(halves)]},{"a":[\#(halves)]}]"#, limits: limits) } == .inflatedTooLarge)
    }
}
