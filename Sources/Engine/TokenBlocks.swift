import CKernels

/// y = map(norm(x)) for the tokens of one array. *Shapes:* x (rows, inputs), y (rows, outputs).
package struct NormalizedMap: Sendable {
    let x: Matrix
    let norm: Normalization
    let map: AffineMap
    let y: Matrix

    /// An operand of `PlanBuilder.map`, which writes y. Traps unless the shapes fit.
    package init(_ x: Matrix, _ norm: Normalization, _ map: AffineMap, into y: Matrix) {
        precondition(x.rows == y.rows && x.columns == map.inputs && y.columns == map.outputs, "mapped tokens")
        (self.x, self.norm, self.map, self.y) = (x, norm, map, y)
    }
}

/// y = x + contract(gelu(expand(norm(x)))) for the tokens of one array. *Shapes:* x and y (rows, channels).
package struct FeedForward: Sendable {
    let x: Matrix
    let norm: Normalization
    let expand: AffineMap
    let contract: AffineMap
    let y: Matrix

    /// An operand of `PlanBuilder.feedForward`, which writes y. Traps unless the shapes fit.
    package init(
        _ x: Matrix, _ norm: Normalization, expand: AffineMap, contract: AffineMap, into y: Matrix
    ) {
        precondition(
            x.rows == y.rows && x.columns == expand.inputs && expand.outputs == contract.inputs
                && contract.outputs == y.columns && x.columns == y.columns, "feed-forward's shapes")
        (self.x, self.norm, self.expand, self.contract, self.y) = (x, norm, expand, contract, y)
    }
}

/// Steps that apply several operations to a block of tokens while the block is in the cache; one step for all arrays.
extension PlanBuilder {
    /// Computes all parts. Overwrites their y.
    package func map(_ parts: [NormalizedMap]) {
        let maps = parts.compactMap { packed($0.map) }
        guard maps.count == parts.count else {
            for part in parts { apply(part.map, to: normalize(part.x, part.norm), into: part.y) }
            return
        }
        for part in parts { countProduct(part.x.rows, part.map.inputs, part.map.outputs) }
        let blocks = RowBlock.split(parts.map(\.x.rows))
        let width = parts.map(\.x.columns).max() ?? 1
        let scratch = RowBlock.scratch(columns: width, in: self)
        step(
            reading: parts.flatMap { [$0.x, $0.norm.gamma, $0.norm.beta] } + maps,
            writing: parts.map(\.y) + [scratch], tasks: blocks.count
        ) { task, worker in
            let (part, rows) = (parts[blocks[task].part], blocks[task].rows)
            let normed = scratch.block(worker, rows: rows.count, columns: part.x.columns)
            normalizeRows(part.x.rows(rows), part.norm, into: normed)
            Products.apply(maps[blocks[task].part], to: normed, into: part.y.rows(rows))
        }
    }

    /// Computes all parts. Overwrites their y.
    package func feedForward(_ parts: [FeedForward]) {
        let expansions = parts.compactMap { packed($0.expand) }
        let contractions = parts.compactMap { packed($0.contract) }
        guard expansions.count == parts.count, contractions.count == parts.count else {
            for part in parts { record(part) }
            return
        }
        for part in parts { countProduct(part.x.rows, part.expand.inputs, part.expand.outputs, times: 2) }
        let blocks = RowBlock.split(parts.map(\.x.rows))
        let normed = RowBlock.scratch(columns: parts.map(\.x.columns).max() ?? 1, in: self)
        let hidden = RowBlock.scratch(
            columns: parts.map(\.expand.outputs).max() ?? 1, in: self)
        step(
            reading: parts.flatMap { [$0.x, $0.norm.gamma, $0.norm.beta] } + expansions + contractions,
            writing: parts.map(\.y) + [normed, hidden], tasks: blocks.count
        ) { task, worker in
            let (index, rows) = (blocks[task].part, blocks[task].rows)
            let part = parts[index]
            let (x, y) = (part.x.rows(rows), part.y.rows(rows))
            let own = normed.block(worker, rows: rows.count, columns: x.columns)
            let inner = hidden.block(worker, rows: rows.count, columns: part.expand.outputs)
            normalizeRows(x, part.norm, into: own)
            Products.apply(expansions[index], to: own, into: inner)
            inner.forEachRun { start, count in ck_gelu(start, start, count) }
            x.forEachRun(with: y) { from, to, count in to.update(from: from, count: count) }
            Products.apply(contractions[index], to: inner, accumulating: true, into: y)
        }
    }

    /// The same as a step for each operation, for plans whose parameters may change.
    private func record(_ part: FeedForward) {
        let hidden = apply(part.expand, to: normalize(part.x, part.norm))
        activate(hidden, .gelu)
        copy(part.x, to: part.y)
        apply(part.contract, to: hidden, into: part.y, accumulating: true)
    }
}

/// Consecutive rows of one of several matrices: the work of a task.
private struct RowBlock {
    let part: Int
    let rows: Range<Int>

    /// Rows of a block: 8 tiles of 14 rows (AVX-512) or 28 of 4 (plain code), 19 of 6 (AVX2) with 2 rows unused; few
    /// enough for the widest activations of a block to stay in the second-level cache.
    static let size = 112

    /// Unused columns of scratch memory: rows a power of two apart would compete for the same sets of the cache.
    private static let gap = 16

    /// Scratch memory for a block of each thread.
    static func scratch(columns: Int, in builder: PlanBuilder) -> Matrix {
        builder.matrix(rows: builder.threads * size, columns: columns + gap)
    }

    /// The blocks of all parts, longest first, so that threads finish at about the same time.
    static func split(_ rows: [Int]) -> [RowBlock] {
        let blocks = rows.enumerated().flatMap { part, rows in
            stride(from: 0, to: rows, by: size).map { RowBlock(part: part, rows: $0..<min($0 + size, rows)) }
        }
        return blocks.sorted { $0.rows.count > $1.rows.count }
    }
}

extension Matrix {
    /// A thread's part of scratch memory.
    fileprivate func block(_ worker: Int, rows: Int, columns: Int) -> Matrix {
        self.rows(worker * RowBlock.size..<worker * RowBlock.size + rows).columns(0..<columns)
    }
}
