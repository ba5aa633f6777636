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

    @Test(
        "Objects that hold any attributes are dicts of these, in either form that picklers write",
        arguments: [
            ("argparse", "Namespace"), ("types", "SimpleNamespace"), ("collections", "UserDict"),
            ("pytorch_lightning.utilities.parsing", "AttributeDict"),
        ])
    func namespaces(module: String, name: String) throws {
        let type = Pickle.global(module, name)
        let state = [0x7d] + Pickle.text("omega_0") + [0x4b, 30, 0x73] as [UInt8]
        let object = Pickle.global("builtins", "object")
        for make in [
            type + [0x29, 0x81], type + [0x29, 0x52],
            Pickle.global("copyreg", "_reconstructor") + Pickle.tuple(type, object, [0x4e]) + [0x52],
        ] as [[UInt8]] {
            let tree = try WeightFile.read(Pickle.dict(make + state + [0x62])).tree
            #expect(tree["w"] == .dict([.init(key: "omega_0", value: .number(30))]))
        }
        // The members of a subclass of dict, and then its attributes.
        let members = Pickle.text("a") + [0x4b, 1, 0x73] as [UInt8]
        let tree = try WeightFile.read(Pickle.dict(type + [0x29, 0x81] + members + state + [0x62])).tree
        #expect(tree["w"]?.keys == ["a", "omega_0"])
    }

    @Test("The state of a dict that is no such object is still discarded")
    func stateOfDict() throws {
        let state = [0x7d] + Pickle.text("_metadata") + [0x4b, 1, 0x73] as [UInt8]
        let dict = Pickle.global("collections", "OrderedDict") + [0x29, 0x52] + state + [0x62]
        #expect(try WeightFile.read(Pickle.dict(dict)).tree["w"] == .dict([]))
    }

    @Test("Paths, dates and exact numbers hold nothing of a network, and a deque is a list")
    func inertObjects() throws {
        for (module, name) in [
            ("pathlib", "PosixPath"), ("datetime", "datetime"), ("decimal", "Decimal"), ("uuid", "UUID"),
            ("torch.torch_version", "TorchVersion"),
        ] {
            let argument = [0x28] + Pickle.text("2.1") + [0x74] as [UInt8]
            for opcode in [0x52, 0x81] as [UInt8] {
                let value = Pickle.global(module, name) + argument + [opcode]
                #expect(try WeightFile.read(Pickle.dict(value)).tree["w"] == .inert("\(module).\(name)"))
            }
        }
        let deque = Pickle.global("collections", "deque") + [0x29, 0x52] + [0x47, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0x61]
        #expect(try WeightFile.read(Pickle.dict(deque)).tree["w"] == array([1], [1.5]))
    }

    @Test("Objects of other classes, and of no class, are refused")
    func otherObjects() {
        let types: [[UInt8]] = [
            Pickle.global("collections", "OrderedDict"), Pickle.global("torch._utils", "_rebuild_tensor_v2"),
            Pickle.global("builtins", "int"), [0x4e],
        ]
        for type in types {
            #expect(code(reading: Pickle.dict(type + [0x29, 0x81])) == .unsafePickle)
        }
        #expect(code(reading: Pickle.dict(Pickle.global("argparse", "Namespace") + [0x4e, 0x81])) == .unsafePickle)
        #expect(code(reading: Pickle.dict(Pickle.global("os", "Namespace") + [0x29, 0x81])) == .unsafePickle)
    }

    @Test("An object whose attributes are set to its own members stays within the limits")
    func growingObject() {
        var limits = FormatLimits()
        limits.maxPickleOpcodes = 10_000
        let object = Pickle.global("argparse", "Namespace") + [0x29, 0x81, 0x71, 0] + Pickle.text("a") + [0x4e, 0x73]
        let doubled = (0..<60).flatMap { _ in [0x68, 0, 0x62] as [UInt8] }
        #expect(code(reading: Pickle.dict(object + doubled), limits: limits) == .inflatedTooLarge)
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
