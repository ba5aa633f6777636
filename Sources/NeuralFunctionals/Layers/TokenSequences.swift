import Engine
import Networks
import Tensors

extension WeightSpaceFeatures {
    /// The tokens in the order of the reference's `FlattenWeights`: network after network, and for each network w0 row
    /// by row, b0, w1, …
    ///
    /// *Shape:* (batch·T, channels), T the parameter count. Fully connected networks only.
    package func flattened(in builder: PlanBuilder) -> Matrix {
        if batch == 1, let tokens { return tokens }
        let count = spec.parameterCount
        let y = builder.matrix(rows: batch * count, columns: channels)
        var first = 0
        for array in arrays {
            let rows = array.rows / batch
            for network in 0..<batch {
                let start = network * count + first
                builder.copy(array.rows(network * rows..<(network + 1) * rows), to: y.rows(start..<start + rows))
            }
            first += rows
        }
        return y
    }

    /// The inverse of `flattened`: overwrites these features with a sequence of tokens.
    package func unflatten(_ x: Matrix, in builder: PlanBuilder) {
        let count = x.rows / batch
        var first = 0
        for array in arrays {
            let rows = array.rows / batch
            for network in 0..<batch {
                let start = network * count + first
                builder.copy(x.rows(start..<start + rows), to: array.rows(network * rows..<(network + 1) * rows))
            }
            first += rows
        }
    }
}

/// Cross-attention of learned queries q to the tokens x of a network, softmax(q · xᵀ / √C) · x: pools them into as many
/// latents as there are queries. The reference's `CrossAttnEncoder`.
package struct CrossAttnEncoder: Sendable {
    private let queries: Matrix

    /// Reads the queries `embeddings`, (latents, channels).
    package init(_ parameters: ParameterScope, channels: Int, latents: Int) {
        queries = parameters.matrix("embeddings", rows: latents, columns: channels, .normal())
    }

    /// *Shapes:* features with `channels` → (batch·latents, channels).
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> Matrix {
        let tokens = x.flattened(in: builder)
        return builder.attend(queries, to: tokens, batch: x.batch)
    }
}

/// Decodes latents z into features: token = softmax(q · zᵀ / √C) · z, with a learned query q for every weight and bias
/// of the network. The reference's `CrossAttnDecoder`.
package struct CrossAttnDecoder: Sendable {
    private let queries: Matrix
    private let spec: NetworkSpec

    /// Reads the queries `embeddings`, (parameters of a network, channels).
    /// - Parameter spec: of the networks that are decoded, fully connected.
    package init(_ parameters: ParameterScope, _ spec: NetworkSpec, channels: Int) {
        let count = spec.parameterCount
        self.spec = spec
        queries = parameters.matrix("embeddings", rows: count, columns: channels, .normal())
    }

    /// *Shapes:* latents (batch·T, channels), T a network → features with `channels`.
    package func callAsFunction(_ latents: Matrix, batch: Int, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = WeightSpaceFeatures(spec, batch: batch, channels: queries.columns, in: builder)
        y.unflatten(builder.attend(queries, to: latents, batch: batch), in: builder)
        return y
    }
}

extension PlanBuilder {
    /// softmax(q · xᵀ / √C) · x with one head; all networks have the same queries.
    fileprivate func attend(_ queries: Matrix, to x: Matrix, batch: Int) -> Matrix {
        let y = matrix(rows: batch * queries.rows, columns: queries.columns)
        let columns = HeadColumns(width: queries.columns)
        attention(
            q: queries, columns, k: x, columns, v: x, columns,
            AttentionShape(batch: batch, heads: 1, queries: queries.rows, keys: x.rows / batch, sharesQueries: true),
            into: y)
        return y
    }
}
