/// A change of pictures that an editor of networks can learn. Values are nominally in [−1, 1].
package enum PictureEdit: String, Sendable, CaseIterable {
    /// The largest value of the 3 × 3 pixels around each pixel, as far as they are in the picture.
    case dilate
    /// The smallest of them.
    case erode
    /// largest − smallest − 1, the morphological gradient in [−1, 1].
    case gradient
    /// m + 2 (x − m), cut to [−1, 1], where m is the mean of the picture's values.
    case contrast

    /// - Parameter values: (height, width, channels), row-major.
    /// - Returns: the edited picture.
    package func apply(_ values: [Float], height: Int, width: Int, channels: Int) -> [Float] {
        precondition(values.count == height * width * channels, "a picture's values")
        guard self != .contrast else {
            let mean = Float(values.reduce(0.0) { $0 + Double($1) } / Double(max(1, values.count)))
            return values.map { min(max(mean + 2 * ($0 - mean), -1), 1) }
        }
        var result = values
        for row in 0..<height {
            for column in 0..<width {
                for channel in 0..<channels {
                    var (least, most) = (Float.infinity, -Float.infinity)
                    for r in max(0, row - 1)...min(height - 1, row + 1) {
                        for c in max(0, column - 1)...min(width - 1, column + 1) {
                            let value = values[(r * width + c) * channels + channel]
                            least = min(least, value)
                            most = max(most, value)
                        }
                    }
                    let place = (row * width + column) * channels + channel
                    switch self {
                    case .dilate: result[place] = most
                    case .erode: result[place] = least
                    case .gradient, .contrast: result[place] = most - least - 1
                    }
                }
            }
        }
        return result
    }
}

extension PlanBuilder {
    /// y = the edited pictures of x; nothing is differentiated.
    ///
    /// *Shapes:* x and y (batch, height · width · channels), pixels row by row.
    package func edit(_ x: Matrix, _ edit: PictureEdit, height: Int, width: Int, channels: Int, into y: Matrix) {
        precondition(x.columns == height * width * channels, "pictures' size")
        precondition(x.rows == y.rows && x.columns == y.columns, "edited pictures' shape")
        step(reading: [x], writing: [y], tasks: x.rows) { row, _ in
            let edited = edit.apply(x.rows(row..<row + 1).read(), height: height, width: width, channels: channels)
            y.rows(row..<row + 1).write(edited)
        }
    }
}
