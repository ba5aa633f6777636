import CKernels
import Foundation

/// Fits sine networks (SIRENs) to values at fixed coordinates with Adam, one network after the other on one thread.
///
/// All fits use the same memory, a few hundred kilobytes, so that it stays in one core's cache. Copies share it too, so
/// that only one of them may be in use at a time.
package struct SineFit: Sendable {
    private let sizes: [Int]
    private let omega0: Float
    private let coordinates: Matrix
    private let parameters: [Matrix]
    private let gradients: [Matrix]
    private let moments: [(Matrix, Matrix)]
    private let trace: SineNetwork.Trace
    private let differences: Matrix

    /// Of the fit that is under way.
    private struct Goal {
        let target: Matrix
        let steps: Int
        let rate: Float
        let stop: Double?
    }

    private var goal: Goal?
    private var hasEnded = true
    /// Steps of Adam that the fit has taken.
    package private(set) var stepsTaken = 0

    /// - Parameters:
    ///   - sizes: neurons of every layer, from coordinates to outputs.
    ///   - omega0: ω₀, in radians for each unit of a layer's output.
    ///   - coordinates: (points, inputs).
    package init(sizes: [Int], omega0: Float, coordinates: Matrix) {
        self.sizes = sizes
        self.omega0 = omega0
        self.coordinates = coordinates
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
            sizes, points: coordinates.rows,
            in: Matrix(zeros: 1, SineNetwork.scratchCount(sizes, points: coordinates.rows)))
        differences = Matrix(zeros: coordinates.rows, sizes[sizes.count - 1])
    }

    /// Minimises the mean squared error with at most `steps` steps of Adam; step i has the rate
    /// rate · (1 + cos(π i / steps)) / 2.
    /// - Parameters:
    ///   - start: the initial parameters w0, b0, w1, b1, …, one after another.
    ///   - targets: the values wanted, (points, outputs), row after row.
    ///   - stop: the mean squared error at which the fit ends early.
    /// - Returns: the fitted parameters, in the order of `start`, and their mean squared error.
    package func callAsFunction(
        from start: [Float], targets: [Float], steps: Int, rate: Float, stop: Double?
    ) -> (parameters: [Float], error: Double) {
        var fit = self
        fit.begin(from: start, targets: targets, steps: steps, rate: rate, stop: stop)
        fit.advance { true }
        return fit.result()
    }

    /// Begins a fit; the parameters are those of `callAsFunction`.
    package mutating func begin(from start: [Float], targets: [Float], steps: Int, rate: Float, stop: Double?) {
        precondition(targets.count == differences.count, "a target for every output of every point")
        load(start)
        let target = Matrix(rows: differences.rows, columns: differences.columns, values: targets)
        goal = Goal(target: target, steps: steps, rate: rate, stop: stop)
        (stepsTaken, hasEnded) = (0, false)
    }

    /// Takes steps until the fit has ended or `goesOn`, which is asked after each step, says otherwise. The fit does not
    /// depend on where it is interrupted.
    /// - Returns: whether the fit has ended.
    @discardableResult
    package mutating func advance(while goesOn: () -> Bool) -> Bool {
        guard let goal, !hasEnded else { return true }
        let network = SineNetwork(parameters, 0, sizes: sizes, omega0: omega0)
        let shaped = SineNetwork.parameters(gradients, 0, sizes)
        let optimizer = AdamW()
        while stepsTaken < goal.steps {
            for gradient in gradients { gradient.pointer.update(repeating: 0, count: gradient.count) }
            var error = 0.0
            network.differentiate(
                coordinates,
                dy: { outputs in
                    error = difference(outputs, goal.target)
                    return differences
                }, dparameters: shaped, dx: nil, trace)
            if let stop = goal.stop, error <= stop { break }
            let share = Float(0.5 * (1 + cos(Double.pi * Double(stepsTaken) / Double(goal.steps))))
            for (index, parameter) in parameters.enumerated() {
                optimizer.update(
                    parameter, gradient: gradients[index], moments: moments[index], count: stepsTaken + 1,
                    rate: goal.rate * share, decay: 0, gradientFactor: 1)
            }
            stepsTaken += 1
            if stepsTaken < goal.steps, !goesOn() { return false }
        }
        hasEnded = true
        return true
    }

    /// The parameters so far, in the order of `start`, and their mean squared error.
    package func result() -> (parameters: [Float], error: Double) {
        guard let goal else { return (parameters.flatMap { $0.read() }, .nan) }
        let network = SineNetwork(parameters, 0, sizes: sizes, omega0: omega0)
        let error = difference(network.evaluate(coordinates, trace), goal.target)
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

    /// Writes the gradient of the mean squared error to `differences`; returns the error.
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
