import CKernels

/// Extents of a multi-head softmax attention in which, for every network and head, `queries` tokens attend to `keys`
/// tokens.
package struct AttentionShape: Sendable {
    /// Networks.
    package let batch: Int
    /// Attention heads.
    package let heads: Int
    /// Tokens of a network that attend.
    package let queries: Int
    /// Tokens of a network that are attended to.
    package let keys: Int
    /// Whether all networks of the batch have the same queries, which are then given once.
    package let sharesQueries: Bool

    package init(batch: Int, heads: Int, queries: Int, keys: Int, sharesQueries: Bool = false) {
        self.batch = batch
        self.heads = heads
        self.queries = queries
        self.keys = keys
        self.sharesQueries = sharesQueries
    }
}

/// The columns of a matrix that belong to a head: `width` columns from `first` + head · `pitch` on.
package struct HeadColumns: Sendable {
    /// Columns of a head.
    package let width: Int
    /// Columns from the start of one head to the start of the next.
    package let pitch: Int
    /// The first column of head 0.
    package let first: Int

    /// - Parameter pitch: `width` where nil, for heads side by side.
    package init(width: Int, pitch: Int? = nil, first: Int = 0) {
        self.width = width
        self.pitch = pitch ?? width
        self.first = first
    }

    func range(_ head: Int) -> Range<Int> {
        let start = first + head * pitch
        return start..<start + width
    }
}

extension PlanBuilder {
    /// out = softmax(q · kᵀ / √d) · v for every network and head (Vaswani et al., arXiv 1706.03762); d is the width of
    /// a head's queries, the softmax runs over keys.
    ///
    /// *Shapes:* q (batch·queries, …), or (queries, …) where queries are shared; k and v (batch·keys, …); out
    /// (batch·queries, heads · width of a head's values), heads side by side. `qColumns` and so on say which columns of
    /// q, k and v each head reads. Overwrites `out`.
    package func attention(
        q: Matrix, _ qColumns: HeadColumns, k: Matrix, _ kColumns: HeadColumns, v: Matrix, _ vColumns: HeadColumns,
        _ shape: AttentionShape, into out: Matrix
    ) {
        let tasks = shape.batch * shape.heads
        // The backward pass reads the attention weights again, unless they take far more memory than what they are
        // computed from; then it computes them again.
        let isActive = tape.map { tape in [q, k, v].contains(where: tape.isActive) } ?? false
        let keeps = isActive && tasks * shape.queries * shape.keys <= 4 * (q.count + k.count + v.count)
        let scores = matrix(rows: (keeps ? tasks : threads) * shape.queries, columns: shape.keys)
        let sums = DoubleScratch(count: shape.queries * vColumns.width, in: self)
        let scale = 1 / Float(qColumns.width).squareRoot()
        countProduct(shape.queries, qColumns.width + vColumns.width, shape.keys, times: tasks)
        step(reading: [q, k, v], writing: [out, scores, sums.matrix], tasks: tasks) { task, worker in
            let (network, head) = (task / shape.heads, task % shape.heads)
            let firstQuery = shape.sharesQueries ? 0 : network * shape.queries
            let queries = q.rows(firstQuery..<firstQuery + shape.queries).columns(qColumns.range(head))
            let keyRows = network * shape.keys..<(network + 1) * shape.keys
            let place = keeps ? task : worker
            let own = scores.rows(place * shape.queries..<(place + 1) * shape.queries)
            Products.multiply(queries, k.rows(keyRows).columns(kColumns.range(head)), transposingB: true, into: own)
            softmaxRows(own, scale: scale)
            let result = out.rows(network * shape.queries..<(network + 1) * shape.queries)
                .columns(head * vColumns.width..<(head + 1) * vColumns.width)
            mixValues(
                own, v.rows(keyRows).columns(vColumns.range(head)), sums: sums.zeroed(worker), into: result)
        }
        adjoint(of: out, from: [q, k, v]) { tape in
            self.differentiate(
                (q, qColumns), (k, kColumns), (v, vColumns), shape, into: out, weights: keeps ? scores : nil, tape)
        }
    }

    /// - Parameter weights: those of the forward pass, (batch · heads · queries, keys); nil to compute them again.
    private func differentiate(
        _ q: (matrix: Matrix, columns: HeadColumns), _ k: (matrix: Matrix, columns: HeadColumns),
        _ v: (matrix: Matrix, columns: HeadColumns), _ shape: AttentionShape, into out: Matrix, weights kept: Matrix?,
        _ tape: GradientTape
    ) {
        guard let dout = tape.cotangent(of: out) else { return }
        let (dq, dk, dv) = (tape.sum(for: q.matrix), tape.sum(for: k.matrix), tape.sum(for: v.matrix))
        let scratch = matrix(rows: 2 * shape.queries, columns: shape.keys)
        let dweights = scratch.rows(shape.queries..<2 * shape.queries)
        let scale = 1 / Float(q.columns.width).squareRoot()
        let updated = [dq, dk, dv].compactMap { $0 }
        let read = [q.matrix, k.matrix, v.matrix, dout, kept].compactMap { $0 }
        step(reading: read + updated, writing: updated + [scratch]) {
            for task in 0..<shape.batch * shape.heads {
                let (network, head) = (task / shape.heads, task % shape.heads)
                let firstQuery = shape.sharesQueries ? 0 : network * shape.queries
                let queryRows = firstQuery..<firstQuery + shape.queries
                let keyRows = network * shape.keys..<(network + 1) * shape.keys
                let queries = q.matrix.rows(queryRows).columns(q.columns.range(head))
                let keys = k.matrix.rows(keyRows).columns(k.columns.range(head))
                let values = v.matrix.rows(keyRows).columns(v.columns.range(head))
                let gradient = dout.rows(network * shape.queries..<(network + 1) * shape.queries)
                    .columns(head * v.columns.width..<(head + 1) * v.columns.width)
                let weights =
                    kept?.rows(task * shape.queries..<(task + 1) * shape.queries) ?? scratch.rows(0..<shape.queries)
                if kept == nil {
                    Products.multiply(queries, keys, transposingB: true, into: weights)
                    softmaxRows(weights, scale: scale)
                }
                if let dv {
                    let target = dv.rows(keyRows).columns(v.columns.range(head))
                    Products.multiply(weights, gradient, transposingA: true, accumulating: true, into: target)
                }
                Products.multiply(gradient, values, transposingB: true, into: dweights)
                softmaxAdjointRows(weights, dweights, scale: scale)
                if let dq {
                    let target = dq.rows(queryRows).columns(q.columns.range(head))
                    Products.multiply(dweights, keys, accumulating: true, into: target)
                }
                if let dk {
                    let target = dk.rows(keyRows).columns(k.columns.range(head))
                    Products.multiply(dweights, queries, transposingA: true, accumulating: true, into: target)
                }
            }
        }
    }
}

/// out = weights · values. Partial products over 64 keys each are added up in float64: a single float32 sum over a
/// thousand weights of similar size would have a larger rounding error than all other layers of a model together.
private func mixValues(_ weights: Matrix, _ values: Matrix, sums: UnsafeMutablePointer<Double>, into out: Matrix) {
    let block = 64
    guard values.rows > block else {
        Products.multiply(weights, values, into: out)
        return
    }
    for first in stride(from: 0, to: values.rows, by: block) {
        let keys = first..<min(first + block, values.rows)
        Products.multiply(weights.columns(keys), values.rows(keys), into: out)
        for row in 0..<out.rows {
            ck_accumulate(out.pointer + row * out.stride, sums + row * out.columns, out.columns)
        }
    }
    for row in 0..<out.rows {
        ck_store(sums + row * out.columns, out.pointer + row * out.stride, out.columns, 1)
    }
}

/// Replaces the gradient of w = softmax(scale · s), row by row, by that of s: ds = scale · w ⊙ (dw − Σ w dw).
func softmaxAdjointRows(_ weights: Matrix, _ gradients: Matrix, scale: Float) {
    for row in 0..<weights.rows {
        let gradient = gradients.pointer + row * gradients.stride
        ck_softmax_adjoint(weights.pointer + row * weights.stride, gradient, weights.columns, scale)
    }
}

/// Replaces each row by softmax(scale · row).
func softmaxRows(_ x: Matrix, scale: Float) {
    for row in 0..<x.rows {
        let start = x.pointer + row * x.stride
        ck_softmax(start, start, x.columns, scale)
    }
}
