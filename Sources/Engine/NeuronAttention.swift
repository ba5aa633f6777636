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
        let scratch = NeuronScratch(
            groups, width: width, tokenParts: 4, scoreParts: 1, in: self)
        let sources = groups.flatMap(\.sources)
        for group in groups {
            countProduct(group.tokens, group.neurons * width, group.tokens, times: 2 * batch * heads)
        }
        // Arrays of views are made here, because the step may allocate no memory when it runs.
        let views = groups.map { group in
            (
                group, qkvs: group.sources.map { Optional($0.qkv) }, outs: group.sources.map { Optional($0.out) },
                parts: (0..<threads).map { scratch.parts(group, $0) }
            )
        }
        let outs = sources.map(\.out)
        step(
            reading: sources.map(\.qkv) + outs, writing: outs + [scratch.matrix], tasks: batch * heads
        ) { task, worker in
            let place = HeadPlace(network: task / heads, head: task % heads, width: width)
            for (group, qkvs, outs, parts) in views {
                let (tokens, scores) = parts[worker]
                for part in 0..<3 { group.gather(qkvs, place, place.queryKeyValue(part), into: tokens[part]) }
                Products.multiply(tokens[0], tokens[1], transposingB: true, into: scores[0])
                softmaxRows(scores[0], scale: group.scale(width))
                Products.multiply(scores[0], tokens[2], into: tokens[3])
                group.scatter(tokens[3], place, place.result, into: outs)
            }
        }
        guard let tape, sources.contains(where: { tape.isActive($0.qkv) }) else { return }
        for source in sources { tape.activate(source.out) }
        tape.append { self.differentiate(groups, batch: batch, heads: heads, width: width, $0) }
    }

    private func differentiate(_ groups: [NeuronGroup], batch: Int, heads: Int, width: Int, _ tape: GradientTape) {
        let ends = groups.map { group in
            (
                group, qkvs: group.sources.map { Optional($0.qkv) },
                douts: group.sources.map { tape.cotangent(of: $0.out) },
                dqkvs: group.sources.map { tape.sum(for: $0.qkv) }
            )
        }
        let scratch = NeuronScratch(groups, width: width, tokenParts: 7, scoreParts: 2, in: self)
        let updated = ends.flatMap { $0.dqkvs.compactMap { $0 } }
        let read = groups.flatMap { $0.sources.map(\.qkv) } + ends.flatMap { $0.douts.compactMap { $0 } }
        step(reading: read + updated, writing: updated + [scratch.matrix]) {
            for task in 0..<batch * heads {
                let place = HeadPlace(network: task / heads, head: task % heads, width: width)
                for (group, qkvs, douts, dqkvs) in ends {
                    let (tokens, scores) = scratch.parts(group, 0)
                    let (q, k, v, dout) = (tokens[0], tokens[1], tokens[2], tokens[3])
                    for part in 0..<3 { group.gather(qkvs, place, place.queryKeyValue(part), into: tokens[part]) }
                    group.gather(douts, place, place.result, into: dout)
                    let (weights, dweights) = (scores[0], scores[1])
                    Products.multiply(q, k, transposingB: true, into: weights)
                    softmaxRows(weights, scale: group.scale(width))
                    Products.multiply(weights, dout, transposingA: true, into: tokens[6])
                    Products.multiply(dout, v, transposingB: true, into: dweights)
                    softmaxAdjointRows(weights, dweights, scale: group.scale(width))
                    Products.multiply(dweights, k, into: tokens[4])
                    Products.multiply(dweights, q, transposingA: true, into: tokens[5])
                    for part in 0..<3 { group.scatter(tokens[4 + part], place, place.queryKeyValue(part), into: dqkvs) }
                }
            }
        }
    }
}

/// Scratch memory of every thread for the tokens and scores of one group at a time.
private struct NeuronScratch {
    let matrix: Matrix
    private let packed: Int
    private let scored: Int
    private let tokenParts: Int
    private let scoreParts: Int
    private let width: Int

    init(
        _ groups: [NeuronGroup], width: Int, tokenParts: Int, scoreParts: Int, in builder: PlanBuilder
    ) {
        packed = groups.map { $0.tokens * $0.neurons * width }.max() ?? 0
        scored = groups.map { $0.tokens * $0.tokens }.max() ?? 0
        (self.tokenParts, self.scoreParts, self.width) = (tokenParts, scoreParts, width)
        matrix = builder.matrix(rows: builder.threads, columns: tokenParts * packed + scoreParts * scored)
    }

    /// A thread's matrices for a group: `tokenParts` of (tokens, neurons · width) and `scoreParts` of (tokens, tokens).
    func parts(_ group: NeuronGroup, _ worker: Int) -> (tokens: [Matrix], scores: [Matrix]) {
        func part(_ offset: Int, _ columns: Int) -> Matrix {
            Matrix(
                storage: matrix.storage, offset: matrix.offset + worker * matrix.stride + offset, rows: group.tokens,
                columns: columns, stride: columns)
        }
        return (
            (0..<tokenParts).map { part($0 * packed, group.neurons * width) },
            (0..<scoreParts).map { part(tokenParts * packed + $0 * scored, group.tokens) }
        )
    }
}

private struct HeadPlace {
    let network: Int
    let head: Int
    let width: Int

    /// First column of the head's query (0), key (1) or value (2) in a matrix of all three.
    func queryKeyValue(_ part: Int) -> Int { (head * 3 + part) * width }
    /// First column of the head in a matrix of results.
    var result: Int { head * width }
}

extension NeuronGroup {
    fileprivate func scale(_ width: Int) -> Float { 1 / Float(neurons * width).squareRoot() }

    /// Copies each token's entries, neuron after neuron, into a row of `part`; a missing matrix reads as zeros.
    fileprivate func gather(_ matrices: [Matrix?], _ place: HeadPlace, _ column: Int, into part: Matrix) {
        var to = part.pointer
        for (index, source) in sources.enumerated() {
            guard let matrix = matrices[index] else {
                to.update(repeating: 0, count: source.tokens * neurons * place.width)
                to += source.tokens * neurons * place.width
                continue
            }
            for token in 0..<source.tokens {
                let from = matrix.pointer + source.first(place, token) * matrix.stride + column
                ck_copy_blocks(from, source.neuronStride * matrix.stride, to, place.width, place.width, neurons)
                to += neurons * place.width
            }
        }
    }

    /// Adds the entries of `part` to the rows that `gather` reads.
    fileprivate func scatter(_ part: Matrix, _ place: HeadPlace, _ column: Int, into matrices: [Matrix?]) {
        var from = part.pointer
        for (index, source) in sources.enumerated() {
            guard let matrix = matrices[index] else {
                from += source.tokens * neurons * place.width
                continue
            }
            for token in 0..<source.tokens {
                let to = matrix.pointer + source.first(place, token) * matrix.stride + column
                ck_add_blocks(from, place.width, to, source.neuronStride * matrix.stride, place.width, neurons)
                from += neurons * place.width
            }
        }
    }
}

extension NeuronTokens {
    /// The row of a token's entry for neuron 0.
    fileprivate func first(_ place: HeadPlace, _ token: Int) -> Int {
        place.network * networkStride + token * tokenStride
    }
}
