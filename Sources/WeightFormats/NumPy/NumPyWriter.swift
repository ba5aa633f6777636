import Tensors

/// Writes NumPy array files in little-endian, row-major order, version 1.0.
package enum NPYWriter {
    /// A file of float32.
    package static func write(_ tensor: Tensor) -> [UInt8] { file(tensor.shape, "<f4", .float32, tensor.values) }

    /// A file of the entry's element type; bfloat16, which NumPy does not have, becomes float32.
    /// - Throws: `non_finite` where a value leaves the range of the type.
    static func write(typed entry: NamedTensor) throws(FormatError) -> [UInt8] {
        let type = entry.elementType == .bfloat16 ? .float32 : entry.elementType
        try entry.checkRange(of: entry.elementType)
        let values = ElementEncoder.rounded(entry.tensor.values, to: entry.elementType)
        return file(entry.tensor.shape, descriptor(type), type, values)
    }

    private static func descriptor(_ type: ElementType) -> String {
        switch type {
        case .float16: "<f2"
        case .float32, .bfloat16: "<f4"
        case .float64: "<f8"
        case .int8: "|i1"
        case .int16: "<i2"
        case .int32: "<i4"
        case .int64: "<i8"
        case .uint8: "|u1"
        case .uint16: "<u2"
        case .uint32: "<u4"
        case .uint64: "<u8"
        case .bool: "|b1"
        }
    }

    private static func file(
        _ shape: [Int], _ descriptor: String, _ type: ElementType, _ values: [Float]
    ) -> [UInt8] {
        let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var header = Array("{'descr': '\(descriptor)', 'fortran_order': False, 'shape': (\(extents)), }".utf8)
        // Magic, version and length take 10 bytes; the data starts at a multiple of 64.
        while !(10 + header.count + 1).isMultiple(of: 64) { header.append(UInt8(ascii: " ")) }
        header.append(UInt8(ascii: "\n"))

        var bytes: [UInt8] = [0x93] + "NUMPY".utf8 + [1, 0]
        // Only a shape of thousands of axes would overflow this.
        bytes.append(littleEndian: UInt16(truncatingIfNeeded: header.count))
        bytes += header
        bytes += ElementEncoder.encode(values, as: type)
        return bytes
    }
}

/// Writes NumPy's zip archives, uncompressed.
package enum NPZWriter {
    /// - Parameter keepsTypes: whether tensors are written as their element types, rather than as float32.
    /// - Throws: `internal` if the archive would need more than 4 GiB; `non_finite` where a value leaves its type's range.
    package static func write(_ state: StateDict, keepsTypes: Bool = false) throws(FormatError) -> [UInt8] {
        var archive = ZipWriter()
        for entry in state.entries {
            try archive.add(
                "\(entry.name).npy", keepsTypes ? NPYWriter.write(typed: entry) : NPYWriter.write(entry.tensor))
        }
        return try archive.finish()
    }
}
