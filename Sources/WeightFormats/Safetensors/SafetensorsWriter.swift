import Tensors

/// Writes safetensors files of float32 tensors, and of int64 ones where an entry's element type says so.
package enum SafetensorsWriter {
    /// Writes tensors in the order of the entries and metadata sorted by name, so equal content gives equal bytes.
    /// Values of int64 tensors that are not integers become 0.
    package static func write(_ state: StateDict) -> [UInt8] {
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
            let size = entry.storedSize
            json.member("dtype", entry.isIntegral ? "I64" : "F32")
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
        for entry in state.entries {
            if entry.isIntegral {
                for value in entry.tensor.values { bytes.append(littleEndian: Int64(exactly: value) ?? 0) }
            } else {
                bytes.append(floats: entry.tensor.values)
            }
        }
        return bytes
    }
}

extension NamedTensor {
    fileprivate var isIntegral: Bool { elementType == .int64 }
    fileprivate var storedSize: Int { (isIntegral ? 8 : 4) * tensor.count }
}
