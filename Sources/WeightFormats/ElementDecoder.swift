import Tensors

/// Converts the elements of files to float32.
///
/// Floating-point elements are rounded to nearest. Integers must lie within ±2²⁴, where float32 is exact; booleans
/// become 0 or 1.
package enum ElementDecoder {
    private static let largestExactInteger: UInt64 = 1 << 24

    /// - Parameter bytes: the elements, one after another.
    /// - Throws: `malformed` where the last element is incomplete, `dtype` for an integer beyond ±2²⁴.
    package static func decode(
        _ bytes: ArraySlice<UInt8>, as type: ElementType, bigEndian: Bool = false
    ) throws(FormatError) -> [Float] {
        guard bytes.count.isMultiple(of: type.byteCount) else {
            throw FormatError(.malformed, "\(bytes.count) bytes are not whole elements of \(type.rawValue)")
        }
        if type == .float32, !bigEndian { return copyFloats(bytes) }
        switch type {
        case .float16: return words(bytes, UInt16.self, bigEndian) { Float(Float16(bitPattern: $0)) }
        case .bfloat16: return words(bytes, UInt16.self, bigEndian) { Float(bitPattern: UInt32($0) << 16) }
        case .float32: return words(bytes, UInt32.self, bigEndian) { Float(bitPattern: $0) }
        case .float64: return words(bytes, UInt64.self, bigEndian) { Float(Double(bitPattern: $0)) }
        case .bool: return words(bytes, UInt8.self, bigEndian) { $0 == 0 ? 0 : 1 }
        case .int8: return try integers(bytes, Int8.self, bigEndian)
        case .int16: return try integers(bytes, Int16.self, bigEndian)
        case .int32: return try integers(bytes, Int32.self, bigEndian)
        case .int64: return try integers(bytes, Int64.self, bigEndian)
        case .uint8: return try integers(bytes, UInt8.self, bigEndian)
        case .uint16: return try integers(bytes, UInt16.self, bigEndian)
        case .uint32: return try integers(bytes, UInt32.self, bigEndian)
        case .uint64: return try integers(bytes, UInt64.self, bigEndian)
        }
    }

    /// One element as a double, which holds any float and integers up to 2⁵³ exactly.
    /// - Parameter bytes: as many as the type has.
    static func scalar(_ bytes: ArraySlice<UInt8>, as type: ElementType, bigEndian: Bool) -> Double {
        var pattern: UInt64 = 0
        for byte in bigEndian ? Array(bytes) : bytes.reversed() { pattern = pattern << 8 | UInt64(byte) }
        return switch type {
        case .float16: Double(Float16(bitPattern: UInt16(truncatingIfNeeded: pattern)))
        case .bfloat16: Double(Float(bitPattern: UInt32(truncatingIfNeeded: pattern) << 16))
        case .float32: Double(Float(bitPattern: UInt32(truncatingIfNeeded: pattern)))
        case .float64: Double(bitPattern: pattern)
        case .bool: pattern == 0 ? 0 : 1
        case .int8: Double(Int8(truncatingIfNeeded: pattern))
        case .int16: Double(Int16(truncatingIfNeeded: pattern))
        case .int32: Double(Int32(truncatingIfNeeded: pattern))
        case .int64: Double(Int64(truncatingIfNeeded: pattern))
        case .uint8, .uint16, .uint32, .uint64: Double(pattern)
        }
    }

    private static func integers<Word: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: ArraySlice<UInt8>, _ type: Word.Type, _ bigEndian: Bool
    ) throws(FormatError) -> [Float] {
        var offender: Word?
        let values = words(bytes, type, bigEndian) { word in
            if UInt64(word.magnitude) > largestExactInteger { offender = word }
            return Float(word)
        }
        if let offender {
            throw FormatError(.dtype, "integer \(offender) has no exact float32 value; expected at most 2^24")
        }
        return values
    }

    /// Reads words without bounds checks. Sound because the loop reads `bytes.count / size` words of `size` bytes each.
    private static func words<Word: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: ArraySlice<UInt8>, _ type: Word.Type, _ bigEndian: Bool, _ convert: (Word) -> Float
    ) -> [Float] {
        let size = MemoryLayout<Word>.size
        let count = bytes.count / size
        return bytes.withUnsafeBytes { raw in
            [Float](unsafeUninitializedCapacity: count) { floats, initialized in
                for index in 0..<count {
                    let word = raw.loadUnaligned(fromByteOffset: index * size, as: Word.self)
                    let native = bigEndian ? Word(bigEndian: word) : Word(littleEndian: word)
                    floats.initializeElement(at: index, to: convert(native))
                }
                initialized = count
            }
        }
    }

    /// Copies little-endian float32 elements at once. Sound because every bit pattern is a `Float` and the sizes are
    /// equal.
    private static func copyFloats(_ bytes: ArraySlice<UInt8>) -> [Float] {
        #if _endian(little)
            let count = bytes.count / 4
            return [Float](unsafeUninitializedCapacity: count) { floats, initialized in
                bytes.withUnsafeBytes { raw in
                    UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: floats[..<count]))
                        .copyMemory(from: raw)
                }
                initialized = count
            }
        #else
            return words(bytes, UInt32.self, false) { Float(bitPattern: $0) }
        #endif
    }
}
