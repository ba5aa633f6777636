import Foundation
import Networks
import Tensors

/// An affine map of a picture's coordinates: the edited picture g of a picture f is g(p) = f(A p + t), where
/// p = (row, column) with −1 at the top and left edge and 1 at the bottom and right edge.
///
/// The edited picture shows what the function says wherever A p + t lies, also outside of [−1, 1]², where the network was
/// not fitted: `zoom` by less than 1, `translate` and `rotate` uncover such regions, whose content is whatever the function
/// has there. In a picture that is not square, the map acts on the square that is stretched to it.
package struct CoordinateMap: Sendable, Hashable {
    /// A, row by row: (∂row′/∂row, ∂row′/∂column), (∂column′/∂row, ∂column′/∂column).
    package let matrix: [[Double]]
    /// t, (row, column).
    package let offset: [Double]

    init(_ matrix: [[Double]], _ offset: [Double] = [0, 0]) {
        self.matrix = matrix
        self.offset = offset
    }

    /// The picture turned counter-clockwise about its centre: with θ in radians, A = ((cos θ, sin θ), (−sin θ, cos θ)).
    /// Multiples of 90 degrees are exact.
    package static func rotation(degrees: Double) -> CoordinateMap {
        let turn = degrees.truncatingRemainder(dividingBy: 360)
        let (cosine, sine): (Double, Double) =
            switch turn < 0 ? turn + 360 : turn {
            case 0: (1, 0)
            case 90: (0, 1)
            case 180: (-1, 0)
            case 270: (0, -1)
            case let angle: (cos(angle * .pi / 180), sin(angle * .pi / 180))
            }
        return CoordinateMap([[cosine, sine], [-sine, cosine]])
    }

    /// Left and right exchanged, A = diag(1, −1), or top and bottom, A = diag(−1, 1).
    package static func mirror(_ axis: MirrorAxis) -> CoordinateMap {
        axis == .x ? CoordinateMap([[1, 0], [0, -1]]) : CoordinateMap([[-1, 0], [0, 1]])
    }

    /// The picture moved to the right by `right` of its width and down by `down` of its height:
    /// t = (−2 down, −2 right).
    package static func translation(right: Double, down: Double) -> CoordinateMap {
        CoordinateMap([[1, 0], [0, 1]], [-2 * down, -2 * right])
    }

    /// The picture enlarged by `factor` about its centre: A = diag(1 / factor).
    package static func zoom(_ factor: Double) -> CoordinateMap {
        CoordinateMap([[1 / factor, 0], [0, 1 / factor]])
    }

    /// The part of the picture that begins at (left, top) with those extents, all fractions of its width and height, as
    /// the whole picture: A = diag(height, width), t = (2 top + height − 1, 2 left + width − 1).
    package static func crop(left: Double, top: Double, width: Double, height: Double) -> CoordinateMap {
        CoordinateMap([[height, 0], [0, width]], [2 * top + height - 1, 2 * left + width - 1])
    }

    /// The map in a notation's own coordinates: u ↦ M u + s.
    ///
    /// With the middle m and half the length h of the interval of coordinates, and P the exchange of the two where columns
    /// come first, a pixel p has the coordinates u = m + h P p. So M = P A P and s = m − M m + h P t.
    func written(in notation: Notation) -> (matrix: [[Double]], offset: [Double]) {
        let isSwapped = notation.order == .columnsFirst
        let own = isSwapped ? [matrix[1].reversed(), matrix[0].reversed()] : matrix
        let shift = isSwapped ? offset.reversed() : offset
        let (middle, half) = (
            (notation.coordinates.low + notation.coordinates.high) / 2, notation.coordinates.length / 2
        )
        return (own, (0..<2).map { middle - (own[$0][0] + own[$0][1]) * middle + half * shift[$0] })
    }
}

/// The axis along which a picture is mirrored.
package enum MirrorAxis: String, Sendable, Hashable, CaseIterable {
    /// Left and right are exchanged.
    case x
    /// Top and bottom are exchanged.
    case y
}

extension NotatedNetwork {
    /// Makes the network the function p ↦ f(A p + t) of a picture's coordinates.
    /// - Throws: where it is not a function of two coordinates.
    mutating func compose(with map: CoordinateMap) throws(EditError) {
        let (matrix, offset) = map.written(in: notation)
        try substituteInputs(matrix, offset)
    }

    /// Replaces the two inputs u by M u + s, in float64 and rounded once: W′ = W M and b′ = b + W s in the first layer.
    ///
    /// Behind Fourier features z = k B u the matrix changes, B′ = B M, and the constant part of the angles, φ = k B s, turns
    /// each pair of sine and cosine: sin(z + φ) = cos φ sin z + sin φ cos z and cos(z + φ) = cos φ cos z − sin φ sin z. The
    /// first layer takes that in: with the columns S of the sines and C of the cosines, S′ = cos φ S − sin φ C and
    /// C′ = sin φ S + cos φ C.
    /// - Throws: where the network is not a function of two coordinates.
    mutating func substituteInputs(_ matrix: [[Double]], _ offset: [Double]) throws(EditError) {
        let spec = weights.spec
        guard spec.isFullyConnected, !weights.layers.isEmpty else {
            throw EditError("only fully connected networks have coordinates to change; received one with convolutions")
        }
        let inputs = spec.inputs
        guard let features else {
            guard inputs == 2 else { throw Self.notOfCoordinates(inputs) }
            var first = weights.layers[0]
            for neuron in first.bias.values.indices {
                let row = [Double(first.weight.values[2 * neuron]), Double(first.weight.values[2 * neuron + 1])]
                for column in 0..<2 {
                    first.weight.values[2 * neuron + column] = Float(
                        row[0] * matrix[0][column] + row[1] * matrix[1][column])
                }
                first.bias.values[neuron] = Float(
                    Double(first.bias.values[neuron]) + row[0] * offset[0] + row[1] * offset[1])
            }
            weights.layers[0] = first
            return
        }
        guard features.coordinates == 2, inputs == 2 * features.frequencies else { throw Self.notOfCoordinates(inputs) }
        var changed = features.matrix
        for frequency in 0..<features.frequencies {
            let row = [Double(features.matrix[2 * frequency]), Double(features.matrix[2 * frequency + 1])]
            for column in 0..<2 {
                changed[2 * frequency + column] = Float(row[0] * matrix[0][column] + row[1] * matrix[1][column])
            }
            let angle = Double(features.scale) * (row[0] * offset[0] + row[1] * offset[1])
            if angle != 0 { weights.layers[0].turn(features.columns(of: frequency), of: inputs, by: angle) }
        }
        self.features = FourierFeatures(
            matrix: changed, coordinates: 2, scale: features.scale, startsWithSines: features.startsWithSines)
    }

    private static func notOfCoordinates(_ inputs: Int) -> EditError {
        EditError(
            "edits of coordinates need a network of 2 inputs, or one behind a matrix of Fourier features in the file; received \(inputs) inputs"
        )
    }
}

extension FourierFeatures {
    /// The inputs of the first layer that hold the sine and the cosine of a frequency.
    func columns(of frequency: Int) -> (sine: Int, cosine: Int) {
        startsWithSines ? (frequency, frequencies + frequency) : (frequencies + frequency, frequency)
    }
}

extension NetworkLayer {
    /// Takes in that the angle of a pair of inputs, a sine and a cosine, is larger by `angle`.
    fileprivate mutating func turn(_ columns: (sine: Int, cosine: Int), of inputs: Int, by angle: Double) {
        let (cosine, sine) = (cos(angle), sin(angle))
        for neuron in bias.values.indices {
            let ofSine = Double(weight.values[neuron * inputs + columns.sine])
            let ofCosine = Double(weight.values[neuron * inputs + columns.cosine])
            weight.values[neuron * inputs + columns.sine] = Float(cosine * ofSine - sine * ofCosine)
            weight.values[neuron * inputs + columns.cosine] = Float(sine * ofSine + cosine * ofCosine)
        }
    }
}
