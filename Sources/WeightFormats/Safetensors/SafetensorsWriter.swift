import Tensors

/// Writes safetensors files.
package enum SafetensorsWriter {
    /// Writes tensors as float32, and as int64 where an entry's element type says so, in the order of the entries, and
    /// metadata sorted by name, so equal content gives equal bytes. Values of int64 tensors that are not integers become 0.
    package static func write(_ state: StateDict) -> [UInt8] {
        write(state) { $0.elementType == .int64 ? .int64 : .float32 }
    }

    /// Writes tensors as their element types, in the same order.
    /// - Throws: `non_finite` where a value leaves the range of its type.
    package static func write(typed state: StateDict) throws(FormatError) -> [UInt8] {
        for entry in state.entries { try entry.checkRange(of: entry.elementType) }
        return write(state, \.elementType)
    }

    private static func write(_ state: StateDict, _ type: (NamedTensor) -> ElementType) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        if !state.metadata.isEmpty {
            json.name("__metadata__")
            json.beginObject()
            for (name, value) in state.metadata.sorted(by: { $0.key < $1.key }) { json.member(name, value) }
            json.endObject()
        }
        var offset = 0
        for entry in state.entries {
            json.name(entry.name)
            json.beginObject()
            let size = type(entry).byteCount * entry.tensor.count
            json.member("dtype", name(of: type(entry)))
            json.name("shape")
            json.array(entry.tensor.shape) { writer, extent in writer.value(extent) }
            json.name("data_offsets")
            json.array([offset, offset + size]) { writer, bound in writer.value(bound) }
            json.endObject()
            offset += size
        }
        json.endObject()

        var header = json.bytes
        // Spaces after the object keep the data aligned for readers that map the file.
        while !header.count.isMultiple(of: 8) { header.append(UInt8(ascii: " ")) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + header.count + offset)
        bytes.append(littleEndian: UInt64(header.count))
        bytes += header
        for entry in state.entries { bytes += ElementEncoder.encode(entry.tensor.values, as: type(entry)) }
        return bytes
    }

    /// The format's name of an element type.
    private static func name(of type: ElementType) -> String {
        switch type {
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .float32: "F32"
        case .float64: "F64"
        case .int8: "I8"
        case .int16: "I16"
        case .int32: "I32"
        case .int64: "I64"
        case .uint8: "U8"
        case .uint16: "U16"
        case .uint32: "U32"
        case .uint64: "U64"
        case .bool: "BOOL"
        }
    }
}
