import Foundation
import Testing

@testable import Engine

@Suite("Functions evaluated without a plan")
struct FunctionEvaluationTests {
    /// The function at one point in float64, straight from the definition.
    private func reference(
        _ layers: [EvaluatedFunction.Layer], _ nonlinearity: Nonlinearity, _ point: [Float]
    ) -> [Double] {
        var state = point.map(Double.init)
        for (index, layer) in layers.enumerated() {
            state = (0..<layer.outputs).map { output in
                let sum = (0..<layer.inputs).reduce(Double(layer.bias[output])) {
                    $0 + Double(layer.weight[output * layer.inputs + $1]) * state[$1]
                }
                guard index < layers.count - 1 else { return sum }
                let z = Double(layer.factor) * sum
                switch nonlinearity {
                case .sine: return sin(z)
                case .relu: return max(z, 0)
                case .tanh: return tanh(z)
                case .sigmoid: return 1 / (1 + exp(-z))
                case .gaussian: return exp(-z * z)
                }
            }
        }
        return state
    }

    private func layers(_ sizes: [Int], _ nonlinearity: Nonlinearity, factor: Float) -> [EvaluatedFunction.Layer] {
        zip(sizes, sizes.dropFirst()).enumerated().map { index, extents in
            let (inputs, outputs) = extents
            func numbers(_ count: Int, _ scale: Double) -> [Float] {
                (0..<count).map { Float(scale * sin(Double(7 * $0 + 3 * index + 1))) }
            }
            return EvaluatedFunction.Layer(
                inputs: inputs, outputs: outputs, weight: numbers(inputs * outputs, 1 / Double(inputs)),
                bias: numbers(outputs, 0.5), nonlinearity: index < sizes.count - 2 ? nonlinearity : nil,
                factor: index == 0 ? factor : 1.5)
        }
    }

    @Test("every nonlinearity, depth and width gives the values of the definition", arguments: Nonlinearity.allCases)
    func values(nonlinearity: Nonlinearity) {
        for sizes in [[2, 1], [2, 5, 1], [2, 33, 40, 3], [6, 64, 64, 64, 1]] {
            let layers = layers(sizes, nonlinearity, factor: 10)
            let function = EvaluatedFunction(layers)
            // More points than are taken through the layers together.
            let points = (0..<230 * sizes[0]).map { Float(sin(Double($0))) }
            let values = function.values(at: points)
            #expect(values.count == 230 * sizes[sizes.count - 1])
            for index in stride(from: 0, to: 230, by: 7) {
                let expected = reference(layers, nonlinearity, Array(points[index * sizes[0]..<(index + 1) * sizes[0]]))
                for (channel, value) in expected.enumerated() {
                    #expect(abs(Double(values[index * expected.count + channel]) - value) < 2e-5)
                }
            }
        }
    }

    @Test("no points have no values")
    func noPoints() {
        #expect(EvaluatedFunction(layers([2, 3, 1], .sine, factor: 1)).values(at: []).isEmpty)
    }
}
