import CKernels

/// A matrix that a backward pass writes, or adds to where `accumulating`.
struct GradientTarget: Sendable {
    let matrix: Matrix
    let accumulating: Bool

    init(_ matrix: Matrix, accumulating: Bool = true) { (self.matrix, self.accumulating) = (matrix, accumulating) }

    /// What is added to: the matrix itself, or nil where it is overwritten.
    var base: Matrix? { accumulating ? matrix : nil }

    /// The same for some rows.
    func rows(_ range: Range<Int>) -> GradientTarget {
        GradientTarget(matrix.rows(range), accumulating: accumulating)
    }

    /// What a step with these targets reads of them: those that it adds to, unless it has overwritten them before.
    static func updated(_ targets: [GradientTarget]) -> [Matrix] {
        let overwritten = targets.filter { !$0.accumulating }.map(\.matrix)
        return targets.map(\.matrix).filter { target in
            !overwritten.contains { $0.storage === target.storage && $0.span == target.span }
        }
    }
}

/// Reverse-mode differentiation of the steps of a plan.
///
/// Each step that gradients pass through appends its adjoint: a closure that records steps which turn the gradient of
/// the step's result into contributions to the gradients of its sources. `unwind` calls the adjoints in reverse order.
/// When the adjoint of a step is called, the gradient of a storage is that with respect to the storage's contents just
/// after the step; when it returns, with respect to those just before. So the adjoint of `y += f(x)` adds to x's
/// gradient and leaves y's, and the adjoint of `x = f(x)` replaces x's gradient.
///
/// That is correct under two rules, which `StepChecks` can check: a step overwrites only memory that no
/// earlier step has written, updates in place aside; and what an adjoint reads is not written after the step it belongs
/// to.
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

    /// Whether its gradient is needed: it, or something that it was computed from, is tracked.
    func isActive(_ matrix: Matrix) -> Bool { active.contains(ObjectIdentifier(matrix.storage)) }

    /// Marks a tracked matrix, or a result of one.
    func activate(_ matrix: Matrix) { active.insert(ObjectIdentifier(matrix.storage)) }

    /// Must be called right after the step that the adjoint belongs to was recorded.
    func append(_ adjoint: @escaping Adjoint) { adjoints.append((builder.stepCount, adjoint)) }

    /// In the backward pass, the number of forward steps up to the one whose adjoint is being recorded; nil before.
    private(set) var adjointEnd: Int?

    /// Steps recorded from here on belong to the backward pass.
    func beginBackwardPass() { adjointEnd = builder.stepCount }

    /// Calls the adjoints, last first.
    func unwind() {
        for (end, body) in adjoints.reversed() {
            adjointEnd = end
            body(self)
        }
        adjoints = []
        adjointEnd = builder.stepCount
    }

    // MARK: For adjoints

    /// The gradient of a result, to be read; nil where no output depends on the result.
    func cotangent(of y: Matrix) -> Matrix? {
        let key = ObjectIdentifier(y.storage)
        guard let gradient = gradients[key], gradient.covered.overlaps(y.span) else { return nil }
        fillGaps(in: y)
        return y.counterpart(in: gradient.matrix)
    }

    /// The memory for a contribution to the gradient of `x` that has a value for every element, and whether the
    /// contribution must be added to what is there rather than overwrite it.
    /// - Returns: nil where the gradient is not needed.
    func target(for x: Matrix) -> GradientTarget? {
        guard isActive(x) else { return nil }
        let gradient = gradient(of: x)
        if x.isContiguous, !gradient.covered.overlaps(x.span) {
            gradients[ObjectIdentifier(x.storage)]?.covered.insert(x.span)
            return GradientTarget(x.counterpart(in: gradient.matrix), accumulating: false)
        }
        fillGaps(in: x)
        return GradientTarget(x.counterpart(in: gradient.matrix))
    }

    /// The gradient of `x`, zeros where there was no contribution, to which contributions may be added; nil where it is
    /// not needed.
    func sum(for x: Matrix) -> Matrix? {
        guard isActive(x) else { return nil }
        let gradient = gradient(of: x)
        fillGaps(in: x)
        return x.counterpart(in: gradient.matrix)
    }

    /// Whether something has contributed to its gradient.
    func hasGradient(_ x: Matrix) -> Bool {
        gradients[ObjectIdentifier(x.storage)]?.covered.overlaps(x.span) ?? false
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
    /// The view of another storage with the same offset, extents and stride.
    fileprivate func counterpart(in other: Matrix) -> Matrix {
        Matrix(storage: other.storage, offset: offset, rows: rows, columns: columns, stride: stride)
    }
}

extension PlanBuilder {
    /// Asks for the gradients of parameters or inputs. Must be called before the steps that read them are recorded.
    package func track(_ matrices: [Matrix]) {
        for matrix in matrices { tape?.activate(matrix) }
    }

    /// Appends the adjoint of the step just recorded, whose result `y` depends on `sources`. `body` records steps that
    /// turn the gradient of `y` into contributions to the sources' gradients; it is not called where none of those is
    /// needed.
    func adjoint(of y: Matrix, from sources: [Matrix?], _ body: @escaping GradientTape.Adjoint) {
        adjoint(of: [y], from: sources.compactMap { $0 }, body)
    }

    /// The same for a step of several results.
    func adjoint(of results: [Matrix], from sources: [Matrix], _ body: @escaping GradientTape.Adjoint) {
        guard let tape, sources.contains(where: tape.isActive) else { return }
        for result in results { tape.activate(result) }
        tape.append(body)
    }

    /// Records the backward pass of all steps recorded so far, for the scalar Σ cotangent · y over `outputs`.
    /// - Parameter outputs: results, each with the derivative of the scalar with respect to it, of its shape.
    package func differentiate(_ outputs: [(y: Matrix, cotangent: Matrix)]) {
        guard let tape else { preconditionFailure("the plan records no gradients") }
        tape.beginBackwardPass()
        for (y, cotangent) in outputs {
            if let target = tape.target(for: y) { contribute(cotangent, to: target) }
        }
        tape.unwind()
    }

    /// The gradient of a tracked matrix, of its shape; zeros where no output depends on it. To be called after
    /// `differentiate`; to be read after a run, it must be among the matrices that `finish` keeps.
    package func gradient(of x: Matrix) -> Matrix {
        guard let gradient = tape?.sum(for: x) else { preconditionFailure("the gradient of an untracked matrix") }
        return gradient
    }

    /// The same; nil where no output depends on the matrix.
    package func gradientIfAny(of x: Matrix) -> Matrix? {
        tape?.hasGradient(x) == true ? gradient(of: x) : nil
    }

    /// target = factor · source, or target += factor · source where the target is accumulating.
    func contribute(_ source: Matrix, to target: GradientTarget, factor: Float = 1) {
        step(reading: [source] + GradientTarget.updated([target]), writing: [target.matrix]) {
            source.forEachRun(with: target.matrix) { from, to, count in
                ck_contribute(from, to, count, factor, target.accumulating ? 1 : 0)
            }
        }
    }
}
