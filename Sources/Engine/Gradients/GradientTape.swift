import CKernels

/// What a plan needs to walk its own steps backwards: reverse-mode differentiation over memory that steps write.
///
/// A storage's gradient is that of its contents at the moment reached; so `y += f(x)` only adds to x's gradient, and
/// `x = f(x)` replaces it. Two rules keep this sound, and every kernel follows them: a step that overwrites does so to
/// memory that nothing has written before, and what an adjoint reads is not written after the step that it belongs to.
final class GradientTape {
    typealias Adjoint = (GradientTape) -> Void

    private struct Gradient {
        let matrix: Matrix
        var covered: CoveredRanges
    }

    private unowned let builder: PlanBuilder
    private var active: Set<ObjectIdentifier> = []
    private var adjoints: [(end: Int, body: Adjoint)] = []
    private var gradients: [ObjectIdentifier: Gradient] = [:]

    init(_ builder: PlanBuilder) { self.builder = builder }

    /// Whether anything depends on it whose gradient is wanted.
    func isActive(_ matrix: Matrix) -> Bool { active.contains(ObjectIdentifier(matrix.storage)) }

    func activate(_ matrix: Matrix) { active.insert(ObjectIdentifier(matrix.storage)) }

    /// To be called right after the step that the adjoint belongs to was recorded.
    func append(_ adjoint: @escaping Adjoint) { adjoints.append((builder.stepCount, adjoint)) }

    /// Steps recorded before the adjoint that is being recorded was appended; nil in the forward pass.
    private(set) var adjointEnd: Int?

    /// From here on steps belong to the backward pass.
    func beginBackwardPass() { adjointEnd = builder.stepCount }

    /// Records every adjoint, last first.
    func unwind() {
        for (end, body) in adjoints.reversed() {
            adjointEnd = end
            body(self)
        }
        adjoints = []
        adjointEnd = builder.stepCount
    }

    // MARK: What adjoints ask for

    /// The gradient of a result, complete and readable; nil where nothing depends on it.
    func cotangent(of y: Matrix) -> Matrix? {
        let key = ObjectIdentifier(y.storage)
        guard let gradient = gradients[key], gradient.covered.overlaps(y.span) else { return nil }
        fillGaps(in: y)
        return y.counterpart(in: gradient.matrix)
    }

    /// Where to put a contribution that covers all of `x`, and whether to add it to what is there.
    /// - Returns: nil where the gradient is not wanted.
    func target(for x: Matrix) -> (matrix: Matrix, accumulating: Bool)? {
        guard isActive(x) else { return nil }
        let gradient = gradient(of: x)
        if x.isContiguous, !gradient.covered.overlaps(x.span) {
            gradients[ObjectIdentifier(x.storage)]?.covered.insert(x.span)
            return (x.counterpart(in: gradient.matrix), false)
        }
        fillGaps(in: x)
        return (x.counterpart(in: gradient.matrix), true)
    }

    /// Where to add contributions to parts of `x`; nil where the gradient is not wanted.
    func sum(for x: Matrix) -> Matrix? {
        guard isActive(x) else { return nil }
        let gradient = gradient(of: x)
        fillGaps(in: x)
        return x.counterpart(in: gradient.matrix)
    }

    // MARK: Storage

    private func gradient(of x: Matrix) -> Gradient {
        let key = ObjectIdentifier(x.storage)
        if let known = gradients[key] { return known }
        let new = Gradient(matrix: builder.matrix(rows: 1, columns: x.storage.count), covered: CoveredRanges())
        gradients[key] = new
        return new
    }

    private func fillGaps(in x: Matrix) {
        let key = ObjectIdentifier(x.storage)
        guard let gradient = gradients[key] else { return }
        let gaps = gradient.covered.gaps(in: x.span).map { gradient.matrix.columns($0) }
        gradients[key]?.covered.insert(x.span)
        guard !gaps.isEmpty else { return }
        builder.step(reading: [], writing: gaps) {
            for gap in gaps { gap.pointer.update(repeating: 0, count: gap.columns) }
        }
    }
}

extension Matrix {
    /// The same view of another storage.
    fileprivate func counterpart(in other: Matrix) -> Matrix {
        Matrix(storage: other.storage, offset: offset, rows: rows, columns: columns, stride: stride)
    }
}

extension PlanBuilder {
    /// Asks for the gradients of parameters or inputs; before the steps that read them are recorded.
    package func track(_ matrices: [Matrix]) {
        for matrix in matrices { tape?.activate(matrix) }
    }

    /// Says how a step's result depends on its sources. `body` records the steps that turn the result's gradient into
    /// contributions to theirs; it is never called where none of them is wanted.
    func adjoint(of y: Matrix, from sources: [Matrix?], _ body: @escaping GradientTape.Adjoint) {
        guard let tape, sources.contains(where: { $0.map(tape.isActive) ?? false }) else { return }
        tape.activate(y)
        tape.append(body)
    }

    /// Records the backward pass of everything recorded so far.
    /// - Parameter outputs: results, each with the gradient of the whole with respect to it, of its shape.
    package func differentiate(_ outputs: [(y: Matrix, cotangent: Matrix)]) {
        guard let tape else { preconditionFailure("the plan records no gradients") }
        tape.beginBackwardPass()
        for (y, cotangent) in outputs {
            if let (gradient, accumulating) = tape.target(for: y) {
                contribute(cotangent, to: gradient, accumulating: accumulating)
            }
        }
        tape.unwind()
    }

    /// The gradient of a tracked matrix, after `differentiate`; zero where no output depends on it.
    ///
    /// It must be among the matrices that `finish` keeps.
    package func gradient(of x: Matrix) -> Matrix {
        guard let gradient = tape?.sum(for: x) else { preconditionFailure("the gradient of an untracked matrix") }
        return gradient
    }

    /// target = source, or += source.
    func contribute(_ source: Matrix, to target: Matrix, accumulating: Bool, factor: Float = 1) {
        step(reading: [source] + (accumulating ? [target] : []), writing: [target]) {
            for row in 0..<source.rows {
                let (from, to) = (source.pointer + row * source.stride, target.pointer + row * target.stride)
                ck_contribute(from, to, source.columns, factor, accumulating ? 1 : 0)
            }
        }
    }
}
