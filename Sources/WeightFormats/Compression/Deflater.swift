import CZlib

/// Compresses bytes to DEFLATE data (RFC 1951) with zlib, in one call.
enum Deflater {
    /// - Parameter level: 1 (fast) to 9 (small).
    /// - Throws: `internal` above 4 GiB, or where zlib fails.
    static func deflate(
        _ input: [UInt8], wrapping: Inflater.Wrapping, level: Int32 = 6
    ) throws(FormatError) -> [UInt8] {
        guard let length = UInt32(exactly: input.count) else {
            throw FormatError(.internal, "\(input.count) bytes are too many to compress at once")
        }
        var stream = z_stream()
        // zlib keeps a pointer to the stream, so the stream must not move between the calls.
        let result: [UInt8]? = withUnsafeMutablePointer(to: &stream) { stream in
            guard czlib_deflate_init(stream, level, wrapping.rawValue) == Z_OK else { return nil }
            defer { deflateEnd(stream) }
            let bound = deflateBound(stream, UInt(length))
            guard let capacity = UInt32(exactly: bound) else { return nil }
            return input.withUnsafeBufferPointer { source in
                var isDone = false
                let output = [UInt8](unsafeUninitializedCapacity: Int(capacity)) { target, initialized in
                    stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                    stream.pointee.avail_in = length
                    stream.pointee.next_out = target.baseAddress
                    stream.pointee.avail_out = capacity
                    isDone = CZlib.deflate(stream, Z_FINISH) == Z_STREAM_END
                    initialized = Int(capacity - stream.pointee.avail_out)
                }
                return isDone ? output : nil
            }
        }
        guard let result else { throw FormatError(.internal, "zlib could not compress \(input.count) bytes") }
        return result
    }
}

/// The CRC-32 checksum of zip, gzip and PNG.
package func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count)) }
}
