import SIREN
import WeightFormats

/// An image of pairs of pictures: the wanted one, such as a network's own, above the one that a model made, such as that
/// reconstructed from latents. The pairs stand side by side in rows, on white.
package struct PictureSheet {
    private let pairs: [(own: Picture, drawn: Picture)]
    private let columns: Int
    private let scale: Int
    /// Pixels between pictures.
    private static let gap = 4

    /// - Parameters:
    ///   - pairs: pictures of one size and number of channels, values in [−1, 1].
    ///   - columns: pairs in a row.
    ///   - scale: pixels of the image, in either direction, for each pixel of a picture.
    package init(_ pairs: [(own: Picture, drawn: Picture)], columns: Int = 16, scale: Int = 2) {
        self.pairs = pairs
        self.columns = columns
        self.scale = scale
    }

    /// The image as a PNG file, grey for one channel, RGB for three.
    /// - Throws: `FormatError` where there is no pair, or the image cannot be compressed.
    package func png() throws(FormatError) -> [UInt8] {
        guard let first = pairs.first?.own else {
            throw FormatError(.malformed, "a picture sheet needs at least one pair of pictures")
        }
        let rows = (pairs.count + columns - 1) / columns
        let cell = (height: first.height * scale, width: first.width * scale)
        let height = rows * (2 * cell.height + 2 * Self.gap) + Self.gap
        let width = min(columns, pairs.count) * (cell.width + Self.gap) + Self.gap
        var values = [Float](repeating: 1, count: height * width * first.channels)
        for (index, pair) in pairs.enumerated() {
            let top = index / columns * (2 * cell.height + 2 * Self.gap) + Self.gap
            let left = index % columns * (cell.width + Self.gap) + Self.gap
            for (offset, picture) in [(0, pair.own), (cell.height + Self.gap / 2, pair.drawn)] {
                for row in 0..<cell.height {
                    for column in 0..<cell.width {
                        for channel in 0..<first.channels {
                            let source = (row / scale * first.width + column / scale) * first.channels + channel
                            let target = ((top + offset + row) * width + left + column) * first.channels + channel
                            values[target] = picture.values[source]
                        }
                    }
                }
            }
        }
        return try PNGWriter.write(
            Picture(height: height, width: width, channels: first.channels, values: values).bytes8, width: width,
            height: height, color: first.channels == 1 ? .gray : .rgb)
    }
}
