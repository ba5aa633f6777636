import Engine

extension PictureBytes {
    /// The first `limit` pictures of a set, all of them where it is nil. Values are rounded to 256 levels.
    /// - Parameter name: of the set, for errors.
    /// - Throws: where the set has no labels or no pictures.
    package init(_ set: PictureSet, _ name: String, limit: Int? = nil) throws(DatasetError) {
        guard let labels = set.labels else { throw DatasetError("the \(name) pictures have no labels") }
        let count = min(set.count, limit ?? set.count)
        guard count > 0 else { throw DatasetError("there are no \(name) pictures") }
        let (pixels, channels) = (set.height * set.width, set.channels)
        var values = [UInt8](repeating: 0, count: count * set.size)
        for picture in 0..<count {
            for (index, value) in set.values(picture).enumerated() {
                // From (height, width, channels) to (channels, height, width).
                let place = index % channels * pixels + index / channels
                values[picture * set.size + place] = UInt8(min(max((value + 1) * 127.5, 0), 255).rounded())
            }
        }
        self.init(
            channels: channels, height: set.height, width: set.width, values: values,
            labels: labels.prefix(count).map { Int32($0) })
    }
}
