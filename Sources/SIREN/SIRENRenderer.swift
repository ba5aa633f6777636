import Foundation
import Networks
import Tensors

/// Draws the picture that a SIREN stands for.
package struct SIRENRenderer: Sendable, Hashable {
    package let omega0: Float
    package let convention: SIRENConvention
    /// The longest side drawn.
    package let sizeLimit: Int

    package init(omega0: Float = 30, convention: SIRENConvention = .nfn, sizeLimit: Int = 512) {
        self.omega0 = omega0
        self.convention = convention
        self.sizeLimit = sizeLimit
    }

    /// Evaluates `network` on a grid of coordinates from −1 to 1, both ends included.
    /// - Returns: the picture in [-1, 1], whatever the convention's own range.
    package func picture(
        of network: NetworkWeights, height: Int, width: Int
    ) throws(PictureError) -> Picture {
        let spec = network.spec
        guard spec.isFullyConnected else { throw .notFullyConnected }
        guard spec.inputs == 2 else { throw .inputs(spec.inputs) }
        guard spec.outputs == 1 || spec.outputs == 3 else { throw .outputs(spec.outputs) }
        guard (1...max(1, sizeLimit)).contains(height), (1...max(1, sizeLimit)).contains(width) else {
            throw .size(height: height, width: width, limit: sizeLimit)
        }
        let columns = Self.coordinates(width)
        var values: [Float] = []
        values.reserveCapacity(height * width * spec.outputs)
        for row in Self.coordinates(height) {
            let outputs = evaluate(network, row: row, columns: columns)
            for column in 0..<width {
                for channel in 0..<spec.outputs { values.append(pixel(outputs[channel * width + column])) }
            }
        }
        return Picture(height: height, width: width, channels: spec.outputs, values: values)
    }

    /// `count` numbers evenly spaced from −1 to 1, counted from the nearer end so that they mirror each other exactly;
    /// −1 alone if there is one.
    static func coordinates(_ count: Int) -> [Float] { linearSpace(-1, 1, count) }

    /// A dws network's output plus one half lies in [0, 1]: 2 (f + ½) − 1 = 2 f.
    private func pixel(_ output: Float) -> Float { convention == .dws ? 2 * output : output }

    /// One row of the picture: a plane of `columns.count` values for each output.
    private func evaluate(_ network: NetworkWeights, row: Float, columns: [Float]) -> [Float] {
        var planes: [Float] = []
        for (index, layer) in network.layers.enumerated() {
            planes = index == 0 ? first(layer, row: row, columns: columns) : next(layer, planes, columns.count)
            if index < network.layers.count - 1 {
                for place in planes.indices { planes[place] = sin(omega0 * planes[place]) }
            }
        }
        return planes
    }

    /// The first layer, in which a row's own coordinate is a constant.
    private func first(_ layer: NetworkLayer, row: Float, columns: [Float]) -> [Float] {
        let (rowInput, columnInput) = convention == .nfn ? (0, 1) : (1, 0)
        var planes: [Float] = []
        planes.reserveCapacity(layer.bias.count * columns.count)
        for neuron in 0..<layer.bias.count {
            let constant = layer.weight.values[2 * neuron + rowInput] * row + layer.bias.values[neuron]
            let slope = layer.weight.values[2 * neuron + columnInput]
            for column in columns { planes.append(constant + slope * column) }
        }
        return planes
    }

    private func next(_ layer: NetworkLayer, _ inputs: [Float], _ width: Int) -> [Float] {
        let weights = layer.weight.values
        let fanIn = inputs.count / width
        var planes: [Float] = []
        planes.reserveCapacity(layer.bias.count * width)
        var sums = [Float](repeating: 0, count: width)
        for neuron in 0..<layer.bias.count {
            for column in 0..<width { sums[column] = layer.bias.values[neuron] }
            for input in 0..<fanIn {
                let weight = weights[neuron * fanIn + input]
                let start = input * width
                for column in 0..<width { sums[column] += weight * inputs[start + column] }
            }
            planes.append(contentsOf: sums)
        }
        return planes
    }
}
