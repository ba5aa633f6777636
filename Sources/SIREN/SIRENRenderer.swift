import Foundation
import Networks
import Tensors

/// Draws the picture that a SIREN represents: for one network at a time, without a plan. Models evaluate SIRENs by
/// `PlanBuilder.evaluateSines`, whose sines are approximated by vector instructions.
package struct SIRENRenderer: Sendable, Hashable {
    /// ω₀, in radians for each unit of a layer's output.
    package let omega0: Float
    package let convention: SIRENConvention
    /// The longest side, in pixels, that is drawn.
    package let sizeLimit: Int

    package init(omega0: Float = 30, convention: SIRENConvention = .nfn, sizeLimit: Int = 512) {
        self.omega0 = omega0
        self.convention = convention
        self.sizeLimit = sizeLimit
    }

    /// Evaluates `network` at the coordinates of a `CoordinateGrid`.
    /// - Returns: the picture, nominally in [−1, 1] in either convention.
    /// - Throws: where the network does not have 2 inputs and 1 or 3 outputs, has convolutions, or a side is not
    ///   between 1 and `sizeLimit`.
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
        let grid = CoordinateGrid(height: height, width: width, convention: convention)
        let columns = grid.columns
        var values: [Float] = []
        values.reserveCapacity(height * width * spec.outputs)
        for row in grid.rows {
            let outputs = evaluate(network, row: row, columns: columns)
            for column in 0..<width {
                for channel in 0..<spec.outputs { values.append(pixel(outputs[channel * width + column])) }
            }
        }
        return Picture(height: height, width: width, channels: spec.outputs, values: values)
    }

    /// The pixel in [−1, 1] of an output f. In the dws convention f + ½ is the pixel in [0, 1]: 2 (f + ½) − 1 = 2 f.
    private func pixel(_ output: Float) -> Float { convention == .dws ? 2 * output : output }

    /// The network's outputs at one row of pixels, (outputs, columns).
    private func evaluate(_ network: NetworkWeights, row: Float, columns: [Float]) -> [Float] {
        var values: [Float] = []
        for (index, layer) in network.layers.enumerated() {
            values = index == 0 ? first(layer, row: row, columns: columns) : next(layer, values, columns.count)
            if index < network.layers.count - 1 {
                for place in values.indices { values[place] = sin(omega0 * values[place]) }
            }
        }
        return values
    }

    /// The first layer's values before the sine, (neurons, columns); the row's coordinate is the same in all columns.
    private func first(_ layer: NetworkLayer, row: Float, columns: [Float]) -> [Float] {
        let inputs = convention.inputs
        var values: [Float] = []
        values.reserveCapacity(layer.bias.count * columns.count)
        for neuron in 0..<layer.bias.count {
            let constant = layer.weight.values[2 * neuron + inputs.row] * row + layer.bias.values[neuron]
            let slope = layer.weight.values[2 * neuron + inputs.column]
            for column in columns { values.append(constant + slope * column) }
        }
        return values
    }

    /// A later layer's values before the sine, (neurons, columns), from the values of the layer before.
    private func next(_ layer: NetworkLayer, _ inputs: [Float], _ width: Int) -> [Float] {
        let weights = layer.weight.values
        let fanIn = inputs.count / width
        var values: [Float] = []
        values.reserveCapacity(layer.bias.count * width)
        var sums = [Float](repeating: 0, count: width)
        for neuron in 0..<layer.bias.count {
            for column in 0..<width { sums[column] = layer.bias.values[neuron] }
            for input in 0..<fanIn {
                let weight = weights[neuron * fanIn + input]
                let start = input * width
                for column in 0..<width { sums[column] += weight * inputs[start + column] }
            }
            values.append(contentsOf: sums)
        }
        return values
    }
}
