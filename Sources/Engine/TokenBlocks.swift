import CKernels

/// y = map(norm(x)), on the tokens of one array.
package struct NormalizedMap: Sendable {
    let x: Matrix
    let norm: Normalization
    let map: AffineMap
    let y: Matrix

    package init(_ x: Matrix, _ norm: Normalization, _ map: AffineMap, into y: Matrix) {
        precondition(x.rows == y.rows && x.columns == map.inputs && y.columns == map.outputs, "mapped tokens")
        (self.x, self.norm, self.map, self.y) = (x, norm, map, y)
    }
}

/// y = x + contract(gelu(expand(norm(x)))), on the tokens of one array.
package struct FeedForward: Sendable {
    let x: Matrix
    let norm: Normalization
    let expand: AffineMap
    let contract: AffineMap
    let y: Matrix

    package init(
        _ x: Matrix, _ norm: Normalization, expand: AffineMap, contract: AffineMap, into y: Matrix
    ) {
        precondition(
            x.rows == y.rows && x.columns == expand.inputs && expand.outputs == contract.inputs
                && contract.outputs == y.columns && x.columns == y.columns, "feed-forward's shapes")
        (self.x, self.norm, self.expand, self.contract, self.y) = (x, norm, expand, contract, y)
    }
}

/// Steps that take a block of tokens through several operations while it is in the cache, all arrays in one step.
extension PlanBuilder {
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

    /// The same, operation after operation.
    private func record(_ part: FeedForward) {
        let hidden = apply(part.expand, to: normalize(part.x, part.norm))
        activate(hidden, .gelu)
        copy(part.x, to: part.y)
        apply(part.contract, to: hidden, into: part.y, accumulating: true)
    }
}

/// Some rows of one of several matrices: what a worker does at a time.
private struct RowBlock {
    let part: Int
    let rows: Range<Int>

    /// A multiple of the rows that any product's tile holds at once (14, 6 and 4 all but divide it); small enough for
    /// a block's wide activations to stay in the second cache.
    static let size = 112

    /// Between rows of scratch memory, which would otherwise lie a power of two apart, all in the same lines of the cache.
    private static let gap = 16

    /// Room for a block of each worker.
    static func scratch(columns: Int, in builder: PlanBuilder) -> Matrix {
        builder.matrix(rows: builder.threads * size, columns: columns + gap)
    }

    /// Blocks of all parts, the long ones first, so that the short ones fill the gaps in the end.
    static func split(_ rows: [Int]) -> [RowBlock] {
        let blocks = rows.enumerated().flatMap { part, rows in
            stride(from: 0, to: rows, by: size).map { RowBlock(part: part, rows: $0..<min($0 + size, rows)) }
        }
        return blocks.sorted { $0.rows.count > $1.rows.count }
    }
}

extension Matrix {
    /// A worker's part of scratch memory.
    fileprivate func block(_ worker: Int, rows: Int, columns: Int) -> Matrix {
        self.rows(worker * RowBlock.size..<worker * RowBlock.size + rows).columns(0..<columns)
    }
}
