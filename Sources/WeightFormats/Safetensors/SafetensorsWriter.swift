import Tensors

/// Writes safetensors files of float32 tensors.
package enum SafetensorsWriter {
    /// The tensors lie in the order of the entries; metadata is sorted by name, so equal content gives equal bytes.
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
            json.member("dtype", "F32")
            json.name("shape")
            json.array(entry.tensor.shape) { writer, extent in writer.value(extent) }
            json.name("data_offsets")
            json.array([offset, offset + 4 * entry.tensor.count]) { writer, bound in writer.value(bound) }
            json.endObject()
            offset += 4 * entry.tensor.count
        }
        json.endObject()

        var header = json.bytes
        // Spaces after the object keep the data aligned for readers that map the file.
        while !header.count.isMultiple(of: 8) { header.append(UInt8(ascii: " ")) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + header.count + offset)
        bytes.append(littleEndian: UInt64(header.count))
        bytes += header
        for entry in state.entries { bytes.append(floats: entry.tensor.values) }
        return bytes
    }
}
