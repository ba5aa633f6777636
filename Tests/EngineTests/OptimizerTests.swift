import Foundation
import Testing

@testable import Engine

@Suite struct OptimizerTests {
    @Test("AdamW follows its formula in float64")
    func followsFormula() {
        var numbers = Numbers(seed: 4)
        let parameter = numbers.matrix(1, 40)
        let moments = (Matrix(zeros: 1, 40), Matrix(zeros: 1, 40))
        var (x, m, v) = (double(parameter.read()), [Double](repeating: 0, count: 40), [Double](repeating: 0, count: 40))
        for step in 1...20 {
            let gradient = numbers.matrix(1, 40)
            AdamW().update(
                parameter, gradient: gradient, moments: moments, count: step, rate: 0.01, decay: 0.1,
                gradientFactor: 0.5)
            for (index, g) in double(gradient.read()).map({ 0.5 * $0 }).enumerated() {
                m[index] = 0.9 * m[index] + 0.1 * g
                v[index] = 0.999 * v[index] + 0.001 * g * g
                let root = (v[index] / (1 - pow(0.999, Double(step)))).squareRoot() + 1e-8
                x[index] -= 0.01 * (m[index] / (1 - pow(0.9, Double(step))) / root + 0.1 * x[index])
            }
        }
        #expect(largestError(parameter.read(), x) < 1e-5)
    }

    @Test("RMSprop follows its formula in float64")
    func rmsprop() {
        var numbers = Numbers(seed: 6)
        let parameter = numbers.matrix(1, 40)
        let squares = Matrix(zeros: 1, 40)
        var (x, v) = (double(parameter.read()), [Double](repeating: 0, count: 40))
        for _ in 0..<20 {
            let gradient = numbers.matrix(1, 40)
            RMSprop().update(parameter, gradient: gradient, squares: squares, rate: 0.01)
            for (index, g) in double(gradient.read()).enumerated() {
                v[index] = 0.9 * v[index] + 0.1 * g * g
                x[index] -= 0.01 * g / (v[index].squareRoot() + 1e-7)
            }
        }
        #expect(largestError(parameter.read(), x) < 1e-5)
    }

    @Test("a fit draws its picture, the same bits every time")
    func fitsPictures() {
        var numbers = Numbers(seed: 5)
        let places: [Float] = (0..<6).map { Float($0) / 2.5 - 1 }
        let points = Matrix(rows: 36, columns: 2, values: places.flatMap { row in places.flatMap { [row, $0] } })
        let targets = (0..<36).map { sin(Float($0) / 5) }
        let start = numbers.floats(8 * 2 + 8 + 64 + 8 + 8 + 1, in: -0.2...0.2)
        let fit = SineFit(sizes: [2, 8, 8, 1], omega0: 10, coordinates: points)
        let first = fit(from: start, targets: targets, steps: 300, rate: 5e-3, stop: nil)
        #expect(first.error < 1e-3)
        let again = fit(from: start, targets: targets, steps: 300, rate: 5e-3, stop: nil)
        #expect(again.parameters == first.parameters)
        let early = fit(from: start, targets: targets, steps: 300, rate: 5e-3, stop: 0.05)
        #expect(early.error <= 0.05 && early.error > first.error)
    }
}
