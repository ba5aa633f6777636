import Tensors
import Testing

@testable import WeightFormats

@Suite("PyTorch archives")
struct TorchTests {
    @Test(
        "Every pickle protocol and byte order gives the same tensors",
        arguments: ["protocol2.pth", "protocol3.pth", "protocol4.pth", "protocol5.pth", "big_endian.pth"])
    func protocols(name: String) throws {
        let state = try Fixture.state(name)
        #expect(state.names == ["a", "b"])
        #expect(state["a"] == Fixture.a)
        #expect(state["b"] == Fixture.b)
    }

    @Test("A training checkpoint keeps its nesting")
    func checkpoint() throws {
        let tree = try Fixture.tree("checkpoint.pth")
        #expect(tree.keys == ["epoch", "name", "args", "state_dict", "optimizer", "best"])
        #expect(tree["state_dict"]?["a"]?.tensor == Fixture.a)
        #expect(tree["epoch"] == .number(3))
        #expect(tree["name"] == .text("x"))
        #expect(
            tree["args"]
                == .dict([
                    .init(key: "lr", value: .number(0.1)), .init(key: "sizes", value: array([2], [1, 2])),
                    .init(key: "t", value: .list([.number(1), .inert("None"), .inert("true")])),
                ]))
        #expect(tree["optimizer"]?["state"]?["0"]?["exp_avg"]?.tensor?.shape == [2, 3])
        #expect(tree["best"] == .inert("int"))
    }

    @Test("NumPy scalars are numbers", arguments: ["numpy_scalar.pth", "numpy_scalar4.pth"])
    func numpyScalars(name: String) throws {
        let tree = try Fixture.tree(name)
        #expect(tree["weights"]?["b"]?.tensor == Fixture.b)
        #expect(tree["val_l1"] == .number(0.25))
        #expect(try Fixture.tree("numpy_scalar.pth")["step"] == .number(7))
    }

    @Test("NumPy arrays are arrays")
    func numpyArray() throws {
        #expect(
            try Fixture.tree("numpy_array.pth")["curve"] == .array(Tensor(shape: [3], values: [0, 0, 0]), .float64))
    }

    @Test("Lists and tuples of tensors are lists, and a tensor may be all there is")
    func lists() throws {
        let tree = try Fixture.tree("lists.pth")
        #expect(tree["weights"] == .list([.array(Fixture.a, .float32)]))
        #expect(tree["biases"] == .list([.array(Fixture.b, .float32)]))
        #expect(try Fixture.tree("lone_tensor.pth") == .array(Fixture.a, .float32))
    }

    @Test("What lies beside tensors is inert or unreadable")
    func company() throws {
        let tree = try Fixture.tree("company.pth")
        for (key, kind) in [
            ("size", "torch.Size"), ("device", "torch.device"), ("dtype", "torch.float16"),
            ("layout", "torch.serialization._get_layout"), ("complex", "complex"), ("text", "str"),
        ] { #expect(tree[key] == .inert(kind), "\(key)") }
        for key in ["noted", "buffer"] { #expect(tree[key] == .array(Fixture.b, .float32), "\(key)") }
        #expect(tree["array"] == .array(Fixture.b, .float64))
        #expect(tree["u16"] == .array(Tensor(shape: [2], values: [1, 65535]), .uint16))
        #expect(tree["storage"] == array([2], [1, 2]))
        #expect(tree["scalar"] == .number(0.5))
        for key in ["float8", "quantised", "sparse", "meta", "complexes", "negative"] {
            let error = tree[key]?.error
            #expect(error?.code == .dtype, "\(key)")
            #expect(error?.detail.hasPrefix("tensor '\(key)'") == true, "\(key)")
        }
        #expect(tree["a"]?.tensor == Fixture.a)
    }

    @Test("An archive may be compressed, in folders and with the files of macOS")
    func rezipped() throws {
        #expect(try Fixture.state("rezipped.pth")["a"] == Fixture.a)
    }

    @Test("Archives of one file are that file, of several a dict by name")
    func nested() throws {
        var archive = ZipWriter()
        try archive.add("nets/readme.txt", Array("text".utf8))
        try archive.add("nets/one.pth", try Fixture.bytes("protocol2.pth"))
        var file = try WeightFile.read(try archive.finish())
        #expect(file.format == .torch)
        #expect(try file.stateDict()["a"] == Fixture.a)

        try archive.add("nets/two.safetensors", try Fixture.bytes("metadata.safetensors"))
        try archive.add("nets/broken.json", Array("{".utf8))
        file = try WeightFile.read(try archive.finish())
        #expect(file.tree.keys == ["one.pth", "two.safetensors", "broken.json"])
        #expect(file.tree["two.safetensors"]?["a"]?.tensor == Fixture.a)
        #expect(file.tree["broken.json"]?.error?.code == .badJSON)
    }

    @Test("Files inside an archive that are recognised and not read are told by their names")
    func nestedRefusals() throws {
        for (name, expected) in [("net0.legacy.pth", FormatError.Code.legacyTorchFormat), ("script.pt", .unsafePickle)]
        {
            var archive = ZipWriter()
            try archive.add("readme.txt", Array("text".utf8))
            try archive.add(name, try Fixture.bytes(name))
            let bytes = try archive.finish()
            let error = #expect(throws: FormatError.self) { try WeightFile.read(bytes) }
            #expect(error?.code == expected)
            #expect(error?.detail.contains("'\(name)'") == true)
        }
    }

    @Test("Archives in archives are bounded together, and hold no further ones")
    func nestedLimits() throws {
        var limits = FormatLimits()
        limits.maxInflatedBytes = 50_000
        var archive = ZipWriter()
        for name in ["a", "b", "c"] { try archive.add("\(name).npz", try Fixture.bytes("zeros.npz")) }
        let bytes = try archive.finish()
        #expect(code { _ = try WeightFile.read(bytes, limits: limits) } == nil)
        limits.maxInflatedBytes = 40_000
        #expect(code { _ = try WeightFile.read(bytes, limits: limits) } == .inflatedTooLarge)
        var outer = ZipWriter()
        try outer.add("inner.zip", bytes)
        var outermost = ZipWriter()
        try outermost.add("outer.zip", try outer.finish())
        let nested = try outermost.finish()
        #expect(code { _ = try WeightFile.read(nested) } == .unknownFormat)
    }

    @Test("Several folders of PyTorch are a dict by name")
    func severalFolders() throws {
        var archive = ZipWriter()
        for name in ["x", "y"] {
            try archive.add("nets/\(name)/data.pkl", Pickle.tensor(shape: [3], strides: [1], offset: 0))
            try archive.add("nets/\(name)/data/0", FloatBytes.littleEndian([1, 2, 3]))
        }
        let tree = try WeightFile.read(try archive.finish()).tree
        #expect(tree.keys == ["x", "y"])
        #expect(tree["y"]?["w"] == array([3], [1, 2, 3]))
    }

    @Test("Labels and counters are arrays of integers without axes")
    func labels() throws {
        let tree = try Fixture.tree("labelled.pth")
        #expect(tree["label"] == .number(7))
        #expect(tree["count"] == .array(Tensor(shape: [], values: [3]), .int64))
        #expect(tree["flags"]?.type == .bool)
    }

    @Test("Views of all kinds are read as their own values")
    func views() throws {
        let state = try Fixture.state("views.pth")
        for name in ["view", "window", "transposed", "parameter"] { #expect(state[name] == Fixture.a, "\(name)") }
        for name in ["tail", "tied", "tied_again"] { #expect(state[name] == Fixture.b, "\(name)") }
        #expect(state["expanded"] == Tensor(shape: [2, 3], values: [1.5, 1.5, 1.5, 2.5, 2.5, 2.5]))
        #expect(state["empty"]?.shape == [0, 5])
    }

    @Test("Buffers and parameters with attributes are read")
    func moduleStates() throws {
        #expect(try Fixture.state("batch_norm.pth").names == ["weight", "bias", "running_mean", "running_var"])
        #expect(try Fixture.state("parameter_with_state.pth")["a"] == Fixture.a)
    }

    @Test(
        "Files that need code are refused",
        arguments: [
            ("module.pth", FormatError.Code.unsafePickle, "torch.nn.modules.linear.Linear"),
            ("script.pt", .unsafePickle, "TorchScript"),
            ("expanded_bomb.pth", .inflatedTooLarge, "'a'"),
            ("joblib.pkl", .unsafePickle, "numpy.savez"),
        ])
    func refused(name: String, expected: FormatError.Code, mention: String) throws {
        let bytes = try Fixture.bytes(name)
        let error = #expect(throws: FormatError.self) { try WeightFile.read(bytes) }
        #expect(error?.code == expected)
        #expect(error?.detail.contains(mention) == true, "\(error?.detail ?? "")")
    }

    @Test("Tensors in a plain pickle are read from the storages inside it", arguments: ["tensors2.pkl", "tensors.pkl"])
    func plainPickle(name: String) throws {
        let state = try Fixture.state(name)
        #expect(state["a"] == Fixture.a)
        #expect(state["b"] == Fixture.b)
    }

    @Test("A storage inside a pickle must be whole, and holds no further ones")
    func storageFiles() throws {
        let bytes = try Fixture.bytes("tensors.pkl")
        let number: [UInt8] = [0x80, 2, 0x8a, 10]
        let start = try #require(bytes.indices.first { bytes[$0...].starts(with: number) })
        var shorter = bytes
        shorter[start - 4] -= 1
        shorter.remove(at: start + 300)
        #expect(code(reading: shorter) != nil)
        let call = Pickle.global("torch.storage", "_load_from_bytes")
        let inner = number + bytes[start + 4..<start + 15] + call + Pickle.tuple([0x43, 0]) + [0x52] + Pickle.stop
        let outer = call + Pickle.tuple([0x42, UInt8(inner.count), 0, 0, 0] + inner) + [0x52]
        #expect(code(reading: Pickle.dict(outer)) == .unsafePickle)
        #expect(code(reading: try Pickle.archive(Pickle.dict(outer))) == .unsafePickle)
    }

    @Test("A data.pkl without its archive is told to need it")
    func barePickle() {
        let error = #expect(throws: FormatError.self) {
            try WeightFile.read(Pickle.tensor(shape: [1], strides: [1], offset: 0))
        }
        #expect(error?.code == .unknownFormat)
        #expect(error?.detail.contains("the whole file") == true)
    }

    @Test("An expanded tensor within the limits is read")
    func expandedWithinLimits() throws {
        let pickle = Pickle.tensor(shape: [1000, 1000], strides: [0, 0], offset: 1)
        let state = try WeightFile.read(try Pickle.archive(pickle, storage: [1, 2, 3])).stateDict()
        #expect(state["w"]?.values.count == 1_000_000)
        #expect(state["w"]?.values.allSatisfy { $0 == 2 } == true)
    }

    static let placements: [(shape: [Int], strides: [Int], offset: Int, code: FormatError.Code?)] = [
        ([3], [1], 0, nil),
        ([2], [2], 0, nil),
        ([], [], 2, nil),
        ([3, 1], [1, .max], 0, nil),
        ([0, 2], [2, 1], 3, nil),
        ([], [], 3, .malformed),
        ([3], [1], 1, .malformed),
        ([3], [2], 0, .malformed),
        ([3], [-1], 2, .malformed),
        ([-3], [1], 0, .malformed),
        ([3], [1], -1, .malformed),
        ([3], [1], .max, .malformed),
        ([2], [.max], 1, .malformed),
        ([3], [.max], 0, .malformed),
        ([2, 2], [.max, .max], 0, .malformed),
        ([3], [], 0, .malformed),
        ([3], [1, 1], 0, .malformed),
        ([.max, 2], [0, 0], 0, .malformed),
        ([.max], [0], 0, .inflatedTooLarge),
        ([0, .max], [0, 0], 0, .inflatedTooLarge),
        ([1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1], 0, .shapeMismatch),
    ]

    @Test("Offsets, shapes and strides beyond the storage are refused", arguments: placements.indices)
    func bounds(index: Int) throws {
        let view = Self.placements[index]
        let pickle = Pickle.tensor(shape: view.shape, strides: view.strides, offset: view.offset)
        let bytes = try Pickle.archive(pickle, storage: [1, 2, 3])
        #expect(code(reading: bytes) == view.code, "\(view)")
    }

    @Test("A storage of another size or without an entry is refused")
    func storages() throws {
        let pickle = Pickle.tensor(shape: [3], strides: [1], offset: 0)
        #expect(code(reading: try Pickle.archive(pickle, storage: [1, 2])) == .malformed)
        #expect(code(reading: try Pickle.archive(pickle, storage: [1, 2, 3, 4])) == .malformed)
        #expect(code(reading: try Pickle.archive(pickle, storage: [1, 2, 3], key: "1")) == .malformed)
    }

    @Test("Another byte order is refused")
    func byteOrder() throws {
        var archive = ZipWriter()
        try archive.add("x/data.pkl", Pickle.tensor(shape: [1], strides: [1], offset: 0))
        try archive.add("x/byteorder", Array("middle".utf8))
        #expect(code(reading: try archive.finish()) == .malformed)
    }
}
