/// A picture as a SIREN draws it: nominally in [-1, 1], pixel after pixel, row by row, the channels of a pixel together.
package struct Picture: Sendable, Equatable {
    package let height: Int
    package let width: Int
    package let channels: Int
    /// height × width × channels values.
    package let values: [Float]

    package init(height: Int, width: Int, channels: Int, values: [Float]) {
        self.height = height
        self.width = width
        self.channels = channels
        self.values = values
    }

    /// 0 for −1 and less, 255 for 1 and more, and everything between truncated to whole numbers.
    package var bytes8: [UInt8] {
        values.map { value in
            // Comparisons that fail for a value that is no number, so that it comes out black.
            guard value > -1 else { return 0 }
            return value < 1 ? UInt8(255 * (value + 1) / 2) : 255
        }
    }
}

/// Why a network cannot be drawn.
package enum PictureError: Error, Sendable, Hashable {
    case notFullyConnected
    case inputs(Int)
    case outputs(Int)
    case size(height: Int, width: Int, limit: Int)

    package var detail: String {
        switch self {
        case .notFullyConnected: "only fully connected networks draw pictures; received one with convolutions"
        case .inputs(let count): "a picture needs a network of 2 inputs (its coordinates), received \(count)"
        case .outputs(let count):
            "a picture needs a network of 1 output (grey) or 3 (red, green, blue), received \(count)"
        case .size(let height, let width, let limit):
            "a picture's sides must be between 1 and \(limit), received \(height) × \(width)"
        }
    }
}
