import Engine
import SIREN

/// The values that a network of a model's own notation would have at the model's coordinates, taken from a function of
/// any notation.
struct FunctionReading {
    private let coordinates: Matrix
    private let own: Notation
    private let channels: Int

    /// - Parameters:
    ///   - coordinates: in the notation `own`, (points, 2).
    ///   - channels: of the model's networks.
    init(_ coordinates: Matrix, _ own: Notation, channels: Int) {
        self.coordinates = coordinates
        self.own = own
        self.channels = channels
    }

    /// *Shapes:* → (points, channels). Grey of three channels is their mean; three of one are equal.
    func values(of function: DrawnFunction) -> [Float] {
        var points = coordinates.read()
        if own.order == .columnsFirst {
            for index in stride(from: 0, to: points.count, by: 2) { points.swapAt(index, index + 1) }
        }
        let pixels = function.pixels(at: points)
        let given = function.channels
        let scale = Float(own.values.length / 2)
        let black = Float(own.values.low)
        return stride(from: 0, to: pixels.count, by: given).flatMap { start in
            let pixel = pixels[start..<start + given]
            let values = given == channels ? Array(pixel) : [pixel.reduce(0, +) / Float(given)]
            return (0..<channels).map { black + (values[min($0, values.count - 1)] + 1) * scale }
        }
    }
}
