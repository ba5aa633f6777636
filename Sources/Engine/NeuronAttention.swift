import CKernels

/// The tokens that one array (a weight or a bias) contributes to the attention of a neuron layer.
///
/// A token has an entry for every neuron of the layer: it is a column of the weight before the layer, its bias, or a
/// row of the weight after it. The entry of token t for neuron n of network b is in row b · networkStride + t ·
/// tokenStride + n · neuronStride, so tokens are read from the arrays without a transposed copy.
package struct NeuronTokens: Sendable {
    /// (batch · entries of the array, heads · 3 · width)
    package let qkv: Matrix
    /// (batch · entries of the array, heads · width): results are added to the rows that the queries were read from.
    package let out: Matrix
    /// Tokens of a network.
    package let tokens: Int
    /// Rows from the entries of one network to those of the next.
    package let networkStride: Int
    /// Rows from a token's entry to the same neuron's entry of the next token.
    package let tokenStride: Int
    /// Rows from a token's entry for one neuron to that for the next.
    package let neuronStride: Int

    /// Tokens of arrays with these strides; see the members.
    package init(
        qkv: Matrix, out: Matrix, tokens: Int, networkStride: Int, tokenStride: Int, neuronStride: Int
    ) {
        self.qkv = qkv
        self.out = out
        self.tokens = tokens
        self.networkStride = networkStride
        self.tokenStride = tokenStride
        self.neuronStride = neuronStride
    }
}

/// A neuron layer and the tokens that attend to each other in it.
package struct NeuronGroup: Sendable {
    /// Neurons of the layer: entries of a token.
    package let neurons: Int
    /// Arrays whose tokens attend to each other.
    package let sources: [NeuronTokens]

    /// A layer whose sources all have an entry for each of its neurons.
    package init(neurons: Int, sources: [NeuronTokens]) {
        self.neurons = neurons
        self.sources = sources
    }

    var tokens: Int { sources.reduce(0) { $0 + $1.tokens } }
}

extension PlanBuilder {
    /// out += softmax(Q · Kᵀ / √(neurons · width)) · V for every group, network and head, where the rows of Q, K and V
    /// are the group's tokens, each the vector of its entries for all neurons (Zhou et al., arXiv 2305.13546, §3).
    ///
    /// *Shapes:* Q, K and V (tokens, neurons · width). The columns of `qkv` are, head after head, [query (width), key
    /// (width), value (width)], as in the reference's `NPAttention`.
    package func neuronAttention(_ groups: [NeuronGroup], batch: Int, heads: Int, width: Int) {
        let sources = groups.flatMap(\.sources)
        for group in groups {
            countProduct(group.tokens, group.neurons * width, group.tokens, times: 2 * batch * heads)
        }
        let isActive = tape.map { tape in sources.contains { tape.isActive($0.qkv) } } ?? false
        let weights = NeuronWeights(groups, tasks: isActive ? batch * heads : threads, in: self)
        let scratch = NeuronScratch(groups, width: width, parts: 4, in: self)
        // Arrays of views are made here, because the step may allocate no memory when it runs.
        let views = groups.enumerated().map { index, group in
            (
                group, qkvs: group.sources.map { Optional($0.qkv) }, outs: group.sources.map(\.out),
                tokens: (0..<threads).map { scratch.tokens(group, $0) },
                weights: (0..<weights.tasks).map { weights.matrix(index, $0) }
            )
        }
        let outs = sources.map(\.out)
        step(
            reading: sources.map(\.qkv) + outs, writing: outs + [scratch.matrix, weights.matrix], tasks: batch * heads
        ) { task, worker in
            let place = HeadPlace(network: task / heads, head: task % heads, width: width)
            for (group, qkvs, outs, tokens, weights) in views {
                let (own, scores) = (tokens[worker], weights[isActive ? task : worker])
                group.gather(qkvs, place, place.queryKeyValue, parts: 3, into: own)
                Products.multiply(own.part(0), own.part(1), transposingB: true, into: scores)
                softmaxRows(scores, scale: group.scale(width))
                Products.multiply(scores, own.part(2), into: own.part(3))
                group.scatter(own, 3, parts: 1, place, place.result, into: outs)
            }
        }
        guard isActive, let tape else { return }
        for source in sources { tape.activate(source.out) }
        tape.append { self.differentiate(groups, batch: batch, heads: heads, width: width, weights: weights, $0) }
    }

    /// - Parameter weights: the attention weights of the forward pass.
    private func differentiate(
        _ groups: [NeuronGroup], batch: Int, heads: Int, width: Int, weights: NeuronWeights, _ tape: GradientTape
    ) {
        let scratch = NeuronScratch(groups, width: width, parts: 7, in: self)
        let scores = NeuronWeights(groups, tasks: 1, in: self)
        let ends = groups.enumerated().map { index, group in
            NeuronGroupAdjoint(
                group: group, qkvs: group.sources.map { $0.qkv },
                douts: group.sources.map { tape.cotangent(of: $0.out) },
                dqkvs: group.sources.map { tape.target(for: $0.qkv) }, tokens: scratch.tokens(group, 0),
                weights: (0..<batch * heads).map { weights.matrix(index, $0) }, dweights: scores.matrix(index, 0))
        }
        let targets = ends.flatMap(\.dqkvs).compactMap { $0 }
        let read = groups.flatMap { $0.sources.map(\.qkv) } + ends.flatMap { $0.douts.compactMap { $0 } }
        step(
            reading: read + [weights.matrix] + GradientTarget.updated(targets),
            writing: targets.map(\.matrix) + [scratch.matrix, scores.matrix]
        ) {
            for task in 0..<batch * heads {
                let place = HeadPlace(network: task / heads, head: task % heads, width: width)
                for end in ends { end.run(task, place) }
            }
        }
    }
}

/// What the backward pass of a group reads and writes.
private struct NeuronGroupAdjoint: Sendable {
    let group: NeuronGroup
    /// Of each source; nil where no output depends on its results, or its gradient is not needed.
    let qkvs: [Matrix?]
    let douts: [Matrix?]
    let dqkvs: [GradientTarget?]
    /// Scratch memory for 7 parts.
    let tokens: NeuronParts
    /// The attention weights of every network and head.
    let weights: [Matrix]
    /// Scratch memory for their gradients.
    let dweights: Matrix

    func run(_ task: Int, _ place: HeadPlace) {
        let (q, k, v, dout) = (tokens.part(0), tokens.part(1), tokens.part(2), tokens.part(3))
        group.gather(qkvs, place, place.queryKeyValue, parts: 3, into: tokens)
        group.gather(douts, place, place.result, parts: 1, into: tokens, at: 3)
        Products.multiply(weights[task], dout, transposingA: true, into: tokens.part(6))
        Products.multiply(dout, v, transposingB: true, into: dweights)
        softmaxAdjointRows(weights[task], dweights, scale: group.scale(place.width))
        Products.multiply(dweights, k, into: tokens.part(4))
        Products.multiply(dweights, q, transposingA: true, into: tokens.part(5))
        group.scatter(tokens, 4, parts: 3, place, place.queryKeyValue, into: dqkvs)
    }
}

/// The attention weights of all groups, for a number of tasks at a time.
private struct NeuronWeights {
    /// (tasks, sum over groups of tokens²)
    let matrix: Matrix
    private let places: [(first: Int, tokens: Int)]

    init(_ groups: [NeuronGroup], tasks: Int, in builder: PlanBuilder) {
        var count = 0
        places = groups.map { group in
            defer { count += group.tokens * group.tokens }
            return (count, group.tokens)
        }
        matrix = builder.matrix(rows: tasks, columns: count)
    }

    var tasks: Int { matrix.rows }

    /// Those of a group in a task, (tokens, tokens).
    func matrix(_ group: Int, _ task: Int) -> Matrix {
        let (first, tokens) = places[group]
        return matrix.rows(task..<task + 1).columns(first..<first + tokens * tokens)
            .reshaped(rows: tokens, columns: tokens)
    }
}

/// Several matrices of a group's tokens, (tokens, neurons · width) each, at equal distances.
private struct NeuronParts {
    private let first: Matrix
    private let pitch: Int

    init(first: Matrix, pitch: Int) { (self.first, self.pitch) = (first, pitch) }

    func part(_ index: Int) -> Matrix {
        Matrix(
            storage: first.storage, offset: first.offset + index * pitch, rows: first.rows, columns: first.columns,
            stride: first.stride)
    }

    /// Floats from one part to the next.
    var partStride: Int { pitch }
    /// Floats from a token to the next.
    var tokenStride: Int { first.stride }
}

/// Scratch memory of every thread for the tokens of one group at a time.
private struct NeuronScratch {
    let matrix: Matrix
    private let width: Int
    private let pitch: Int

    init(_ groups: [NeuronGroup], width: Int, parts: Int, in builder: PlanBuilder) {
        self.width = width
        pitch = groups.map { $0.tokens * Self.stride($0, width) }.max() ?? 0
        matrix = builder.matrix(rows: builder.threads, columns: parts * pitch)
    }

    /// Rows a large power of two apart would compete for the same sets of the cache.
    private static func stride(_ group: NeuronGroup, _ width: Int) -> Int {
        let columns = group.neurons * width
        return columns % 256 == 0 ? columns + 16 : columns
    }

    /// A thread's matrices for a group.
    func tokens(_ group: NeuronGroup, _ worker: Int) -> NeuronParts {
        NeuronParts(
            first: Matrix(
                storage: matrix.storage, offset: matrix.offset + worker * matrix.stride, rows: group.tokens,
                columns: group.neurons * width, stride: Self.stride(group, width)),
            pitch: pitch)
    }
}

private struct HeadPlace {
    let network: Int
    let head: Int
    let width: Int

    /// First column of the head's query, followed by its key and its value, in a matrix of all three.
    var queryKeyValue: Int { head * 3 * width }
    /// First column of the head in a matrix of results.
    var result: Int { head * width }
}

extension NeuronGroup {
    fileprivate func scale(_ width: Int) -> Float { 1 / Float(neurons * width).squareRoot() }

    /// Copies each token's entries, neuron after neuron, into a row of part `first`; the next columns into the next
    /// part, and so on. A missing matrix reads as zeros.
    fileprivate func gather(
        _ matrices: [Matrix?], _ place: HeadPlace, _ column: Int, parts: Int, into tokens: NeuronParts,
        at first: Int = 0
    ) {
        var row = 0
        for (index, source) in sources.enumerated() {
            let rows = row..<row + source.tokens
            row += source.tokens
            guard let matrix = matrices[index] else {
                for part in first..<first + parts {
                    tokens.part(part).rows(rows).forEachRun { $0.update(repeating: 0, count: $1) }
                }
                continue
            }
            ck_gather_entries(
                matrix.pointer + place.network * source.networkStride * matrix.stride + column,
                source.tokenStride * matrix.stride, source.neuronStride * matrix.stride, source.tokens, neurons,
                parts, place.width, tokens.part(first).pointer + rows.lowerBound * tokens.tokenStride,
                tokens.partStride, tokens.tokenStride)
        }
    }

    /// Adds the entries of `parts` parts, from part `first` on, to the rows that `gather` reads.
    fileprivate func scatter(
        _ tokens: NeuronParts, _ first: Int, parts: Int, _ place: HeadPlace, _ column: Int, into matrices: [Matrix]
    ) {
        var row = 0
        for (source, matrix) in zip(sources, matrices) {
            put(tokens, first, parts, from: row, source, place, column, into: matrix, accumulating: true)
            row += source.tokens
        }
    }

    /// The same, overwriting where a target says so; a missing target is left out.
    fileprivate func scatter(
        _ tokens: NeuronParts, _ first: Int, parts: Int, _ place: HeadPlace, _ column: Int,
        into targets: [GradientTarget?]
    ) {
        var row = 0
        for (source, target) in zip(sources, targets) {
            if let target {
                put(
                    tokens, first, parts, from: row, source, place, column, into: target.matrix,
                    accumulating: target.accumulating)
            }
            row += source.tokens
        }
    }

    private func put(
        _ tokens: NeuronParts, _ first: Int, _ parts: Int, from row: Int, _ source: NeuronTokens, _ place: HeadPlace,
        _ column: Int, into matrix: Matrix, accumulating: Bool
    ) {
        ck_scatter_entries(
            tokens.part(first).pointer + row * tokens.tokenStride, tokens.partStride, tokens.tokenStride, parts,
            place.width, matrix.pointer + place.network * source.networkStride * matrix.stride + column,
            source.tokenStride * matrix.stride, source.neuronStride * matrix.stride, source.tokens, neurons,
            accumulating ? 1 : 0)
    }
}
