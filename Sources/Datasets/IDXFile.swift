/// The IDX format of MNIST and Fashion-MNIST: 0, 0, element type and rank as one byte each, 32-bit big-endian extents,
/// then the elements in row-major order.
struct IDXFile {
    /// The extents of the axes, outermost first.
    let extents: [Int]
    /// The elements.
    let bytes: ArraySlice<UInt8>

    /// Whether a file begins like an IDX file.
    static func matches(_ bytes: [UInt8]) -> Bool { bytes.count >= 4 && bytes[0] == 0 && bytes[1] == 0 }

    /// Reads a file of unsigned bytes (type 8) with 1 to 4 axes.
    /// - Throws: for any other file, and where the number of elements is not the product of the extents.
    init(_ file: [UInt8]) throws(DatasetError) {
        guard Self.matches(file), file[2] == 8, (1...4).contains(file[3]) else {
            let start = file.prefix(4).map { String($0) }.joined(separator: " ")
            throw DatasetError(
                "expected an IDX file of unsigned bytes (0 0 8 and 1 to 4 axes), received bytes \(start)")
        }
        let rank = Int(file[3])
        guard file.count >= 4 + 4 * rank else {
            throw DatasetError(
                "the IDX header is cut short: expected \(4 + 4 * rank) bytes for \(rank) axes, the file has \(file.count)"
            )
        }
        let extents = (0..<rank).map { axis in
            (0..<4).reduce(0) { $0 << 8 | Int(file[4 + 4 * axis + $1]) }
        }
        let data = file.dropFirst(4 + 4 * rank)
        let count = extents.reduce(1) { product, extent in
            let (next, overflow) = product.multipliedReportingOverflow(by: extent)
            return overflow ? Int.max : next
        }
        guard count == data.count else {
            throw DatasetError("extents \(extents) need \(count) bytes, the file has \(data.count)")
        }
        self.extents = extents
        bytes = data
    }

    /// The pictures of a file of extents (count, height, width) or (count, height, width, channels).
    /// - Throws: for other extents, sides outside 1 to 4096, and other than 1 or 3 channels.
    func pictures() throws(DatasetError) -> PictureSet {
        guard extents.count >= 3, extents[1...].allSatisfy({ (1...4096).contains($0) }) else {
            throw DatasetError(
                "expected [count, height, width] or [count, height, width, channels], received \(extents)")
        }
        let channels = extents.count == 4 ? extents[3] : 1
        guard channels == 1 || channels == 3 else {
            throw DatasetError("expected 1 or 3 channels, received \(channels)")
        }
        return PictureSet(height: extents[1], width: extents[2], channels: channels, bytes: Array(bytes))
    }

    /// The labels of a file of extents (count).
    func labels() throws(DatasetError) -> [Int] {
        guard extents.count == 1 else { throw DatasetError("expected a list of labels, received extents \(extents)") }
        return bytes.map { Int($0) }
    }
}
