/// Tokens of one neuron layer's attention that come from one array: every token holds all neurons of the layer.
///
/// Token t's entry for neuron n of network b stands in row b·networkStride + t·tokenStride + n·neuronStride. So the
/// columns of a weight, the rows of the next one and a bias are all read where they lie.
package struct NeuronTokens: Sendable {
    package let qkv: Matrix
    /// Receives the results, added at the rows they were read from; one column per channel.
    package let out: Matrix
    package let tokens: Int
    package let networkStride: Int
    package let tokenStride: Int
    package let neuronStride: Int

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

/// One neuron layer: the tokens that share its neurons attend to each other.
package struct NeuronGroup: Sendable {
    package let neurons: Int
    package let sources: [NeuronTokens]

    package init(neurons: Int, sources: [NeuronTokens]) {
        self.neurons = neurons
        self.sources = sources
    }

    var tokens: Int { sources.reduce(0) { $0 + $1.tokens } }
}

extension PlanBuilder {
    /// Softmax attention among the tokens of each group, scale 1/√(width·neurons), results added to `out`
    /// (Zhou et al., Neural Functional Transformers, §3; layout of the reference's `NPAttention`).
    ///
    /// The columns of `qkv` are, head after head, [query (width), key (width), value (width)].
    package func neuronAttention(_ groups: [NeuronGroup], batch: Int, heads: Int, width: Int) {
        let packed = groups.map { $0.tokens * $0.neurons * width }.max() ?? 0
        let scored = groups.map { $0.tokens * $0.tokens }.max() ?? 0
        let scratch = matrix(rows: workers(for: batch * heads), columns: 4 * packed + scored)
        let touched = groups.flatMap { $0.sources.flatMap { [$0.qkv, $0.out] } }
        step(touching: touched + [scratch]) { pool in
            pool.run(tasks: batch * heads) { task, worker in
                let (network, head) = (task / heads, task % heads)
                for group in groups {
                    let length = group.neurons * width
                    func part(_ index: Int) -> Matrix {
                        Matrix(
                            storage: scratch.storage,
                            offset: scratch.offset + worker * scratch.stride + index * packed, rows: group.tokens,
                            columns: length, stride: length)
                    }
                    let (q, k, v, result) = (part(0), part(1), part(2), part(3))
                    let scores = Matrix(
                        storage: scratch.storage, offset: scratch.offset + worker * scratch.stride + 4 * packed,
                        rows: group.tokens, columns: group.tokens, stride: group.tokens)
                    let place = HeadPlace(network: network, head: head, width: width)
                    group.gather(place, q: q, k: k, v: v)
                    BLAS.multiply(q, k, transposingB: true, into: scores)
                    softmaxRows(scores, scale: 1 / Float(length).squareRoot())
                    BLAS.multiply(scores, v, into: result)
                    group.scatter(result, place)
                }
            }
        }
    }
}

private struct HeadPlace {
    let network: Int
    let head: Int
    let width: Int
}

extension NeuronGroup {
    /// Copies the tokens' entries together, neuron after neuron: a scalar product does not mind the order.
    fileprivate func gather(_ place: HeadPlace, q: Matrix, k: Matrix, v: Matrix) {
        let width = place.width
        var row = 0
        for source in sources {
            for token in 0..<source.tokens {
                let first = place.network * source.networkStride + token * source.tokenStride
                let offset = row * q.stride
                for neuron in 0..<neurons {
                    let from =
                        source.qkv.pointer + (first + neuron * source.neuronStride) * source.qkv.stride
                        + place.head * 3 * width
                    let to = offset + neuron * width
                    (q.pointer + to).update(from: from, count: width)
                    (k.pointer + to).update(from: from + width, count: width)
                    (v.pointer + to).update(from: from + 2 * width, count: width)
                }
                row += 1
            }
        }
    }

    fileprivate func scatter(_ result: Matrix, _ place: HeadPlace) {
        let width = place.width
        var row = 0
        for source in sources {
            for token in 0..<source.tokens {
                let first = place.network * source.networkStride + token * source.tokenStride
                for neuron in 0..<neurons {
                    let from = result.pointer + row * result.stride + neuron * width
                    let to =
                        source.out.pointer + (first + neuron * source.neuronStride) * source.out.stride
                        + place.head * width
                    for channel in 0..<width { to[channel] += from[channel] }
                }
                row += 1
            }
        }
    }
}
