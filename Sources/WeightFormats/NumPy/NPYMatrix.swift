import Tensors

/// A NumPy file of a matrix, read by parts of its rows, so that it need not fit into memory.
package struct NPYMatrix: Sendable, Equatable {
    /// Rows of the matrix.
    package let rows: Int
    /// Elements of a row.
    package let columns: Int
    /// The position of the first element's first byte in the file.
    package let dataOffset: Int
    private let type: ElementType
    private let isBigEndian: Bool

    /// Bytes with which `init(start:)` has seen enough of any file.
    package static let longestHeader = 66_000

    /// Reads the header of a file.
    /// - Parameter start: the first bytes of the file: `longestHeader`, or all that it has.
    /// - Returns: nil where the content is no NumPy file of numbers with two axes in row-major order.
    package init?(start: [UInt8]) {
        var reader = ByteReader(start[...], of: "npy")
        guard start.first == 0x93, let header = try? NPYHeader.read(&reader), !header.isColumnMajor,
            header.shape.count == 2, header.shape.allSatisfy({ (1...1 << 40).contains($0) }),
            case .type(let type, let isBigEndian) = header.element, type.isFloatingPoint
        else { return nil }
        (rows, columns) = (header.shape[0], header.shape[1])
        dataOffset = start.count - reader.rest.count
        (self.type, self.isBigEndian) = (type, isBigEndian)
    }

    /// Bytes of a row in the file.
    package var rowBytes: Int { columns * type.byteCount }

    /// The elements of whole rows.
    /// - Parameter bytes: those of the rows, one after another.
    /// - Throws: `malformed` where they are not whole elements.
    package func decode(_ bytes: [UInt8]) throws(FormatError) -> [Float] {
        try ElementDecoder.decode(bytes[...], as: type, bigEndian: isBigEndian)
    }
}
