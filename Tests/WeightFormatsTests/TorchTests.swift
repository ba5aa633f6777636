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

    @Test("A training checkpoint gives its state_dict and ignores the rest")
    func checkpoint() throws {
        let file = try Fixture.read("checkpoint.pth")
        #expect(file.wrapper == "state_dict")
        #expect(try file.soleNetwork()["a"] == Fixture.a)
        #expect(file.ignored == ["epoch", "name", "args", "optimizer", "best"])
    }

    @Test("NumPy scalars beside the weights are ignored", arguments: ["numpy_scalar.pth", "numpy_scalar4.pth"])
    func numpyScalars(name: String) throws {
        let file = try Fixture.read(name)
        #expect(file.wrapper == "weights")
        #expect(try file.soleNetwork()["b"] == Fixture.b)
        #expect(file.ignored.contains("val_l1"))
    }

    @Test("Lists of tensors are numbered")
    func lists() throws {
        let state = try Fixture.state("lists.pth")
        #expect(state.names == ["weights.0", "biases.0"])
        #expect(state["biases.0"] == Fixture.b)
    }

    @Test("Prefixes of wrapped models are removed")
    func prefixes() throws {
        #expect(try Fixture.state("prefixed.pth").names == ["a", "b"])
    }

    @Test("Labels and counters beside the tensors are ignored, arrays of booleans are not")
    func labels() throws {
        let file = try Fixture.read("labelled.pth")
        #expect(try file.soleNetwork().names == ["a", "b", "flags"])
        #expect(file.ignored == ["label", "name", "count"])
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
        let file = try Fixture.read("batch_norm.pth")
        #expect(try file.soleNetwork().names == ["weight", "bias", "running_mean", "running_var"])
        #expect(file.ignored == ["num_batches_tracked"])
        #expect(try Fixture.state("parameter_with_state.pth")["a"] == Fixture.a)
    }

    @Test(
        "Files that need code or hold no weights are refused",
        arguments: [
            ("module.pth", FormatError.Code.unsafePickle, "torch.nn.modules.linear.Linear"),
            ("script.pt", .unsafePickle, "TorchScript"),
            ("numpy_array.pth", .unsafePickle, "numpy._core.multiarray._reconstruct"),
            ("complex.pth", .dtype, "torch.ComplexFloatStorage"),
            ("lone_tensor.pth", .malformed, "a tensor"),
            ("expanded_bomb.pth", .inflatedTooLarge, "'a'"),
        ])
    func refused(name: String, expected: FormatError.Code, mention: String) throws {
        let bytes = try Fixture.bytes(name)
        let error = #expect(throws: FormatError.self) { try WeightFile.read(bytes) }
        #expect(error?.code == expected)
        #expect(error?.detail.contains(mention) == true, "\(error?.detail ?? "")")
    }

    @Test("An expanded tensor within the limits is read")
    func expandedWithinLimits() throws {
        let pickle = Pickle.tensor(shape: [1000, 1000], strides: [0, 0], offset: 1)
        let state = try WeightFile.read(try Pickle.archive(pickle, storage: [1, 2, 3])).soleNetwork()
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

    @Test("Compressed entries, other byte orders and second pickles are refused")
    func oddArchives() throws {
        let pickle = Pickle.tensor(shape: [1], strides: [1], offset: 0)
        var archive = ZipWriter()
        try archive.add("x/data.pkl", pickle)
        try archive.add("x/byteorder", Array("middle".utf8))
        #expect(code(reading: try archive.finish()) == .malformed)

        archive = ZipWriter()
        try archive.add("x/data.pkl", pickle)
        try archive.add("y/data.pkl", pickle)
        #expect(code(reading: try archive.finish()) == .malformed)
    }
}
