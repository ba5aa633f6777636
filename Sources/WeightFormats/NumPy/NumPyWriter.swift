import Tensors

/// Writes NumPy array files of little-endian float32 in row-major order, version 1.0.
package enum NPYWriter {
    package static func write(_ tensor: Tensor) -> [UInt8] {
        let extents = tensor.shape.map(String.init).joined(separator: ", ") + (tensor.rank == 1 ? "," : "")
        var header = Array("{'descr': '<f4', 'fortran_order': False, 'shape': (\(extents)), }".utf8)
        // Magic, version and length take 10 bytes; the data starts at a multiple of 64.
        while !(10 + header.count + 1).isMultiple(of: 64) { header.append(UInt8(ascii: " ")) }
        header.append(UInt8(ascii: "\n"))

        var bytes: [UInt8] = [0x93] + "NUMPY".utf8 + [1, 0]
        // Only a shape of thousands of axes would overflow this.
        bytes.append(littleEndian: UInt16(truncatingIfNeeded: header.count))
        bytes += header
        bytes.append(floats: tensor.values)
        return bytes
    }
}

/// Writes NumPy's zip archives, uncompressed.
package enum NPZWriter {
    /// - Throws: `internal` if the archive would need more than 4 GiB.
    package static func write(_ state: StateDict) throws(FormatError) -> [UInt8] {
        var archive = ZipWriter()
        for entry in state.entries { try archive.add("\(entry.name).npy", NPYWriter.write(entry.tensor)) }
        return try archive.finish()
    }
}
