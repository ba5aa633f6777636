/// A picture with values nominally in [−1, 1], from black to white.
package struct Picture: Sendable, Equatable {
    /// Rows of pixels.
    package let height: Int
    /// Columns of pixels.
    package let width: Int
    /// Values of a pixel: 1 for grey, 3 for red, green and blue.
    package let channels: Int
    /// (height, width, channels), row-major: the channels of a pixel lie together.
    package let values: [Float]

    /// A picture of height · width · channels values.
    package init(height: Int, width: Int, channels: Int, values: [Float]) {
        self.height = height
        self.width = width
        self.channels = channels
        self.values = values
    }

    /// The values as bytes, ⌊255 (v + 1) / 2⌋ limited to 0…255; NaN becomes 0.
    package var bytes8: [UInt8] {
        values.map { value in
            // False for NaN, whose conversion to an integer would trap.
            guard value > -1 else { return 0 }
            return value < 1 ? UInt8(255 * (value + 1) / 2) : 255
        }
    }
}

/// Why a network cannot be drawn as a picture.
package enum PictureError: Error, Sendable, Hashable {
    case notFullyConnected
    /// The network's number of inputs, which is not 2.
    case inputs(Int)
    /// The network's number of outputs, which is neither 1 nor 3.
    case outputs(Int)
    case size(height: Int, width: Int, limit: Int)

    /// The reason as a sentence for people.
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
