import CKernels
import Foundation

/// The function between two layers of a network that is evaluated without a plan.
package enum Nonlinearity: String, Sendable, Hashable, CaseIterable {
    /// sin(z)
    case sine
    /// max(z, 0)
    case relu
    case tanh
    /// 1 / (1 + e⁻ᶻ)
    case sigmoid
    /// e^(−z²)
    case gaussian

    /// z = f(factor · z), in place.
    fileprivate func apply(_ z: UnsafeMutablePointer<Float>, _ count: Int, factor: Float) {
        if factor != 1 { ck_contribute(z, z, count, factor, 0) }
        switch self {
        case .sine: ck_sin(z, z, count)
        case .relu: ck_relu(z, z, count)
        case .sigmoid: ck_sigmoid(z, z, count)
        case .tanh:
            // tanh(z) = 2 σ(2 z) − 1
            ck_contribute(z, z, count, 2, 0)
            ck_sigmoid(z, z, count)
            for index in 0..<count { z[index] = 2 * z[index] - 1 }
        case .gaussian:
            for index in 0..<count { z[index] = -z[index] * z[index] }
            ck_exp(z, z, count)
        }
    }
}

/// A fully connected network of any depth and width, evaluated at many points at once on the calling thread.
///
/// For functions of which each is evaluated once or twice: models that are evaluated for every request, or
/// differentiated, are recorded in plans.
package struct EvaluatedFunction: Sendable {
    /// A layer y = W x + b, followed by f(factor · y), or by nothing.
    package struct Layer: Sendable {
        package let inputs: Int
        package let outputs: Int
        /// (outputs, inputs), row-major.
        package let weight: [Float]
        /// (outputs)
        package let bias: [Float]
        /// f; nil for a linear layer.
        package let nonlinearity: Nonlinearity?
        /// The factor of the layer's outputs in f.
        package let factor: Float

        /// Traps unless the arrays have the sizes that the extents say.
        package init(
            inputs: Int, outputs: Int, weight: [Float], bias: [Float], nonlinearity: Nonlinearity?, factor: Float = 1
        ) {
            precondition(weight.count == inputs * outputs && bias.count == outputs, "a layer's arrays and extents")
            self.inputs = inputs
            self.outputs = outputs
            self.weight = weight
            self.bias = bias
            self.nonlinearity = nonlinearity
            self.factor = factor
        }
    }

    private let layers: [(packed: Matrix, inputs: Int, outputs: Int, nonlinearity: Nonlinearity?, factor: Float)]
    /// The most points that are taken through all layers together, so that their values stay in the processor's cache,
    /// and the most values that a layer may have for them.
    private static let block = 112
    private static let blockValues = 1 << 18

    /// Traps for no layers, for layers without inputs or outputs, and where one's inputs are not the outputs before it.
    package init(_ layers: [Layer]) {
        precondition(!layers.isEmpty, "a function without layers")
        precondition(zip(layers, layers.dropFirst()).allSatisfy { $0.outputs == $1.inputs }, "layers that do not chain")
        self.layers = layers.map { layer in
            let count = Products.packedCount(outputs: layer.outputs, inputs: layer.inputs)
            let packed = Matrix(rows: 1, columns: count, values: [Float](repeating: 0, count: count))
            Products.pack(
                Matrix(rows: layer.outputs, columns: layer.inputs, values: layer.weight),
                Matrix(rows: 1, columns: layer.outputs, values: layer.bias), into: packed)
            return (packed, layer.inputs, layer.outputs, layer.nonlinearity, layer.factor)
        }
    }

    /// The function's values.
    ///
    /// *Shapes:* points (count, inputs), row-major → (count, outputs), row-major. Traps for another number of inputs.
    package func values(at points: [Float]) -> [Float] {
        let inputs = layers[0].inputs
        precondition(points.count.isMultiple(of: inputs), "points of \(inputs) coordinates")
        let count = points.count / inputs
        guard count > 0 else { return [] }
        let width = layers.reduce(inputs) { max($0, $1.outputs) }
        let size = max(1, min(Self.block, count, Self.blockValues / width))
        let scratch = Matrix(rows: 2, columns: size * width, values: [Float](repeating: 0, count: 2 * size * width))
        var result: [Float] = []
        result.reserveCapacity(count * layers[layers.count - 1].outputs)
        for start in stride(from: 0, to: count, by: size) {
            let rows = min(size, count - start)
            var input = scratch.rows(0..<1).columns(0..<rows * inputs).reshaped(rows: rows, columns: inputs)
            input.write(Array(points[start * inputs..<(start + rows) * inputs]))
            for (index, layer) in layers.enumerated() {
                let place = (index + 1) % 2
                let output = scratch.rows(place..<place + 1).columns(0..<rows * layer.outputs)
                    .reshaped(rows: rows, columns: layer.outputs)
                Products.apply(layer.packed, to: input, into: output)
                layer.nonlinearity?.apply(output.pointer, output.count, factor: layer.factor)
                input = output
            }
            result += input.read()
        }
        return result
    }
}
