extension [UInt8] {
    mutating func append<Integer: FixedWidthInteger>(littleEndian value: Integer) {
        for shift in stride(from: 0, to: Integer.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> Integer(shift)))
        }
    }

    mutating func append<Integer: FixedWidthInteger>(bigEndian value: Integer) {
        append(littleEndian: value.byteSwapped)
    }

    /// Appends the floats as little-endian float32.
    mutating func append(floats: [Float]) {
        #if _endian(little)
            // Sound because the buffer covers exactly the array's elements.
            floats.withUnsafeBytes { append(contentsOf: $0) }
        #else
            for value in floats { append(littleEndian: value.bitPattern) }
        #endif
    }
}
