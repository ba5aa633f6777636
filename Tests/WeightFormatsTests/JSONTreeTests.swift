import Tensors
import Testing

@testable import WeightFormats

@Suite("JSON documents")
struct JSONTreeTests {
    @Test("Objects keep their order, and each kind of value is told from the others")
    func kinds() throws {
        let value = try tree(
            #"{"b": [1, 2], "a": [[1], [2]], "text": "é\n", "n": 0.5, "yes": true, "no": false, "none": null, "o": {}}"#
        )
        #expect(
            value
                == .dict([
                    .init(key: "b", value: array([2], [1, 2])), .init(key: "a", value: array([2, 1], [1, 2])),
                    .init(key: "text", value: .text("é\n")), .init(key: "n", value: .number(0.5)),
                    .init(key: "yes", value: .inert("true")), .init(key: "no", value: .inert("false")),
                    .init(key: "none", value: .inert("null")), .init(key: "o", value: .dict([])),
                ]))
    }

    static let arrays: [(String, FileTree)] = [
        ("[1]", array([1], [1])),
        ("[[1, 2], [3, 4]]", array([2, 2], [1, 2, 3, 4])),
        ("[[[1, 2]], [[3, 4]]]", array([2, 1, 2], [1, 2, 3, 4])),
        ("[[1, 2], [3]]", .list([array([2], [1, 2]), array([1], [3])])),
        ("[[[1, 2], [3, 4]], [5, 6]]", .list([array([2, 2], [1, 2, 3, 4]), array([2], [5, 6])])),
        ("[1, [2]]", .list([.number(1), array([1], [2])])),
        ("[[1], 2]", .list([array([1], [1]), .number(2)])),
        ("[1, \"x\", true]", .list([.number(1), .text("x"), .inert("true")])),
        ("[{\"w\": [1]}, {}]", .list([.dict([.init(key: "w", value: array([1], [1]))]), .dict([])])),
        ("[]", .list([])), ("[[], []]", .list([.list([]), .list([])])),
        ("[[1], []]", .list([array([1], [1]), .list([])])), ("[[], [1]]", .list([.list([]), array([1], [1])])),
        ("\"x\"", .text("x")),
    ]

    @Test("Numbers that JSON does not have are read where they stand alone as a member, and nowhere else")
    func nonFinite() throws {
        let value = try tree(#"{"loss": NaN, "best": Infinity,"least": -Infinity , "w": [1]}"#)
        guard case .number(let loss)? = value["loss"] else {
            Issue.record("loss is no number")
            return
        }
        #expect(loss.isNaN)
        #expect(value["best"] == .number(.infinity) && value["least"] == .number(-.infinity))
        #expect(value["w"] == array([1], [1]))
        for text in ["[NaN]", "[1, NaN]", "[[1], Infinity]", #"{"a": Nan}"#, #"{"a": -Inf}"#, #"{"a": NaN1}"#] {
            #expect(code { _ = try tree(text) } == .badJSON, "\(text)")
        }
    }

    @Test("Rectangular arrays of numbers are arrays, all others lists", arguments: arrays.indices)
    func arrayForms(index: Int) throws {
        let (text, expected) = Self.arrays[index]
        #expect(try tree(#"{"w": \#(text)}"#)["w"] == expected)
        if text.hasPrefix("[") { #expect(try tree(text) == expected) }
    }

    @Test("However often arrays are read again, they are the same")
    func readAgain() throws {
        // Each level ends with a text, which is found only after all numbers before it.
        let inner = "[[1, 2], [3, 4]]"
        let text = (0..<7).reduce(inner) { nested, level in "[\(nested), \"\(level)\"]" }
        var value = try tree(text)
        for level in (0..<7).reversed() {
            #expect(value[1] == .text("\(level)"))
            value = try #require(value[0])
        }
        #expect(value == array([2, 2], [1, 2, 3, 4]))
    }

    @Test("Deep and large arrays are read in linear time, as those without a way back are")
    func linearTime() throws {
        let numbers = "[" + Array(repeating: "1.5", count: 20_000).joined(separator: ",") + "]"
        let text = (0..<7).reduce(numbers) { nested, _ in "[\(nested), 0]" }
        var value = try tree(text)
        for _ in 0..<7 { value = try #require(value[0]) }
        #expect(value.tensor?.shape == [20_000])
    }

    @Test(
        "Values that are not finite are unreadable where the limits require it",
        arguments: ["[1e39]", "[-1e400]", "[1, null]", "[[1, 2], [3, 1e39]]"])
    func nonFinite(text: String) throws {
        let value = try tree(#"{"net": {"w": \#(text)}}"#)["net"]?["w"]
        #expect(value?.error?.code == .nonFinite)
        #expect(value?.error?.detail.hasPrefix("tensor 'net.w': ") == true)
    }

    @Test("A number alone may have any size", arguments: [("1e400", Double.infinity), ("-3", -3), ("1e39", 1e39)])
    func numbers(text: String, value: Double) throws {
        #expect(try tree(#"{"x": \#(text)}"#)["x"] == .number(value))
    }

    @Test(
        "Faults of syntax are the document's",
        arguments: [
            #"{"w": [NaN]}"#, #"{"w": [1, Infinity]}"#, #"{"w": [1], "w": [2]}"#, #"{"w": [1]} x"#, #"{"w": [1}"#,
            #"{"w": [01]}"#, "{\"w\": [1,\u{1}2]}", "[[1, 2], [3}", "[1, [2", #"[1, {"w": ]}"#,
            #"{"w": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}"#, #"{"inputs": [{"w": [1]}, {"w": [1], "w": [1]}]}"#,
        ])
    func syntax(text: String) {
        #expect(code { _ = try tree(text) } == .badJSON)
    }

    @Test("Whitespace of all kinds may stand between tokens")
    func whitespace() throws {
        let value = try tree("\u{feff}\t{ \"w\"\r\n:\t[ [ 1 ,2\n, 3 ] , [4,\r5,6]\n] }\n")
        #expect(value["w"] == array([2, 3], [1, 2, 3, 4, 5, 6]))
    }

    @Test("Whole numbers beyond 2^53 are read as floats")
    func largeIntegers() throws {
        #expect(try tree(#"{"w": [123456789012345678901234567890]}"#)["w"] == array([1], [1.2345679e29]))
    }

    @Test("More axes than the limit are a list")
    func axes() throws {
        #expect(try tree("[[[[[[[[1]]]]]]]]").tensor?.rank == 8)
        #expect(try tree("[[[[[[[[[1]]]]]]]]]").tensor == nil)
    }

    @Test("Arrays, numbers and values are limited")
    func limits() {
        var limits = FormatLimits()
        limits.maxBatchTensors = 3
        #expect(code { _ = try tree(#"[{"a":[1],"b":[1]},{"a":[1]}]"#, limits: limits) } == nil)
        #expect(code { _ = try tree(#"[{"a":[1],"b":[1]},{"a":[1],"b":[1]}]"#, limits: limits) } == .batchTooLarge)
        limits.maxTreeValues = 6
        #expect(code { _ = try tree(#"{"a":"","b":{"c":"","d":[1,2,3,4,5,6,7]}}"#, limits: limits) } == nil)
        #expect(code { _ = try tree(#"{"a":"","b":{"c":"","d":["","",""]}}"#, limits: limits) } == .inflatedTooLarge)
        limits.maxInflatedBytes = 120
        let numbers = Array(repeating: "1", count: 31).joined(separator: ",")
        #expect(code { _ = try tree(#"{"a":[\#(numbers)]}"#, limits: limits) } == .inflatedTooLarge)
        let halves = Array(repeating: "1", count: 16).joined(separator: ",")
        #expect(code { _ = try tree(#"[{"a":[\#(halves)]},{"a":[\#(halves)]}]"#, limits: limits) } == .inflatedTooLarge)
    }

    @Test("A key longer than the limit is refused with its length")
    func longKey() throws {
        let text = "{\"\(String(repeating: "k", count: 1025))\":[1,2]}"
        let error = try #require(throws: FormatError.self) { try WeightFile.read(Array(text.utf8)) }
        #expect(error.code == .malformed && error.detail.contains("1025 bytes"))
    }
}
