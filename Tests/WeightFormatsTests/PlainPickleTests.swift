import Tensors
import Testing

@testable import WeightFormats

@Suite("Plain pickles")
struct PlainPickleTests {
    @Test("Every protocol gives the same values", arguments: 0...5)
    func protocols(version: Int) throws {
        let tree = try Fixture.tree("plain\(version).pkl")
        #expect(tree["a"] == .array(Fixture.a, .float32))
        #expect(tree["fortran"] == .array(Fixture.a, .float64))
        #expect(tree["3"]?["b"] == .list([.array(Fixture.b, .float32), .inert("None")]))
        #expect(tree["x.1"] == .number(0x1p40))
        #expect(tree["loss"] == .number(0.25))
        #expect(tree["curve"] == array([3], [0.5, 2, -1e-3]))
        #expect(tree["rows"] == array([2, 2], [1, 2.5, 3, 4]))
        #expect(tree["ragged"] == .list([array([1], [1]), array([2], [2, 3])]))
        #expect(tree["mixed"] == .list([.number(1), .text("é\n\\u"), .inert("true")]))
        #expect(tree["note"] == .text("sine"))
        #expect(tree["names"]?.error?.code == .dtype)
        #expect(tree["set"] == array([1], [1]))
        #expect(tree["frozen"] == array([1], [2]))
        #expect(tree["counter"]?["a"] == .number(2))
        #expect(tree["ordered"] == .dict([.init(key: "k", value: .number(1))]))
        #expect(tree["default"]?["k"] == array([1], [1.5]))
        for key in ["array", "bytes"] { #expect(tree[key] == .inert("bytes"), "\(key)") }
        #expect(tree["empty"]?.tensor?.shape == [0, 2])
        #expect(tree["big"] == .inert("int"))
        #expect(tree["negative"] == .number(-70_000))
        #expect(tree["none"] == .inert("None"))
        #expect(tree["large"]?.error?.detail.hasPrefix("tensor 'large': integer 33554432") == true)
        #expect(tree.keys.count == 25)
    }

    @Test("The names that NumPy 1 gives to its functions are known", arguments: [1, 2, 3])
    func olderNumPy(version: Int) throws {
        let text = String(decoding: try Fixture.bytes("plain\(version).pkl"), as: Unicode.ASCII.self)
        #expect(text.contains("numpy._core"))
        var bytes = try Fixture.bytes("plain\(version).pkl")
        let name = Array("numpy._core.".utf8)
        while let start = bytes.indices.first(where: { bytes[$0...].starts(with: name) }) {
            bytes.remove(at: start + 6)
        }
        #expect(try WeightFile.read(bytes).tree["a"] == .array(Fixture.a, .float32))
    }

    @Test("An array of objects is a list, and pickles that follow each other are one too")
    func lists() throws {
        let (a, b) = (FileTree.array(Fixture.a, .float32), FileTree.array(Fixture.b, .float32))
        #expect(try Fixture.tree("objects.pkl") == .list([a, b, .inert("None")]))
        #expect(try Fixture.tree("several.pkl") == .list([a, .dict([.init(key: "b", value: b)])]))
    }

    @Test("Arrays of JAX and dicts of Flax are read", arguments: ["jax2.pkl", "jax4.pkl"])
    func jax(name: String) throws {
        let tree = try Fixture.tree(name)
        let arrays = tree["params"] ?? tree
        #expect(arrays["a"] == .array(Fixture.a, .float32))
        #expect(arrays["b"] == .array(Fixture.b, .bfloat16))
    }

    @Test("Of equal keys the last is kept, in the place of the first")
    func equalKeys() throws {
        let pickle =
            Pickle.proto + [0x7d] + Pickle.text("a") + [0x4b, 1, 0x73] + Pickle.text("b") + [0x4b, 2, 0x73]
            + Pickle.text("a") + [0x4b, 3, 0x73] + Pickle.stop
        #expect(
            try WeightFile.read(pickle).tree
                == .dict([.init(key: "a", value: .number(3)), .init(key: "b", value: .number(2))]))
    }

    @Test("Texts and arrays that are used many times count each time")
    func repeatedValues() {
        var limits = FormatLimits()
        limits.maxTreeValues = 1000
        limits.maxInflatedBytes = 1 << 16
        let text = Pickle.text(String(repeating: "x", count: 4096)) + [0x71, 0]
        func list(_ key: UInt8, count: Int) -> [UInt8] {
            [0x5d] + (0..<count).flatMap { _ in [0x68, key, 0x61] as [UInt8] } + Pickle.stop
        }
        #expect(code { _ = try WeightFile.read(Pickle.proto + text + list(0, count: 15), limits: limits) } == nil)
        #expect(code(reading: Pickle.proto + text + list(0, count: 16), limits: limits) == .inflatedTooLarge)

        let latin1 = Pickle.global("_codecs", "encode") + Pickle.tuple(text, Pickle.text("latin1")) + [0x52, 0x71, 1]
        let type = Pickle.global("numpy", "dtype") + Pickle.tuple(Pickle.text("f4"), [0x89], [0x88]) + [0x52, 0x71, 2]
        let array =
            Pickle.global("numpy._core.multiarray", "_reconstruct") + Pickle.tuple([0x4e], [0x4e], [0x4e]) + [0x52]
            + Pickle.tuple([0x4b, 1], Pickle.tuple([0x4d, 0, 4]), [0x68, 2], [0x89], [0x68, 1]) + [0x62, 0x71, 3]
        let start = Pickle.proto + latin1 + type + array
        #expect(code { _ = try WeightFile.read(start + list(3, count: 16), limits: limits) } == nil)
        #expect(code(reading: start + list(3, count: 17), limits: limits) == .inflatedTooLarge)
    }

    @Test(
        "Arrays of NumPy whose parts do not fit are refused",
        arguments: [
            ([0x29], [0x89], [0x42, 4, 0, 0, 0, 0, 0, 0, 0], nil),
            (Pickle.tuple([0x4b, 2]), [0x89], [0x43, 4, 0, 0, 0, 0], .malformed),
            (Pickle.tuple([0x4b, 1]), [0x89], [0x43, 3, 0, 0, 0], .malformed),
            (Pickle.tuple([0x4b, 1]), [0x89], [0x4e], .malformed),
            (Pickle.tuple([0x4a, 0xff, 0xff, 0xff, 0xff]), [0x89], [0x43, 0], .malformed),
            (Pickle.tuple(Pickle.int(.max), Pickle.int(.max)), [0x88], [0x43, 0], .malformed),
            (Pickle.tuple(Pickle.int(1 << 40)), [0x88], [0x43, 0], .inflatedTooLarge),
            ([0x4e], [0x89], [0x43, 0], .malformed),
        ] as [([UInt8], [UInt8], [UInt8], FormatError.Code?)])
    func badArrays(shape: [UInt8], order: [UInt8], content: [UInt8], expected: FormatError.Code?) {
        let array =
            Pickle.global("numpy.core.multiarray", "_reconstruct") + Pickle.tuple([0x4e], [0x4e], [0x4e]) + [0x52]
        let type = Pickle.global("numpy", "dtype") + Pickle.tuple(Pickle.text("f4")) + [0x52]
        let state = Pickle.tuple([0x4b, 1], shape, type, order, content) + [0x62]
        #expect(code(reading: Pickle.dict(array + state)) == expected)
    }

    @Test("An array that contains itself exceeds the depth limit")
    func selfReference() {
        let array =
            Pickle.global("numpy.core.multiarray", "_reconstruct") + Pickle.tuple([0x4e], [0x4e], [0x4e])
            + [0x52, 0x71, 0]
        let type = Pickle.global("numpy", "dtype") + Pickle.tuple(Pickle.text("O8")) + [0x52]
        for shape in [[0x29], Pickle.tuple([0x4b, 1])] {
            let state = Pickle.tuple([0x4b, 1], shape, type, [0x89], [0x5d, 0x68, 0, 0x61]) + [0x62]
            #expect(code(reading: Pickle.dict(array + state)) == .malformed)
        }
    }

    @Test("Scalars that hold each other exceed the depth limit")
    func nestedScalars() {
        let scalar = Pickle.global("numpy.core.multiarray", "scalar")
        let type = Pickle.global("numpy", "dtype") + Pickle.tuple(Pickle.text("O8")) + [0x52]
        var value: [UInt8] = [0x4b, 1]
        for _ in 0..<100 { value = scalar + type + value + [0x86, 0x52] }
        #expect(code(reading: Pickle.dict(value)) == .malformed)
    }
}
