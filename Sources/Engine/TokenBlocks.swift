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
        let maps = packed(parts.map(\.map))
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
        adjoint(of: parts.map(\.y), from: parts.flatMap { [$0.x] + $0.norm.parameters + $0.map.parameters }) { tape in
            self.differentiate(parts, tape)
        }
    }

    private func differentiate(_ parts: [NormalizedMap], _ tape: GradientTape) {
        let width = parts.map(\.x.columns).max() ?? 1
        let scratch = (0..<2).map { _ in RowBlock.scratch(columns: width, in: self) }
        let adjoints = parts.compactMap { part in
            tape.cotangent(of: part.y).map { dy in
                NormalizedMapAdjoint(
                    part: part, dy: dy, map: MapGradient(part.map, tape), norm: NormGradient(part.norm, part.x, tape),
                    normed: scratch[0], dnormed: scratch[1])
            }
        }
        step(
            reading: adjoints.flatMap(\.reads) + GradientTarget.updated(adjoints.flatMap(\.targets)),
            writing: adjoints.flatMap { $0.targets.map(\.matrix) } + scratch
        ) {
            for adjoint in adjoints {
                RowBlock.forEach(adjoint.dy.rows) { adjoint.run($0) }
            }
        }
    }

    /// Computes all parts. Overwrites their y.
    package func feedForward(_ parts: [FeedForward]) {
        let expansions = packed(parts.map(\.expand))
        let contractions = packed(parts.map(\.contract))
        for part in parts { countProduct(part.x.rows, part.expand.inputs, part.expand.outputs, times: 2) }
        let sources = parts.flatMap {
            [$0.x] + $0.norm.parameters + $0.expand.parameters + $0.contract.parameters
        }
        let isActive = tape.map { sources.contains(where: $0.isActive) } ?? false
        // For the backward pass gelu(expand(norm(x))) and the slope of gelu there; else memory for a block.
        let kept = isActive ? parts.map { HiddenRows($0, in: self) } : []
        let blocks = RowBlock.split(parts.map(\.x.rows))
        let normed = RowBlock.scratch(columns: parts.map(\.x.columns).max() ?? 1, in: self)
        let hidden = isActive ? [] : [RowBlock.scratch(columns: parts.map(\.expand.outputs).max() ?? 1, in: self)]
        step(
            reading: parts.flatMap { [$0.x, $0.norm.gamma, $0.norm.beta] } + expansions + contractions,
            writing: parts.map(\.y) + [normed] + hidden + kept.flatMap { [$0.values, $0.slopes] }, tasks: blocks.count
        ) { task, worker in
            let (index, rows) = (blocks[task].part, blocks[task].rows)
            let part = parts[index]
            let (x, y) = (part.x.rows(rows), part.y.rows(rows))
            let own = normed.block(worker, rows: rows.count, columns: x.columns)
            normalizeRows(x, part.norm, into: own)
            let inner: Matrix
            if isActive {
                inner = kept[index].values.rows(rows)
                Products.apply(expansions[index], to: own, into: inner)
                inner.forEachRun(with: kept[index].slopes.rows(rows)) { ck_gelu_slope($0, $0, $1, $2) }
            } else {
                inner = hidden[0].block(worker, rows: rows.count, columns: part.expand.outputs)
                Products.apply(expansions[index], to: own, into: inner)
                inner.forEachRun { start, count in ck_gelu(start, start, count) }
            }
            Products.apply(contractions[index], to: inner, addingTo: x, into: y)
        }
        adjoint(of: parts.map(\.y), from: sources) { self.differentiate(parts, kept, $0) }
    }

    private func differentiate(_ parts: [FeedForward], _ kept: [HiddenRows], _ tape: GradientTape) {
        let width = parts.map(\.x.columns).max() ?? 1
        let scratch =
            (0..<2).map { _ in RowBlock.scratch(columns: width, in: self) }
            + [RowBlock.scratch(columns: parts.map(\.expand.outputs).max() ?? 1, in: self)]
        let adjoints = zip(parts, kept).compactMap { part, hidden in
            tape.cotangent(of: part.y).map { dy in
                FeedForwardAdjoint(
                    part: part, hidden: hidden, dy: dy, contract: MapGradient(part.contract, tape),
                    expand: MapGradient(part.expand, tape), norm: NormGradient(part.norm, part.x, tape),
                    normed: scratch[0], dnormed: scratch[1], dhidden: scratch[2])
            }
        }
        step(
            reading: adjoints.flatMap(\.reads) + GradientTarget.updated(adjoints.flatMap(\.targets)),
            writing: adjoints.flatMap { $0.targets.map(\.matrix) } + scratch
        ) {
            for adjoint in adjoints {
                RowBlock.forEach(adjoint.dy.rows) { adjoint.run($0) }
            }
        }
    }

    /// The packed maps, in their order. A map that is a result of the plan itself is packed by a step.
    private func packed(_ maps: [AffineMap]) -> [Matrix] {
        maps.map { map in
            if let known = packed(map) { return known }
            let target = matrix(rows: 1, columns: Products.packedCount(outputs: map.outputs, inputs: map.inputs))
            step(reading: map.parameters, writing: [target]) { Products.pack(map.weight, map.bias, into: target) }
            return target
        }
    }
}

/// gelu(expand(norm(x))) of a part's rows, and the slopes of gelu there, kept for the backward pass.
private struct HiddenRows {
    let values: Matrix
    let slopes: Matrix

    init(_ part: FeedForward, in builder: PlanBuilder) {
        values = builder.matrix(rows: part.x.rows, columns: part.expand.outputs)
        slopes = builder.matrix(rows: part.x.rows, columns: part.expand.outputs)
    }
}

/// The gradients of an affine map's parameters; nil where they are not needed.
private struct MapGradient: Sendable {
    let weight: GradientTarget?
    let bias: Matrix?

    init(_ map: AffineMap, _ tape: GradientTape) {
        weight = tape.target(for: map.weight)
        bias = map.bias.flatMap { tape.sum(for: $0) }
    }

    var targets: [GradientTarget] { [weight, bias.map { GradientTarget($0) }].compactMap { $0 } }

    /// The contribution of rows x with the gradients dy of their results. `isFirst`: of the first rows.
    func add(_ x: Matrix, _ dy: Matrix, isFirst: Bool) {
        if let weight {
            Products.multiply(
                dy, x, transposingA: true, accumulating: weight.accumulating || !isFirst, into: weight.matrix)
        }
        if let bias { ck_add_rows(dy.pointer, dy.stride, dy.rows, bias.pointer, dy.columns) }
    }
}

/// The gradients of a norm's parameters and of what it normalizes; nil where they are not needed.
private struct NormGradient: Sendable {
    let x: GradientTarget?
    let gamma: Matrix?
    let beta: Matrix?

    init(_ norm: Normalization, _ x: Matrix, _ tape: GradientTape) {
        self.x = tape.target(for: x)
        gamma = tape.sum(for: norm.gamma)
        beta = tape.sum(for: norm.beta)
    }

    var isNeeded: Bool { x != nil || gamma != nil || beta != nil }
    var targets: [GradientTarget] {
        [x, gamma.map { GradientTarget($0) }, beta.map { GradientTarget($0) }].compactMap { $0 }
    }
}

/// The backward pass of a `NormalizedMap`. norm(x) is computed again: that takes less time than reading it from memory.
private struct NormalizedMapAdjoint: Sendable {
    let part: NormalizedMap
    let dy: Matrix
    let map: MapGradient
    let norm: NormGradient
    /// Scratch memory for a block.
    let normed: Matrix
    let dnormed: Matrix

    var reads: [Matrix] { [part.x, dy, part.map.weight] + part.norm.parameters }
    var targets: [GradientTarget] { map.targets + norm.targets }

    func run(_ rows: Range<Int>) {
        let (x, dy) = (part.x.rows(rows), dy.rows(rows))
        let own = normed.block(0, rows: rows.count, columns: x.columns)
        normalizeRows(x, part.norm, into: own)
        map.add(own, dy, isFirst: rows.lowerBound == 0)
        guard norm.isNeeded else { return }
        let gradient = dnormed.block(0, rows: rows.count, columns: x.columns)
        Products.multiply(dy, part.map.weight, into: gradient)
        let dx = norm.x?.rows(rows)
        differentiateRows(
            part.norm, of: x, gradient, dx: dx?.matrix, base: dx?.base, gamma: norm.gamma, beta: norm.beta)
    }
}

/// The backward pass of a `FeedForward`.
private struct FeedForwardAdjoint: Sendable {
    let part: FeedForward
    let hidden: HiddenRows
    let dy: Matrix
    let contract: MapGradient
    let expand: MapGradient
    let norm: NormGradient
    /// Scratch memory for a block.
    let normed: Matrix
    let dnormed: Matrix
    let dhidden: Matrix

    var reads: [Matrix] {
        [part.x, dy, hidden.values, hidden.slopes, part.expand.weight, part.contract.weight] + part.norm.parameters
    }
    var targets: [GradientTarget] { contract.targets + expand.targets + norm.targets }

    func run(_ rows: Range<Int>) {
        let isFirst = rows.lowerBound == 0
        let (x, dy) = (part.x.rows(rows), dy.rows(rows))
        contract.add(hidden.values.rows(rows), dy, isFirst: isFirst)
        let inner = dhidden.block(0, rows: rows.count, columns: part.expand.outputs)
        Products.multiply(dy, part.contract.weight, into: inner)
        hidden.slopes.rows(rows).forEachRun(with: inner) { ck_multiply($0, $1, $2) }
        let own = normed.block(0, rows: rows.count, columns: x.columns)
        normalizeRows(x, part.norm, into: own)
        expand.add(own, inner, isFirst: isFirst)
        guard norm.isNeeded else { return }
        let gradient = dnormed.block(0, rows: rows.count, columns: x.columns)
        Products.multiply(inner, part.expand.weight, into: gradient)
        // The gradient of y is part of that of x.
        let dx = norm.x?.rows(rows)
        if let own = dx?.base { dy.forEachRun(with: own) { ck_add($0, $1, $2) } }
        differentiateRows(
            part.norm, of: x, gradient, dx: dx?.matrix, base: dx?.base ?? dy, gamma: norm.gamma, beta: norm.beta)
    }
}

/// Consecutive rows of one of several matrices: the work of a task.
private struct RowBlock {
    let part: Int
    let rows: Range<Int>

    /// Rows of a block: 8 tiles of 14 rows (AVX-512) or 28 of 4 (plain code), 19 of 6 (AVX2) with 2 rows unused; few
    /// enough for the widest activations of a block to stay in the second-level cache.
    static let size = 112

    /// Scratch memory for a block of each thread. Rows a large power of two apart would compete for the same sets of the
    /// cache, so they get unused columns.
    static func scratch(columns: Int, in builder: PlanBuilder) -> Matrix {
        builder.matrix(rows: builder.threads * size, columns: columns % 256 == 0 ? columns + 16 : columns)
    }

    /// The blocks of a matrix, first to last.
    static func forEach(_ rows: Int, _ body: (Range<Int>) -> Void) {
        for first in stride(from: 0, to: rows, by: size) { body(first..<min(first + size, rows)) }
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
