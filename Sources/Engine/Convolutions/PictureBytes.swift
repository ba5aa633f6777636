/// Pictures of one size with a class each, one byte a value.
package struct PictureBytes: Sendable {
    package let channels: Int
    package let height: Int
    package let width: Int
    /// (pictures, channels, height, width), row-major.
    package let values: [UInt8]
    /// The class of each picture, from 0.
    package let labels: [Int32]

    /// - Parameters:
    ///   - values: (pictures, channels, height, width), row-major.
    ///   - labels: the class of each picture, from 0.
    package init(channels: Int, height: Int, width: Int, values: [UInt8], labels: [Int32]) {
        precondition(values.count == labels.count * channels * height * width, "values of every picture")
        self.channels = channels
        self.height = height
        self.width = width
        self.values = values
        self.labels = labels
    }

    /// The number of pictures.
    package var count: Int { labels.count }
    /// Values of one picture.
    var size: Int { channels * height * width }
}
