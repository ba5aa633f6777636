import Foundation
import Networks
import Tensors

extension Initializer {
    /// The initial parameters of a network, for each layer its weights and then its biases, which are 0.
    func parameters(_ spec: NetworkSpec, deviation: Float, random: inout RandomSource) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(spec.parameterCount)
        for layer in spec.layers {
            let (rows, columns) = (layer.outputs, layer.inputs * layer.kernelCount)
            switch self {
            case .normal: result += normal(rows * columns, deviation, &random)
            case .truncatedNormal:
                for _ in 0..<rows * columns {
                    var value = random.normal()
                    while abs(value) > 2 { value = random.normal() }
                    result.append(deviation * value)
                }
            case .he: result += normal(rows * columns, Float(2 / Double(columns)).squareRoot(), &random)
            case .glorot:
                let fans = columns + layer.outputs * layer.kernelCount
                result += normal(rows * columns, Float(2 / Double(fans)).squareRoot(), &random)
            case .orthogonal: result += orthogonal(rows, columns, &random)
            }
            result += [Float](repeating: 0, count: layer.outputs)
        }
        return result
    }

    private func normal(_ count: Int, _ deviation: Float, _ random: inout RandomSource) -> [Float] {
        (0..<count).map { _ in deviation * random.normal() }
    }

    /// (rows, columns), row-major: normal vectors, made orthonormal one after another.
    private func orthogonal(_ rows: Int, _ columns: Int, _ random: inout RandomSource) -> [Float] {
        let (count, length) = (min(rows, columns), max(rows, columns))
        var vectors: [[Double]] = []
        while vectors.count < count {
            var vector = (0..<length).map { _ in Double(random.normal()) }
            // Twice, because the first pass leaves rounding errors where the vector is short after it.
            for _ in 0..<2 {
                for other in vectors {
                    let product = zip(vector, other).reduce(0) { $0 + $1.0 * $1.1 }
                    for index in vector.indices { vector[index] -= product * other[index] }
                }
            }
            let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            if norm > 1e-6 { vectors.append(vector.map { $0 / norm }) }
        }
        return (0..<rows * columns).map { index in
            let (row, column) = (index / columns, index % columns)
            return Float(rows <= columns ? vectors[row][column] : vectors[column][row])
        }
    }
}
