import Tensors

/// Writes the zip archives of `torch.save`, which `torch.load(weights_only=True)` reads: a pickle of protocol 2, and an
/// uncompressed entry with the elements of each tensor, aligned to 64 bytes so that it can be mapped.
package enum TorchWriter {
    private static let folder = "archive/"
    private static let alignment = 64

    /// The tree as Python nests it: dicts with texts as keys, lists, contiguous tensors of the arrays' element types,
    /// numbers and texts. Integers of 16 bits and more without a sign become int64; what has no form here becomes `None`.
    /// The texts of a safetensors header are left out.
    /// - Throws: `non_finite` where a value leaves the range of its element type, `internal` above 4 GiB.
    package static func write(_ tree: FileTree) throws(FormatError) -> [UInt8] {
        var pickle = TensorPickle()
        try pickle.write(tree.withoutMetadata, "")
        var archive = ZipWriter()
        try archive.add(folder + "data.pkl", pickle.finish(), alignment: alignment)
        try archive.add(folder + "byteorder", Array("little".utf8), alignment: alignment)
        for (index, storage) in pickle.storages.enumerated() {
            try archive.add("\(folder)data/\(index)", storage, alignment: alignment)
        }
        try archive.add(folder + "version", Array("3\n".utf8), alignment: alignment)
        return try archive.finish()
    }
}

/// The pickle of a tree, and the elements of its tensors.
private struct TensorPickle {
    /// The bytes of each tensor, in the order of their keys "0", "1", …
    private(set) var storages: [[UInt8]] = []
    private var bytes: [UInt8] = [PickleOpcode.proto.rawValue, 2]
    /// Elements that are added at a time, as Python does, so that a reader's stack stays small.
    private static let batch = 1000

    mutating func finish() -> [UInt8] {
        op(.stop)
        return bytes
    }

    mutating func write(_ tree: FileTree, _ path: String) throws(FormatError) {
        switch tree {
        case .array(let tensor, let type): try write(NamedTensor(name: path, tensor: tensor, elementType: type))
        case .number(let value): number(value)
        case .text(let text): self.text(text)
        case .inert("true"): op(.newTrue)
        case .inert("false"): op(.newFalse)
        case .inert, .unreadable: op(.none)
        case .list(let elements):
            op(.emptyList)
            for start in stride(from: 0, to: elements.count, by: Self.batch) {
                op(.mark)
                for index in start..<min(start + Self.batch, elements.count) {
                    try write(elements[index], "\(path).\(index)")
                }
                op(.appends)
            }
        case .dict(let members):
            op(.emptyDict)
            for start in stride(from: 0, to: members.count, by: Self.batch) {
                op(.mark)
                for member in members[start..<min(start + Self.batch, members.count)] {
                    text(member.key)
                    try write(member.value, path.isEmpty ? member.key : "\(path).\(member.key)")
                }
                op(.setItems)
            }
        }
    }

    /// `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`
    private mutating func write(_ entry: NamedTensor) throws(FormatError) {
        let (type, storageClass) = Self.storage(entry.elementType)
        global("torch._utils", "_rebuild_tensor_v2")
        op(.mark)
        op(.mark)
        text("storage")
        global("torch", storageClass)
        text(String(storages.count))
        text("cpu")
        integer(entry.tensor.count)
        op(.tuple)
        op(.binPersistentID)
        integer(0)
        tuple(entry.tensor.shape)
        var strides: [Int] = []
        var stride = 1
        for extent in entry.tensor.shape.reversed() {
            strides.append(stride)
            stride *= max(extent, 1)
        }
        tuple(strides.reversed())
        op(.newFalse)
        global("collections", "OrderedDict")
        op(.emptyTuple)
        op(.reduce)
        op(.tuple)
        op(.reduce)
        storages.append(try entry.encoded(as: type))
    }

    /// The element type that is written, and PyTorch's class for its storage.
    private static func storage(_ type: ElementType) -> (ElementType, String) {
        switch type {
        case .float16: (type, "HalfStorage")
        case .bfloat16: (type, "BFloat16Storage")
        case .float32: (type, "FloatStorage")
        case .float64: (type, "DoubleStorage")
        case .int8: (type, "CharStorage")
        case .int16: (type, "ShortStorage")
        case .int32: (type, "IntStorage")
        case .int64, .uint16, .uint32, .uint64: (.int64, "LongStorage")
        case .uint8: (type, "ByteStorage")
        case .bool: (type, "BoolStorage")
        }
    }

    // MARK: Opcodes

    private mutating func op(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

    private mutating func global(_ module: String, _ name: String) {
        op(.global)
        bytes += "\(module)\n\(name)\n".utf8
    }

    private mutating func text(_ text: String) {
        op(.binUnicode)
        bytes.append(littleEndian: UInt32(truncatingIfNeeded: text.utf8.count))
        bytes += text.utf8
    }

    private mutating func number(_ value: Double) {
        if let whole = Int(exactly: value), abs(whole) <= 1 << 53 { return integer(whole) }
        op(.binFloat)
        bytes.append(bigEndian: value.bitPattern)
    }

    private mutating func integer(_ value: Int) {
        if let short = Int32(exactly: value) {
            op(.binInt)
            bytes.append(littleEndian: short)
        } else {
            op(.long1)
            bytes.append(8)
            bytes.append(littleEndian: Int64(value))
        }
    }

    private mutating func tuple(_ values: [Int]) {
        op(.mark)
        for value in values { integer(value) }
        op(.tuple)
    }
}
