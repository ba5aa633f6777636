import Tensors
import Testing

@testable import WeightFormats

@Suite("Writing files of any element type")
struct TorchWriterTests {
    private static let types: [ElementType] = [
        .float16, .bfloat16, .float32, .float64, .int8, .int16, .int32, .int64, .uint8, .bool,
    ]

    private static func array(_ type: ElementType, _ shape: [Int] = [2, 3]) -> FileTree {
        let count = shape.reduce(1, *)
        let values = (0..<count).map {
            type == .bool ? Float($0 % 2) : type.isFloatingPoint ? 0.5 * Float($0) : Float($0)
        }
        return .array(Tensor(shape: shape, values: values), type)
    }

    private static func dict(_ members: [(String, FileTree)]) -> FileTree {
        .dict(members.map { FileTree.Member(key: $0, value: $1) })
    }

    private func read(_ bytes: [UInt8]) throws -> (FileTree, FileFormat) {
        let file = try WeightFile.read(bytes)
        return (file.tree, file.format)
    }

    @Test("torch.save's archives are read as they were written: nested, with every element type")
    func torch() throws {
        let tree = Self.dict([
            ("state_dict", Self.dict(Self.types.map { ($0.rawValue, Self.array($0)) })),
            ("list", .list([Self.array(.float32, [4]), .number(1.5), .number(-70_000), .number(5e9), .text("é")])),
            ("empty", Self.dict([])), ("none", .inert("None")), ("yes", .inert("true")),
            ("scalar", Self.array(.float32, [])), ("column", Self.array(.float64, [3, 1, 2])),
        ])
        let (again, format) = try read(try TorchWriter.write(tree))
        #expect(format == .torch)
        guard case .dict(let members) = again, case .dict(let wanted) = tree else { return }
        #expect(members.map(\.key) == wanted.map(\.key))
        for (own, other) in zip(members, wanted) where !["none", "yes"].contains(own.key) {
            #expect(own.value == other.value, "\(own.key)")
        }
    }

    @Test("dicts of more members than Python adds at a time are read again")
    func manyMembers() throws {
        let tree = Self.dict((0..<2300).map { ("n\($0)", .number(Double($0))) } + [("w", Self.array(.float32))])
        #expect(try read(try TorchWriter.write(tree)).0 == tree)
    }

    @Test("the elements of tensors begin at multiples of 64 bytes")
    func alignment() throws {
        let tree = Self.dict([("a", Self.array(.float32, [5])), ("b", Self.array(.float16, [3]))])
        let bytes = try TorchWriter.write(tree)
        for value in [Float(2), 1.5] {
            // The last element of `a`, which is the fifth.
            guard value == 2 else { continue }
            let pattern = (0..<5).flatMap { index in
                withUnsafeBytes(of: (0.5 * Float(index)).bitPattern.littleEndian) { Array($0) }
            }
            let starts = bytes.indices.dropLast(pattern.count).filter {
                bytes[$0..<$0 + pattern.count].elementsEqual(pattern)
            }
            #expect(starts.count == 1 && starts.allSatisfy { $0.isMultiple(of: 64) })
        }
    }

    @Test("unsigned integers that PyTorch has no storage for become int64; safetensors' texts are left out")
    func replacements() throws {
        let tree = Self.dict([("u", Self.array(.uint16)), ("__metadata__", Self.dict([("a", .text("b"))]))])
        guard case .dict(let members) = try read(try TorchWriter.write(tree)).0 else { return }
        #expect(members.map(\.key) == ["u"])
        #expect(members[0].value == .array(Tensor(shape: [2, 3], values: [0, 1, 2, 3, 4, 5]), .int64))
    }

    @Test("safetensors and npz keep element types; numbers and texts are metadata, numbers of npz arrays")
    func typed() throws {
        let tree = Self.dict([
            ("a", Self.dict(Self.types.map { ($0.rawValue, Self.array($0)) })), ("omega_0", .number(30)),
            ("note", .text("x")), ("list", .list([Self.array(.int16)])),
            ("__metadata__", Self.dict([("convention", .text("dws")), ("seed", .number(7))])),
        ])
        let file = try WeightFile.read(try SafetensorsWriter.write(typed: tree.namedArrays))
        let entries = try file.stateDict().entries
        #expect(entries.map(\.name) == Self.types.map { "a.\($0.rawValue)" } + ["list.0"])
        #expect(entries.map(\.elementType) == Self.types + [.int16])
        #expect(entries.map(\.tensor.values) == tree.namedArrays.entries.map(\.tensor.values))
        #expect(file.metadata == ["omega_0": "30", "note": "x", "convention": "dws", "seed": "7"])
        let npz = try WeightFile.read(try NPZWriter.write(tree.namedArrays, keepsTypes: true)).stateDict()
        #expect(npz.entries.map(\.elementType) == Self.types.map { $0 == .bfloat16 ? .float32 : $0 } + [.int16])
        #expect(npz.entries.map(\.tensor) == entries.map(\.tensor))
    }

    @Test("JSON has the values of the element type, nested as the file was")
    func json() {
        var writer = JSONWriter()
        writer.value(
            Self.dict([
                ("a", Self.dict([("w", .array(Tensor(shape: [1, 2], values: [0.1, 1]), .float16))])),
                ("n", .number(3)), ("t", .text("x")), ("none", .inert("None")), ("yes", .inert("true")),
                ("__metadata__", Self.dict([("a", .text("b"))])),
            ]))
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"a":{"w":[[0.099975586,1]]},"n":3,"t":"x","none":null,"yes":true}"#)
    }

    @Test("values round to the nearest of the type, and beyond its range are refused with the tensor's name")
    func rounding() throws {
        #expect(ElementEncoder.rounded([1.00390625, 1.01171875, -3, 0], to: .bfloat16) == [1, 1.015625, -3, 0])
        #expect(ElementEncoder.rounded([1.0004883, 65_519], to: .float16) == [1, 65_504])
        #expect(ElementEncoder.rounded([0.1], to: .float64) == [0.1])
        let tree = Self.dict([("net.0.weight", .array(Tensor(shape: [2], values: [1, 70_000]), .float16))])
        for write in [
            { _ = try TorchWriter.write(tree) }, { _ = try SafetensorsWriter.write(typed: tree.namedArrays) },
            { _ = try NPZWriter.write(tree.namedArrays, keepsTypes: true) }, { try tree.checkRange() },
        ] {
            let error = #expect(throws: FormatError.self) { try write() }
            #expect(error?.code == .nonFinite)
            #expect(error?.detail == "tensor 'net.0.weight': 70000.0 is beyond the range of float16")
        }
        // A value that was not finite before stays what it is.
        _ = try TorchWriter.write(Self.dict([("m", .array(Tensor(shape: [1], values: [.infinity]), .float16))]))
    }
}
