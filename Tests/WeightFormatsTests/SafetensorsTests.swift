import Tensors
import Testing

@testable import WeightFormats

@Suite("safetensors")
struct SafetensorsTests {
    /// A file of the given header and a number of zero bytes as data.
    static func file(_ header: String, data: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(header.utf8.count))
        return bytes + header.utf8 + [UInt8](repeating: 0, count: data)
    }

    static func entry(_ name: String, _ dtype: String, _ shape: String, _ begin: Int, _ end: Int) -> String {
        #""\#(name)":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
    }

    @Test("Metadata comes with the tensors")
    func metadata() throws {
        let state = try Fixture.state("metadata.safetensors")
        #expect(state.metadata == ["note": "café \"quoted\"", "format": "pt"])
        #expect(state["a"] == Fixture.a)
        #expect(state["b"] == Fixture.b)
    }

    @Test("Every element type converts, and integer scalars are labels")
    func types() throws {
        let file = try Fixture.read("types.safetensors")
        let state = try file.stateDict()
        #expect(!state.contains("count"))
        #expect(file.tree["count"] == .array(Tensor(shape: [], values: [12]), .int64))
        #expect(state["f64"]?.values == [0.1, -1e-3])
        #expect(state["f16"]?.values == [0.5, -65504])
        #expect(state["bf16"]?.values == [1.5, Float(bitPattern: 0xff62_0000)])
        #expect(state["i64"] == Tensor(shape: [1, 2], values: [-5, 16_777_216]))
        #expect(state["u8"]?.values == [0, 255])
        #expect(state["flag"]?.values == [1, 0])
        #expect(state["empty"]?.shape == [0, 3])
        #expect(state.entries.first { $0.name == "u8" }?.elementType == .uint8)
    }

    @Test("A well-formed file of two tensors is read")
    func wellFormed() throws {
        let header = "{\(Self.entry("x", "F32", "[2]", 0, 8)),\(Self.entry("y", "F16", "[1,1]", 8, 10))}  "
        let state = try WeightFile.read(Self.file(header, data: 10)).stateDict()
        #expect(state.names == ["x", "y"])
        #expect(state["y"]?.shape == [1, 1])
    }

    static let malformed: [(String, Int, FormatError.Code)] = [
        ("{\(entry("x", "F32", "[1]", 0, 4)),\(entry("x", "F32", "[1]", 4, 8))}", 8, .malformed),
        ("{\(entry("x", "F33", "[1]", 0, 4))}", 4, .dtype),
        ("{\(entry("x", "F8_E4M3", "[4]", 0, 4))}", 4, .dtype),
        ("{\(entry("x", "F32", "[1]", 4, 0))}", 4, .malformed),
        ("{\(entry("x", "F32", "[1]", -4, 0))}", 4, .malformed),
        ("{\(entry("x", "F32", "[2]", 0, 8))}", 4, .malformed),
        ("{\(entry("x", "F32", "[2]", 0, 4))}", 4, .malformed),
        ("{\(entry("x", "F32", "[-1,-1]", 0, 4))}", 4, .malformed),
        ("{\(entry("x", "F32", "[1.5]", 0, 4))}", 4, .malformed),
        ("{\(entry("x", "F32", "[4294967296,4294967296]", 0, 0))}", 0, .malformed),
        ("{\(entry("x", "F32", "[4503599627370496,4503599627370496,0]", 0, 0))}", 0, .malformed),
        ("{\(entry("x", "F32", "[0,4503599627370496,4503599627370496]", 0, 0))}", 0, .malformed),
        ("{\(entry("x", "F32", "[1,1,1,1,1,1,1,1,1]", 0, 4))}", 4, .shapeMismatch),
        ("{\(entry("x", "F32", "[2]", 0, 8)),\(entry("y", "F32", "[1]", 4, 8))}", 8, .malformed),
        ("{\(entry("x", "F32", "[1]", 0, 4)),\(entry("y", "F32", "[1]", 8, 12))}", 12, .malformed),
        ("{\(entry("x", "F32", "[1]", 4, 8))}", 8, .malformed),
        ("{\(entry("x", "F32", "[1]", 0, 4))}", 5, .malformed),
        (#"{"__metadata__":{"a":1}}"#, 0, .malformed),
        (#"{"__metadata__":[]}"#, 0, .malformed),
        (#"{"__metadata__":{"a":"b"}}"#, 0, .malformed),
        (#"{"x":[]}"#, 0, .malformed),
        (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4, .malformed),
        (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}"#, 4, .malformed),
        (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, 4, .malformed),
        (#"{} {}"#, 0, .malformed),
        (#"{}"#, 0, .malformed),
    ]

    @Test("Each malformed header is refused", arguments: malformed.indices)
    func malformedHeaders(index: Int) {
        let (header, data, expected) = Self.malformed[index]
        #expect(code(reading: Self.file(header, data: data)) == expected, "\(header)")
    }

    @Test("A header beyond the limit or the file is refused", arguments: [1 << 21, 100, 1 << 31] as [UInt64])
    func headerLength(length: UInt64) {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: length)
        bytes += "{".utf8
        bytes += [UInt8](repeating: 0x20, count: 64)
        #expect(code(reading: bytes) == .malformed)
    }

    @Test("An integer that float32 cannot hold is unreadable, and the error names the tensor")
    func inexactInteger() throws {
        var bytes = Self.file("{\(Self.entry("big", "I32", "[1]", 0, 4))}", data: 0)
        bytes.append(littleEndian: Int32(1 << 24 + 1))
        let error = try WeightFile.read(bytes).tree["big"]?.error
        #expect(error?.code == .dtype)
        #expect(error?.detail.contains("'big'") == true)
    }

    @Test("An element type without float32 values does not keep the others from being read")
    func otherTypes() throws {
        let header = "{\(Self.entry("x", "F8_E4M3", "[4]", 0, 4)),\(Self.entry("y", "F32", "[1]", 4, 8))}"
        let tree = try WeightFile.read(Self.file(header, data: 8)).tree
        #expect(tree["x"]?.error?.code == .dtype)
        #expect(tree["y"] == array([1], [0]))
    }

    @Test("A NaN is unreadable with its indices, unless the limits allow it")
    func nonFinite() throws {
        var bytes = Self.file("{\(Self.entry("x", "F32", "[2,2]", 0, 16))}", data: 0)
        bytes.append(floats: [1, 2, .nan, 4])
        let error = try WeightFile.read(bytes).tree["x"]?.error
        #expect(error?.code == .nonFinite)
        #expect(error?.detail.contains("[1, 0]") == true)
        #expect(try WeightFile.read(bytes, limits: .checkpoint).stateDict()["x"]?.values[2].isNaN == true)
    }

    @Test("More tensors than the limit are refused")
    func tooManyTensors() {
        var limits = FormatLimits()
        limits.maxBatchTensors = 256
        let entries = (0..<257).map { Self.entry("t\($0)", "U8", "[1]", $0, $0 + 1) }.joined(separator: ",")
        #expect(code(reading: Self.file("{\(entries)}", data: 257), limits: limits) == .batchTooLarge)
    }

    @Test("Half floats whose float32 form exceeds the limit are refused")
    func tooLargeAsFloats() {
        var limits = FormatLimits()
        limits.maxInflatedBytes = 200
        let bytes = Self.file("{\(Self.entry("x", "F16", "[60]", 0, 120))}", data: 120)
        #expect(code(reading: bytes, limits: limits) == .inflatedTooLarge)
    }

    @Test("What the writer writes, the reader reads", arguments: ["metadata.safetensors", "net0.safetensors"])
    func roundTrip(name: String) throws {
        let state = try Fixture.state(name)
        let bytes = SafetensorsWriter.write(state)
        #expect(try WeightFile.read(bytes).stateDict() == state)
        #expect(bytes[0].isMultiple(of: 8))
    }
}
