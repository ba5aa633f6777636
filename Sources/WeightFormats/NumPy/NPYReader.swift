import Tensors

/// Reads NumPy array files (NEP 1).
enum NPYReader {
    /// The name that NumPy gives to an array without a name.
    static let unnamed = "arr_0"

    /// The array of a file. One of Python objects is the tree of its pickle, and a text without axes is a text.
    static func read(_ bytes: ArraySlice<UInt8>, _ builder: inout TreeBuilder) throws(FormatError) -> FileTree {
        let name = builder.name
        var reader = ByteReader(bytes, of: name.isEmpty ? "npy" : "npy \(quoted(name))")
        let header = try NPYHeader.read(&reader)
        let content = reader.rest
        switch header.element {
        case .objects: return try PickleReader.read(content, &builder)
        case .other(let description):
            if header.shape.isEmpty, let text = NumPyText.decode(content, description) { return .text(text) }
            return builder.unreadable(.dtype, "dtype \(quoted(description)), expected numbers such as '<f4'")
        case .type(let type, let bigEndian):
            return try builder.array(header.shape, type) { () throws(FormatError) in
                try values(
                    content, shape: header.shape, type, bigEndian: bigEndian, isColumnMajor: header.isColumnMajor)
            }
        }
    }

    /// The elements of an array in row-major order.
    /// - Parameter shape: extents whose product has been checked against the limits.
    static func values(
        _ content: ArraySlice<UInt8>, shape: [Int], _ type: ElementType, bigEndian: Bool, isColumnMajor: Bool
    ) throws(FormatError) -> [Float] {
        let count = shape.reduce(1, *)
        guard content.count == count * type.byteCount else {
            throw FormatError(
                .malformed, "\(content.count) bytes of data, expected \(count) elements of \(type.rawValue)")
        }
        let stored = try ElementDecoder.decode(content, as: type, bigEndian: bigEndian)
        guard isColumnMajor else { return stored }
        let strides = StridedView.columnMajor(shape)
        return try StridedView(shape: shape, strides: strides, offset: 0, within: stored.count).gather(stored)
    }
}
