import Testing

@testable import Engine

@Suite struct AttentionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let shape: AttentionShape
        var testDescription: String {
            "\(shape.batch) networks, \(shape.heads) heads, \(shape.queries) × \(shape.keys)"
                + (shape.sharesQueries ? ", shared queries" : "")
        }

        static let all = [
            (1, 1, 1, 1, false), (2, 2, 3, 5, false), (3, 1, 4, 64, false), (1, 2, 5, 65, false),
            (2, 1, 7, 200, true), (2, 3, 2, 128, false), (3, 1, 1, 2, true),
        ].map {
            Case(
                shape: AttentionShape(batch: $0.0, heads: $0.1, queries: $0.2, keys: $0.3, sharesQueries: $0.4))
        }
    }

    @Test("attention agrees with float64 loops, with interleaved heads", arguments: Case.all)
    func attentionAgrees(_ input: Case) {
        let shape = input.shape
        let width = 4
        var numbers = Numbers(seed: UInt64(shape.keys))
        let queryRows = (shape.sharesQueries ? 1 : shape.batch) * shape.queries
        let q = numbers.matrix(queryRows, shape.heads * width, in: -3...3)
        // Keys and values of a head stand side by side.
        let kv = numbers.matrix(shape.batch * shape.keys, shape.heads * 2 * width, in: -3...3)
        let y = evaluate { builder in
            let target = builder.matrix(rows: shape.batch * shape.queries, columns: shape.heads * width)
            builder.attention(
                q: q, HeadColumns(width: width), k: kv, HeadColumns(width: width, pitch: 2 * width), v: kv,
                HeadColumns(width: width, pitch: 2 * width, first: width), shape, into: target)
            return target
        }
        var reference: [Double] = []
        for network in 0..<shape.batch {
            for query in 0..<shape.queries {
                let row = (shape.sharesQueries ? 0 : network * shape.queries) + query
                for head in 0..<shape.heads {
                    let weights = softmax(
                        (0..<shape.keys).map { key in
                            (0..<width).reduce(0.0) {
                                $0 + q.element(row, head * width + $1)
                                    * kv.element(network * shape.keys + key, head * 2 * width + $1)
                            } / Double(width).squareRoot()
                        })
                    for channel in 0..<width {
                        reference.append(
                            (0..<shape.keys).reduce(0.0) {
                                $0 + weights[$1]
                                    * kv.element(network * shape.keys + $1, (head * 2 + 1) * width + channel)
                            })
                    }
                }
            }
        }
        #expect(largestError(y, reference) < 5e-6)
    }

    @Test("neuron attention adds, per group, attention among tokens that hold all of its neurons")
    func neuronAttentionAgrees() {
        let (batch, heads, width) = (2, 2, 3)
        var numbers = Numbers(seed: 20)
        // A network 2-4-3: weights (4, 2) and (3, 4), biases 4 and 3.
        let shapes = [(rows: 8, columns: 0), (rows: 4, columns: 0), (rows: 12, columns: 0)]
        let qkv = shapes.map { numbers.matrix(batch * $0.rows, heads * 3 * width, in: -2...2) }
        let out = shapes.map { numbers.matrix(batch * $0.rows, heads * width) }
        let before = out.map { $0.read() }
        func source(_ index: Int, tokens: Int, tokenStride: Int, neuronStride: Int) -> NeuronTokens {
            NeuronTokens(
                qkv: qkv[index], out: out[index], tokens: tokens, networkStride: shapes[index].rows,
                tokenStride: tokenStride, neuronStride: neuronStride)
        }
        let groups = [
            NeuronGroup(neurons: 2, sources: [source(0, tokens: 4, tokenStride: 2, neuronStride: 1)]),
            NeuronGroup(
                neurons: 4,
                sources: [
                    source(0, tokens: 2, tokenStride: 1, neuronStride: 2),
                    source(1, tokens: 1, tokenStride: 0, neuronStride: 1),
                    source(2, tokens: 3, tokenStride: 4, neuronStride: 1),
                ]),
        ]
        _ = evaluate { builder in
            builder.neuronAttention(groups, batch: batch, heads: heads, width: width)
            return out[0]
        }
        var reference = before.map { double($0) }
        for group in groups {
            for network in 0..<batch {
                for head in 0..<heads {
                    attend(group, network, head, width, outs: out, into: &reference)
                }
            }
        }
        for (own, expected) in zip(out, reference) { #expect(largestError(own.read(), expected) < 5e-6) }
    }

    private func attend(
        _ group: NeuronGroup, _ network: Int, _ head: Int, _ width: Int, outs: [Matrix],
        into reference: inout [[Double]]
    ) {
        let tokens = group.sources.flatMap { source in (0..<source.tokens).map { (source, $0) } }
        func rows(_ source: NeuronTokens, _ token: Int) -> [Int] {
            (0..<group.neurons).map {
                network * source.networkStride + token * source.tokenStride + $0 * source.neuronStride
            }
        }
        func vector(_ token: (NeuronTokens, Int), _ part: Int) -> [Double] {
            rows(token.0, token.1).flatMap { row in
                (0..<width).map { token.0.qkv.element(row, head * 3 * width + part * width + $0) }
            }
        }
        for token in tokens {
            let query = vector(token, 0)
            let weights = softmax(
                tokens.map { other in
                    zip(query, vector(other, 1)).reduce(0.0) { $0 + $1.0 * $1.1 } / Double(query.count).squareRoot()
                })
            let mixed = tokens.indices.reduce([Double](repeating: 0, count: query.count)) { sum, index in
                zip(sum, vector(tokens[index], 2)).map { $0 + weights[index] * $1 }
            }
            guard let array = outs.firstIndex(where: { $0.storage === token.0.out.storage }) else { continue }
            for (neuron, row) in rows(token.0, token.1).enumerated() {
                for channel in 0..<width {
                    reference[array][row * outs[array].columns + head * width + channel] +=
                        mixed[neuron * width + channel]
                }
            }
        }
    }
}
