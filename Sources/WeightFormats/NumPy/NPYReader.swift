import Tensors

/// Reads NumPy array files (NEP 1).
enum NPYReader {
    /// The name that NumPy gives to an array without a name.
    private static let unnamed = "arr_0"

    /// Reads one array as a network of one tensor.
    static func read(_ bytes: [UInt8], limits: FormatLimits) throws(FormatError) -> WeightFile {
        var builder = StateDictBuilder(limits: limits)
        try read(bytes[...], named: unnamed, into: &builder)
        return WeightFile(format: .npy, networks: [.success(try builder.finish())], ignored: builder.ignored)
    }

    /// Adds an array to the network; integer scalars and text scalars are ignored.
    static func read(
        _ bytes: ArraySlice<UInt8>, named name: String, into builder: inout StateDictBuilder
    ) throws(FormatError) {
        var reader = ByteReader(bytes, of: "npy \(quoted(name))")
        let header = try NPYHeader.read(&reader)
        guard case .type(let type, let bigEndian) = header.element, !isLabel(type, rank: header.shape.count) else {
            if case .other(let description) = header.element, !header.shape.isEmpty {
                throw FormatError(
                    .dtype, "tensor \(quoted(name)): dtype \(quoted(description)), expected numbers such as '<f4'")
            }
            return builder.ignore(name)
        }
        let count = try builder.reserve(name, shape: header.shape)
        let (size, overflow) = count.multipliedReportingOverflow(by: type.byteCount)
        guard !overflow, reader.remaining == size else {
            throw FormatError(
                .malformed,
                "tensor \(quoted(name)): \(reader.remaining) bytes of data, "
                    + "expected \(count) elements of \(type.rawValue)"
            )
        }
        let values: [Float]
        do throws(FormatError) {
            let stored = try ElementDecoder.decode(reader.rest, as: type, bigEndian: bigEndian)
            values = header.isColumnMajor ? try transpose(stored, shape: header.shape) : stored
        } catch {
            throw error.within("tensor \(quoted(name))")
        }
        try builder.add(name, shape: header.shape, values: values, type: type)
    }

    private static func transpose(_ values: [Float], shape: [Int]) throws(FormatError) -> [Float] {
        let strides = StridedView.columnMajor(shape)
        return try StridedView(shape: shape, strides: strides, offset: 0, within: values.count).gather(values)
    }
}

/// Reads NumPy's zip archives of array files.
enum NPZReader {
    static func read(_ archive: ZipArchive, limits: FormatLimits) throws(FormatError) -> WeightFile {
        var builder = StateDictBuilder(limits: limits)
        for entry in archive.entries {
            // As NumPy does, without the suffix.
            let name = String(entry.name.dropLast(".npy".count))
            try NPYReader.read(try archive.read(entry), named: name, into: &builder)
        }
        let state = try builder.finish()
        return WeightFile(format: .npz, networks: [.success(state.unwrapped)], ignored: builder.ignored)
    }
}
