import Testing

@testable import WeightFormats

@Suite("JSON values")
struct JSONScannerTests {
    private func parse(_ text: String) throws(FormatError) -> JSONValue { try JSONValue.parse(Array(text.utf8)) }

    @Test("A document becomes a tree with ordered members")
    func tree() throws {
        let value = try parse(#" {"b": [1, -2.5e3, true, false, null], "a": {"": "x\n\u00e9\ud83d\ude00/\/"}} "#)
        #expect(
            value
                == .object([
                    JSONMember("b", .array([.number(1), .number(-2500), .bool(true), .bool(false), .null])),
                    JSONMember("a", .object([JSONMember("", .string("x\né😀//"))])),
                ]))
        #expect(value["b"]?.array?.count == 5)
        #expect(value["a"]?[""]?.string == "x\né😀//")
        #expect(value["c"] == nil)
    }

    @Test("Accessors return nil for values of other kinds")
    func accessors() throws {
        #expect(try parse("3").int == 3)
        #expect(try parse("3.5").int == nil)
        #expect(try parse("9007199254740992").int == nil)
        #expect(try parse("-9007199254740991").int == -9_007_199_254_740_991)
        #expect(try parse("1e300").int == nil)
        #expect(try parse("[1,2]").ints == [1, 2])
        #expect(try parse("[1,2.5]").ints == nil)
        #expect(try parse("[\"a\"]").strings == ["a"])
        #expect(try parse("\"3\"").int == nil)
        #expect(try parse("null").isNull)
        #expect(try parse("true").bool == true)
    }

    @Test(
        "Syntax errors are refused",
        arguments: [
            "", " ", "{", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
            "{'a':1}", "{\"a\":1 \"b\":2}", "1 2", "[] x", "tru", "truex", "nul", "True", "NaN", "[NaN]", "Infinity",
            "-Infinity", "-", "+1", "01", "-01", "1.", ".5", "1.e3", "1e", "1e+", "0x10", "1_000", "--1", "1e999",
            "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "\"\u{0}\"", "// x\n1", "[1]]",
            "{\"a\":1,\"a\":2}", #"{"a":1,"\u0061":2}"#, "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
            "\"\\ud800\\ud800\"", "\u{feff}", "1\u{a0}", "[1\u{c}]",
        ])
    func faults(text: String) {
        #expect(code { _ = try parse(text) } == .badJSON)
    }

    @Test(
        "Bytes that are not UTF-8 are refused",
        arguments: [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80]] as [[UInt8]])
    func encodings(bytes: [UInt8]) {
        #expect(code { _ = try JSONValue.parse([0x22] + bytes + [0x22]) } == .badJSON)
        #expect(code { _ = try JSONValue.parse([0x22] + "\\n".utf8 + bytes + [0x22]) } == .badJSON)
    }

    @Test("Errors state the position in bytes")
    func offsets() {
        let error = #expect(throws: FormatError.self) { try parse("[1, 2, x]") }
        #expect(error?.detail.contains("byte 7") == true)
        #expect(error?.detail.contains("'x'") == true)
    }

    @Test("Nesting is limited, however it continues")
    func depth() throws {
        let limit = FormatLimits().maxJSONDepth
        #expect(try parse(String(repeating: "[", count: limit) + String(repeating: "]", count: limit)).array != nil)
        #expect(code { _ = try parse(String(repeating: "[", count: limit + 1)) } == .badJSON)
        #expect(code { _ = try parse(String(repeating: "[", count: 100_000)) } == .badJSON)
        #expect(code { _ = try parse(String(repeating: "{\"a\":", count: 100_000)) } == .badJSON)
    }

    @Test("Values and members are limited in number")
    func counts() {
        var limits = FormatLimits()
        limits.maxJSONValues = 4
        #expect(code { _ = try JSONValue.parse(Array("[1,2,3]".utf8), limits: limits) } == nil)
        #expect(code { _ = try JSONValue.parse(Array("[1,2,3,4]".utf8), limits: limits) } == .badJSON)
    }
}

@Suite("JSON numbers")
struct JSONNumberTests {
    private func number(_ text: String) throws -> Double {
        var scanner = JSONScanner(Array(text.utf8))
        let value = try scanner.readNumber()
        try scanner.finish()
        return value
    }

    @Test(
        "Hard cases round to the nearest double",
        arguments: [
            "0", "-0", "0.0", "1", "-1", "0.1", "123456789012345678", "9007199254740993", "9007199254740992.5",
            "9007199254740993.0000000001", "18446744073709551615", "18446744073709551616", "1e22", "1e23", "1e27",
            "9999999999999999999e27", "9999999999999999999e-27", "1e-27", "1e28", "1e-28", "5e-324", "2e-324",
            "2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623157e308", "1e308", "1e400", "-1e400",
            "1e-400", "0e999999999999", "0.000000000000000000000000000000001", "100000000000000000000000000000000",
            "8.41e21", "9.5367431640625e-7", "0.00012025115574942902", "1.00000000000000011102230246251565",
            "1.00000000000000011102230246251566", "0.500000000000000166533453693773481063544750213623046875",
            "6929495644600919.5", "3.0e-5", "1E5", "1e+5", "7.2057594037927933e16", "4503599627370496.5",
            "4503599627370497.5", "0.3e1", "123e-2",
        ])
    func hardCases(text: String) throws {
        let expected = try #require(Double(text))
        let value = try number(text)
        #expect(value.bitPattern == expected.bitPattern)
    }

    @Test("Random decimals agree with the standard library to the last bit")
    func randomDecimals() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<4000 {
            let digits = Int.random(in: 1...19, using: &generator)
            var mantissa = UInt64.random(in: .min ... .max, using: &generator)
            for _ in digits..<20 { mantissa /= 10 }
            let text = "\(mantissa)e\(Int.random(in: -30...30, using: &generator))"
            #expect(try number(text) == Double(text), "\(text)")
        }
    }

    @Test("Printed floats and doubles come back bit for bit")
    func printedFloats() throws {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<4000 {
            let float = Float(bitPattern: UInt32.random(in: .min ... .max, using: &generator))
            guard float.isFinite else { continue }
            // Python prints a float32 as the double that it widens to.
            let widened = Double(float).description
            #expect(Float(try number(widened)).bitPattern == float.bitPattern, "\(widened)")
            let short = float.description
            #expect(Float(try number(short)) == Float(short), "\(short)")
            let ordinary = Double(Float.random(in: -1...1, using: &generator))
            #expect(try number(ordinary.description) == ordinary)
        }
    }

    @Test("Numbers of more than 1100 characters are refused")
    func length() {
        #expect(code { _ = try number("0." + String(repeating: "1", count: 2000)) } == .badJSON)
        #expect(code { _ = try number("0." + String(repeating: "1", count: 900)) } == nil)
    }
}
