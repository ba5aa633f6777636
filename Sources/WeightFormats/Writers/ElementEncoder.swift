import Tensors

/// Writes float32 elements as the element types of files, little-endian: the inverse of `ElementDecoder`.
package enum ElementEncoder {
    /// The bytes of the elements. Floating-point types round to nearest, ties to even; values of integer types that are no
    /// such integers become 0.
    static func encode(_ values: [Float], as type: ElementType) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * type.byteCount)
        func append<Word: FixedWidthInteger>(_ convert: (Float) -> Word) {
            for value in values { bytes.append(littleEndian: convert(value)) }
        }
        switch type {
        case .float16: append { Float16($0).bitPattern }
        case .bfloat16: append(Self.bfloat16)
        case .float32: bytes.append(floats: values)
        case .float64: append { Double($0).bitPattern }
        case .bool: append { $0 == 0 ? UInt8(0) : 1 }
        case .int8: append { Int8(exactly: $0) ?? 0 }
        case .int16: append { Int16(exactly: $0) ?? 0 }
        case .int32: append { Int32(exactly: $0) ?? 0 }
        case .int64: append { Int64(exactly: $0) ?? 0 }
        case .uint8: append { UInt8(exactly: $0) ?? 0 }
        case .uint16: append { UInt16(exactly: $0) ?? 0 }
        case .uint32: append { UInt32(exactly: $0) ?? 0 }
        case .uint64: append { UInt64(exactly: $0) ?? 0 }
        }
        return bytes
    }

    /// The values that a file of that type holds of these.
    package static func rounded(_ values: [Float], to type: ElementType) -> [Float] {
        switch type {
        case .float16: values.map { Float(Float16($0)) }
        case .bfloat16: values.map { Float(bitPattern: UInt32(bfloat16($0)) << 16) }
        default: values
        }
    }

    /// The first finite value that the type has no finite number for, as 70000 for float16; nil where there is none.
    package static func overflow(_ values: [Float], of type: ElementType) -> Float? {
        switch type {
        case .float16: values.first { $0.isFinite && !Float16($0).isFinite }
        case .bfloat16: values.first { $0.isFinite && !Float(bitPattern: UInt32(bfloat16($0)) << 16).isFinite }
        default: nil
        }
    }

    private static func bfloat16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        guard !value.isNaN else { return UInt16(bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
    }
}

extension NamedTensor {
    /// The tensor's bytes as its element type.
    /// - Throws: `non_finite` where a value leaves the range of the type.
    func encoded(as type: ElementType) throws(FormatError) -> [UInt8] {
        try checkRange(of: type)
        return ElementEncoder.encode(tensor.values, as: type)
    }

    /// Throws `non_finite` where a finite value is none in that type, as 70000 in float16.
    func checkRange(of type: ElementType) throws(FormatError) {
        guard let value = ElementEncoder.overflow(tensor.values, of: type) else { return }
        throw FormatError(.nonFinite, "tensor \(quoted(name)): \(value) is beyond the range of \(type.rawValue)")
    }
}
