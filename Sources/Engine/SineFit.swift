import CKernels
import Foundation

/// Fits sine networks to values at fixed points with Adam, one after the other on one thread.
///
/// Everything that a fit touches stays in one core's cache: its memory is a few hundred kilobytes and is used again.
package struct SineFit {
    private let sizes: [Int]
    private let omega0: Float
    private let points: Matrix
    private let parameters: [Matrix]
    private let gradients: [Matrix]
    private let moments: [(Matrix, Matrix)]
    private let trace: SineNetwork.Trace
    private let differences: Matrix

    /// *Shapes:* points (n, inputs).
    package init(sizes: [Int], omega0: Float, points: Matrix) {
        self.sizes = sizes
        self.omega0 = omega0
        self.points = points
        BLAS.useCallingThreadOnly
        func zeros() -> [Matrix] {
            sizes.indices.dropLast().flatMap {
                [Matrix(zeros: 1, sizes[$0] * sizes[$0 + 1]), Matrix(zeros: 1, sizes[$0 + 1])]
            }
        }
        parameters = zeros()
        gradients = zeros()
        moments = zip(zeros(), zeros()).map { ($0, $1) }
        trace = SineNetwork.Trace(
            sizes, points: points.rows, in: Matrix(zeros: 1, SineNetwork.scratchCount(sizes, points: points.rows)))
        differences = Matrix(zeros: points.rows, sizes[sizes.count - 1])
    }

    /// Minimises the mean squared error for `steps` steps, the rate falling to zero along a cosine.
    /// - Parameters:
    ///   - start: the parameters to begin with, w0, b0, w1, …
    ///   - targets: (points, outputs), row by row.
    ///   - stop: the error below which a fit is good enough.
    /// - Returns: the fitted parameters and their error.
    package func callAsFunction(
        from start: [Float], targets: [Float], steps: Int, rate: Float, stop: Double?
    ) -> (parameters: [Float], error: Double) {
        precondition(targets.count == differences.count, "a target for every output of every point")
        load(start)
        let target = Matrix(rows: differences.rows, columns: differences.columns, values: targets)
        let network = SineNetwork(parameters, 0, sizes: sizes, omega0: omega0)
        let shaped = SineNetwork.parameters(gradients, 0, sizes)
        let optimizer = AdamW()
        for step in 0..<steps {
            for gradient in gradients { gradient.pointer.update(repeating: 0, count: gradient.count) }
            var error = 0.0
            network.differentiate(
                points,
                dy: { outputs in
                    error = difference(outputs, target)
                    return differences
                }, dparameters: shaped, dx: nil, trace)
            if let stop, error <= stop { break }
            let share = Float(0.5 * (1 + cos(Double.pi * Double(step) / Double(steps))))
            for (index, parameter) in parameters.enumerated() {
                optimizer.update(
                    parameter, gradient: gradients[index], moments: moments[index], count: step + 1,
                    rate: rate * share, decay: 0, gradientFactor: 1)
            }
        }
        let error = difference(network.evaluate(points, trace), target)
        return (parameters.flatMap { $0.read() }, error)
    }

    private func load(_ start: [Float]) {
        var next = 0
        for (index, parameter) in parameters.enumerated() {
            parameter.write(Array(start[next..<next + parameter.count]))
            next += parameter.count
            for moment in [moments[index].0, moments[index].1] {
                moment.pointer.update(repeating: 0, count: moment.count)
            }
        }
    }

    /// Leaves the error's gradient in `differences`; returns the error.
    private func difference(_ outputs: Matrix, _ target: Matrix) -> Double {
        let factor = 2 / Float(outputs.count)
        var sum = 0.0
        for index in 0..<outputs.count {
            let own = outputs.pointer[index] - target.pointer[index]
            sum += Double(own) * Double(own)
            differences.pointer[index] = factor * own
        }
        return sum / Double(outputs.count)
    }
}
