import Engine
import Networks
import Tensors

/// Fourier features of coordinates before a network's first layer (Tancik et al., arXiv 2006.10739):
/// (sin(s B u), cos(s B u)), or the cosines first.
package struct FourierFeatures: Sendable, Hashable {
    /// B, (frequencies, coordinates), row-major.
    package let matrix: [Float]
    /// The inputs of the whole function: 2 for pictures.
    package let coordinates: Int
    /// s: 2π where B holds frequencies in periods, 1 where it holds them in radians.
    package let scale: Float
    /// Whether the sines of all frequencies come before the cosines.
    package let startsWithSines: Bool

    /// Features of a matrix whose number of elements is a multiple of `coordinates`.
    package init(matrix: [Float], coordinates: Int, scale: Float, startsWithSines: Bool) {
        self.matrix = matrix
        self.coordinates = coordinates
        self.scale = scale
        self.startsWithSines = startsWithSines
    }

    /// Rows of B: half of the features.
    package var frequencies: Int { matrix.count / max(coordinates, 1) }

    /// The features as a layer of sines, since cos z = sin(z + π/2).
    var layer: EvaluatedFunction.Layer {
        let scaled = matrix.map { $0 * scale }
        let zeros = [Float](repeating: 0, count: frequencies)
        let quarters = [Float](repeating: Float.pi / 2, count: frequencies)
        return EvaluatedFunction.Layer(
            inputs: coordinates, outputs: 2 * frequencies, weight: scaled + scaled,
            bias: startsWithSines ? zeros + quarters : quarters + zeros, nonlinearity: .sine)
    }
}

/// A network as a function of a picture's coordinates: its layers, how they are to be read, and what lies before them.
package struct DrawnFunction: Sendable {
    /// The layers, as they are in the file.
    package let network: NetworkWeights
    /// How the layers are read.
    package let notation: Notation
    /// What is computed of the coordinates before the first layer; nil where they are its inputs.
    package let features: FourierFeatures?
    private let function: EvaluatedFunction

    /// - Throws: where the network has convolutions, does not read 2 coordinates (or the features of 2), or does not have
    ///   1 or 3 outputs.
    package init(
        _ network: NetworkWeights, _ notation: Notation, features: FourierFeatures? = nil
    ) throws(PictureError) {
        let spec = network.spec
        guard spec.isFullyConnected, !network.layers.isEmpty else { throw .notFullyConnected }
        guard features.map({ $0.coordinates == 2 && 2 * $0.frequencies == spec.inputs }) ?? (spec.inputs == 2) else {
            throw .inputs(spec.inputs)
        }
        guard spec.outputs == 1 || spec.outputs == 3 else { throw .outputs(spec.outputs) }
        self.network = network
        self.notation = notation
        self.features = features
        let last = network.layers.count - 1
        let layers = network.layers.enumerated().map { index, layer in
            EvaluatedFunction.Layer(
                inputs: layer.weight.shape[1], outputs: layer.weight.shape[0], weight: layer.weight.values,
                bias: layer.bias.values, nonlinearity: index < last ? notation.activation : nil,
                factor: Float(notation.factor(ofLayer: index)))
        }
        function = EvaluatedFunction((features.map { [$0.layer] } ?? []) + layers)
    }

    /// Values of a pixel: 1 or 3.
    package var channels: Int { network.spec.outputs }

    /// What a pixel of a network costs, about in floating-point operations: 2 for each weight, 32 for each neuron's
    /// activation, 64 for each layer.
    package static func cost(of spec: NetworkSpec) -> Int {
        spec.layers.reduce(0) { $0 + 2 * $1.inputs * $1.outputs * $1.kernelCount + 32 * $1.outputs + 64 }
    }

    /// Networks that cost more for a pixel are not evaluated to be read: a 1000 × 1000 layer costs this.
    package static let greatestCost = 2_000_000

    /// The outputs at coordinates (row, column) in [−1, 1], as pixels nominally in [−1, 1].
    ///
    /// *Shapes:* coordinates (count, 2) → (count, channels).
    package func pixels(at coordinates: [Float]) -> [Float] {
        outputs(at: coordinates).map(notation.pixel)
    }

    /// The outputs as they are, at coordinates (row, column) in [−1, 1].
    func outputs(at coordinates: [Float]) -> [Float] {
        var points = coordinates
        if notation.coordinates != .symmetric {
            let (low, half) = (Float(notation.coordinates.low), Float(notation.coordinates.length / 2))
            for index in points.indices { points[index] = low + (points[index] + 1) * half }
        }
        if notation.order == .columnsFirst {
            for index in stride(from: 0, to: points.count, by: 2) { points.swapAt(index, index + 1) }
        }
        return function.values(at: points)
    }

    /// The picture on a grid of pixels whose first and last row and column lie at the ends of the coordinates.
    /// - Throws: where a side is not between 1 and `sizeLimit`.
    package func picture(height: Int, width: Int, sizeLimit: Int = 512) throws(PictureError) -> Picture {
        guard (1...max(1, sizeLimit)).contains(height), (1...max(1, sizeLimit)).contains(width) else {
            throw .size(height: height, width: width, limit: sizeLimit)
        }
        let grid = CoordinateGrid(height: height, width: width)
        return Picture(height: height, width: width, channels: channels, values: pixels(at: grid.coordinates))
    }
}
