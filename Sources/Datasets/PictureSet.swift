/// Pictures of one size, perhaps with labels: what INRs are fitted to.
package struct PictureSet: Sendable {
    package let height: Int
    package let width: Int
    package let channels: Int
    /// Row by row, the channels of a pixel together, in [−1, 1].
    private let pixels: Pixels
    package private(set) var labels: [Int]?

    private enum Pixels: Sendable {
        case bytes([UInt8])
        case floats([Float])
    }

    init(height: Int, width: Int, channels: Int, bytes: [UInt8]) {
        (self.height, self.width, self.channels) = (height, width, channels)
        pixels = .bytes(bytes)
    }

    /// - Parameter floats: values in [−1, 1].
    package init(height: Int, width: Int, channels: Int, floats: [Float]) {
        (self.height, self.width, self.channels) = (height, width, channels)
        pixels = .floats(floats)
    }

    /// Values of one picture.
    package var size: Int { height * width * channels }

    package var count: Int {
        switch pixels {
        case .bytes(let bytes): bytes.count / size
        case .floats(let floats): floats.count / size
        }
    }

    /// The picture's values in [−1, 1], where 0 of 255 is −1 and 255 is 1.
    package func values(_ index: Int) -> [Float] {
        let range = index * size..<(index + 1) * size
        return switch pixels {
        case .bytes(let bytes): bytes[range].map { 2 * Float($0) / 255 - 1 }
        case .floats(let floats): Array(floats[range])
        }
    }

    /// The same pictures with a label each.
    package func labelled(_ labels: [Int]) throws(DatasetError) -> PictureSet {
        guard labels.count == count else { throw DatasetError("expected \(count) labels, received \(labels.count)") }
        var result = self
        result.labels = labels
        return result
    }
}

/// Why a data set cannot be read or written; the message names the file where there is one.
package struct DatasetError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    func within(_ path: String) -> DatasetError { DatasetError("'\(path)': \(description)") }
}
