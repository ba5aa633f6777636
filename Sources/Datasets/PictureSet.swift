/// Pictures of one size, optionally with labels, to which INRs are fitted.
package struct PictureSet: Sendable {
    /// Rows of every picture.
    package let height: Int
    /// Columns of every picture.
    package let width: Int
    /// 1 (grey) or 3 (RGB) where the pictures come from a file.
    package let channels: Int
    /// (count, height, width, channels), row-major.
    private let pixels: Pixels
    /// The class of each picture, from 0; nil without labels.
    package private(set) var labels: [Int]?

    private enum Pixels: Sendable {
        /// From 0 (black) to 255 (white).
        case bytes([UInt8])
        /// In [−1, 1].
        case floats([Float])
    }

    init(height: Int, width: Int, channels: Int, bytes: [UInt8]) {
        (self.height, self.width, self.channels) = (height, width, channels)
        pixels = .bytes(bytes)
    }

    /// - Parameter floats: (count, height, width, channels), row-major, in [−1, 1].
    package init(height: Int, width: Int, channels: Int, floats: [Float]) {
        (self.height, self.width, self.channels) = (height, width, channels)
        pixels = .floats(floats)
    }

    /// The number of values of one picture: height · width · channels.
    package var size: Int { height * width * channels }

    /// The number of pictures.
    package var count: Int {
        switch pixels {
        case .bytes(let bytes): bytes.count / size
        case .floats(let floats): floats.count / size
        }
    }

    /// One picture's values in [−1, 1], (height, width, channels); a byte b is 2 b / 255 − 1.
    package func values(_ index: Int) -> [Float] {
        let range = index * size..<(index + 1) * size
        return switch pixels {
        case .bytes(let bytes): bytes[range].map { 2 * Float($0) / 255 - 1 }
        case .floats(let floats): Array(floats[range])
        }
    }

    /// The same pictures with labels.
    /// - Throws: where the number of labels is not that of the pictures.
    package func labelled(_ labels: [Int]) throws(DatasetError) -> PictureSet {
        guard labels.count == count else { throw DatasetError("expected \(count) labels, received \(labels.count)") }
        var result = self
        result.labels = labels
        return result
    }
}

/// Why a data set cannot be read or written.
package struct DatasetError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One line, which names the file where there is one.
    package let description: String

    /// An error with this line of text.
    package init(_ description: String) { self.description = description }

    /// The same error with the file's path before its text.
    func within(_ path: String) -> DatasetError { DatasetError("'\(path)': \(description)") }
}
