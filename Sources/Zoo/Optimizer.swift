import Engine

/// The steps of one network's optimizer, with the running means that it keeps.
struct Optimizer {
    private let kind: OptimizerKind
    private let rate: Float
    private let adam = AdamW(epsilon: 1e-7)
    private let rmsprop = RMSprop()
    private let means: (Matrix, Matrix)
    private var steps = 0

    /// - Parameter count: of the parameters.
    init(_ kind: OptimizerKind, rate: Float, count: Int) {
        self.kind = kind
        self.rate = rate
        means = (Matrix(zeros: 1, count), Matrix(zeros: 1, count))
    }

    /// One step in place.
    mutating func update(_ parameters: Matrix, gradient: Matrix) {
        steps += 1
        switch kind {
        case .sgd: parameters.add(gradient, factor: -rate)
        case .adam:
            adam.update(
                parameters, gradient: gradient, moments: means, count: steps, rate: rate, decay: 0, gradientFactor: 1)
        case .rmsprop: rmsprop.update(parameters, gradient: gradient, squares: means.1, rate: rate)
        }
    }
}
