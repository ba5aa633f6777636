/// Extents of a picture in pixels, and its channels.
package struct ImageShape: Hashable, Sendable {
    /// Rows of pixels.
    package let height: Int
    /// Columns of pixels.
    package let width: Int
    /// 1 for grey, 3 for colours.
    package let channels: Int

    /// Extents of at least 1 each; not checked.
    package init(height: Int, width: Int, channels: Int) {
        self.height = height
        self.width = width
        self.channels = channels
    }

    /// height · width
    package var pixels: Int { height * width }

    /// `28x28x1`: height, width and channels.
    package var text: String { "\(height)x\(width)x\(channels)" }

    /// Extents written as `28x28x1`, each from 1 to 512; nil for other text.
    package init?(text: String) {
        let parts = text.split(separator: "x", omittingEmptySubsequences: false)
        let extents = parts.compactMap { Int($0) }
        guard parts.count == 3, extents.count == 3, extents.allSatisfy((1...512).contains) else { return nil }
        self.init(height: extents[0], width: extents[1], channels: extents[2])
    }
}
