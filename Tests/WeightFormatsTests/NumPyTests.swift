import Tensors
import Testing

@testable import WeightFormats

@Suite("NumPy files")
struct NumPyTests {
    @Test(
        "Byte orders, memory orders, widths and versions give the same array",
        arguments: [
            "plain.npy", "fortran.npy", "big_endian.npy", "fortran_big_double.npy", "half.npy", "version2.npy",
            "version3.npy",
        ])
    func sameArray(name: String) throws {
        let state = try Fixture.state(name)
        #expect(state.names == ["arr_0"])
        #expect(state["arr_0"] == Fixture.a)
    }

    @Test("Integers and booleans convert where that is exact")
    func integers() throws {
        #expect(
            try Fixture.state("small_integers.npy")["arr_0"] == Tensor(shape: [2, 2], values: [-1, 2, 3, 16_777_216]))
        #expect(try Fixture.state("boolean.npy")["arr_0"]?.values == [1, 0, 1])
        #expect(try Fixture.state("scalar.npy")["arr_0"] == Tensor(shape: [], values: [0.5]))
    }

    @Test("Arrays of other types than numbers are unreadable", arguments: ["large_integer", "complex", "records"])
    func otherTypes(name: String) throws {
        #expect(try Fixture.tree("\(name).npy").error?.code == .dtype)
    }

    @Test("An array of Python objects is the tree of its pickle")
    func objects() throws {
        #expect(try Fixture.tree("objects.npy") == .list([.dict([]), .inert("None")]))
        #expect(try Fixture.state("dict.npy")["a"] == Fixture.a)
        let header = "{'descr': '|O', 'fortran_order': False, 'shape': ()}"
        let call = Pickle.global("posix", "system") + Pickle.tuple(Pickle.text("id")) + [0x52]
        #expect(code(reading: Self.file(header, data: 0) + Pickle.dict(call)) == .unsafePickle)
    }

    @Test("An archive loses the suffixes, and a text without axes is a text")
    func archive() throws {
        let tree = try Fixture.tree("stored.npz")
        #expect(tree.keys == ["a", "b", "label", "note"])
        #expect(tree["a"]?.tensor == Fixture.a)
        #expect(tree["label"] == .array(Tensor(shape: [], values: [3]), .int64))
        #expect(tree["note"] == .text("text"))
    }

    @Test("Folders, system files and other members are passed over, and sizes may follow the entries")
    func streamedArchive() throws {
        #expect(try Fixture.tree("streamed.npz") == .dict([.init(key: "a", value: .array(Fixture.a, .float32))]))
    }

    @Test("Deflated entries and 64-bit directories are read", arguments: ["deflated.npz", "zip64_directory.npz"])
    func archiveForms(name: String) throws {
        #expect(try Fixture.state(name)["a"] == Fixture.a)
    }

    /// A version 1 file of the given header text and data.
    static func file(_ header: String, data: Int = 4) -> [UInt8] {
        var bytes: [UInt8] = [0x93] + "NUMPY".utf8 + [1, 0]
        bytes.append(littleEndian: UInt16(header.utf8.count))
        return bytes + header.utf8 + [UInt8](repeating: 0, count: data)
    }

    @Test(
        "Header text is parsed as a literal, in any order and spacing",
        arguments: [
            "{'descr':'<f4','fortran_order':False,'shape':(1,)}",
            "{ \"shape\" : ( 1 , ) , 'fortran_order' : True, 'descr': \"<f4\" , }  \n",
            "{'descr': '=f4', 'fortran_order': False, 'shape': (1L,), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
        ])
    func literals(header: String) throws {
        #expect(try WeightFile.read(Self.file(header)).stateDict()["arr_0"]?.values == [0])
    }

    static let malformed: [(String, Int, FormatError.Code)] = [
        ("{'descr': '<f4', 'fortran_order': False}", 4, .malformed),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", 4, .malformed),
        ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, .malformed),
        ("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", 4, .malformed),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4, .malformed),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1 + 1,)}", 4, .malformed),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 4, .malformed),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", 4, .malformed),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}", 4, .inflatedTooLarge),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904)}", 0, .inflatedTooLarge),
        ("{'descr': '<f4', 'fortran_order': True, 'shape': (4611686018427387904, 0)}", 0, .inflatedTooLarge),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 4, .malformed),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 5, .malformed),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 4, .shapeMismatch),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 4, .malformed),
        ("{'descr': 'O8', 'fortran_order': False, 'shape': ()}", 0, .malformed),
        ("{'descr': '<U1', 'fortran_order': False, 'shape': (1,)}", 4, .dtype),
        ("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4, .dtype),
        ("{'descr': '<f\\x34', 'fortran_order': False, 'shape': (1,)}", 4, .malformed),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} print()", 4, .malformed),
        ("__import__('os').system('id')", 4, .malformed),
        ("{'descr': '<f4", 4, .malformed),
        ("", 4, .malformed),
    ]

    @Test("Each malformed header is refused", arguments: malformed.indices)
    func malformedHeaders(index: Int) {
        let (header, data, expected) = Self.malformed[index]
        #expect(code(reading: Self.file(header, data: data)) == expected, "\(header)")
    }

    @Test("Unknown versions and huge headers are refused")
    func versions() {
        #expect(code(reading: [0x93] + "NUMPY".utf8 + [4, 0, 0, 0, 0, 0]) == .malformed)
        #expect(code(reading: [0x93] + "NUMPY".utf8 + [2, 0, 0xff, 0xff, 0xff, 0x7f]) == .malformed)
    }

    @Test("Written arrays are read back, whatever their rank", arguments: [[], [3], [2, 3], [0, 2], [1, 2, 1, 3]])
    func arrayRoundTrip(shape: [Int]) throws {
        let count = shape.reduce(1, *)
        let tensor = Tensor(shape: shape, values: (0..<count).map { Float($0) / 7 - 0.1 })
        let bytes = NPYWriter.write(tensor)
        #expect(try WeightFile.read(bytes).stateDict()["arr_0"] == tensor)
        #expect((bytes.count - 4 * count).isMultiple(of: 64))
    }

    @Test("NumPy's own bytes for the same array are equal to the writer's")
    func sameBytesAsNumPy() throws {
        #expect(NPYWriter.write(Fixture.a) == (try Fixture.bytes("plain.npy")))
    }

    @Test("Written archives are read back")
    func archiveRoundTrip() throws {
        let state = StateDict([
            NamedTensor(name: "layer/é", tensor: Fixture.a), NamedTensor(name: "b", tensor: Fixture.b),
        ])
        #expect(try WeightFile.read(try NPZWriter.write(state)).stateDict() == state)
    }
}
