import Engine
import Networks
import Tensors

/// Embeds raw weights as tokens: a token is an affine map of the weight and of features of the neurons that it
/// connects, and the features are propagated from layer to layer by the network's own weights.
///
/// A layer's weight W_i is (outputs o, inputs p), i from 0 to l. Neurons n of layer i (inputs are layer 0) have forward
/// features f_i and backward features g_i of `width` channels:
///
///     f_1[n] = sin(forward_0([W_0[n, :], b_0[n]]))       f_{i+1}[n] = sin(forward_i([Σ_p W_i[n, p] f_i[p], b_i[n]]))
///     g_l[n] = sin(backward_l(W_l[:, n]))                g_i[n] = sin(backward_i(Σ_o W_i[o, n] g_{i+1}[o]))
///     token of W_i[o, p] = weight_maps_i([W_i[o, p], f_i[p], g_i[p], f_{i+1}[o], g_{i+1}[o]])
///     token of b_i[o]    = bias_maps_i([b_i[o], f_{i+1}[o], g_{i+1}[o]])
///
/// Inputs have neither f nor g, outputs have no g. The maps are affine; forward_i is `forward.i` in the state dict. The
/// embedding is equivariant to permutations of hidden neurons. The products of weights with features of neurons are
/// those of graph networks on weights (Kofinas et al., arXiv 2403.12143; Kalogeropoulos et al., arXiv 2406.10685).
///
/// An embedding that does not carry (`carriesFeatures` false) has no sums over neurons: f_{i+1}[n] = sin(forward_i(b_i[n]))
/// for i > 0, and g_i only for i = l. Then a token sees the weight, and Fourier features of what its two neurons have
/// alone: the rows of the first layer, the columns of the last, and biases.
///
/// With forward_0 = [x, 1], forward_i = [I, 1] and no bias, f is what a network of sines computes at the places x. A new
/// embedding can begin there (`Start.places`), which is how Kofinas et al. use their probe features.
///
/// *Shapes:* one channel → `channels`. Fully connected networks only.
package struct PropagatedEmbedding: WeightSpaceLayer {
    /// Where the forward maps of a new model begin.
    package enum Start: Sendable {
        /// With random maps; `forward_0` has normally distributed weights of this standard deviation.
        case random(scale: Float)
        /// As what the network computes at a square grid of places over [−1, 1] × [−1, 1]. `phaseFactors` has the factors of each
        /// layer's weights and biases that turn them into phases of sines, in the last layer into values. Where nothing is
        /// carried, the first layer's neurons begin as what they compute there, and others with random maps of their biases.
        case places(phaseFactors: [(weight: Float, bias: Float)])
    }

    private let channels: Int
    private let width: Int
    private let carriesFeatures: Bool
    private let forward: [AffineMap]
    /// `backward.i` by i; the last alone where features are not carried.
    private let backward: [Int: AffineMap]
    private let weightMaps: [TokenMap]
    private let biasMaps: [TokenMap]

    /// Reads `forward.i`, `backward.i`, `weight_maps.i` and `bias_maps.i`.
    /// - Parameters:
    ///   - channels: of a token.
    ///   - width: channels of f and g.
    ///   - start: of a new model. `places` needs networks of two inputs and a square number as `width`.
    package init(
        _ parameters: ParameterScope, _ spec: NetworkSpec, channels: Int, width: Int, start: Start,
        carriesFeatures: Bool = true
    ) {
        self.channels = channels
        self.width = width
        self.carriesFeatures = carriesFeatures
        func map(
            _ name: String, _ index: Int, _ inputs: Int, _ outputs: Int, _ weights: Initialization,
            _ biases: Initialization = .uniform(bound: Float.pi)
        ) -> AffineMap {
            let scope = parameters.scope(name).scope(index)
            return scope.map(
                weight: scope.matrix("weight", rows: outputs, columns: inputs, weights),
                bias: scope.row("bias", outputs, biases))
        }
        let depth = spec.depth
        let spread = Initialization.normal(deviation: 1 / Float(width).squareRoot())
        forward = (0..<depth).map { layer in
            let inputs = (layer == 0 ? spec.inputs : carriesFeatures ? width : 0) + 1
            switch start {
            case .random(let scale):
                let isFirst = layer == 0 || !carriesFeatures
                return map("forward", layer, inputs, width, isFirst ? .normal(deviation: scale) : spread)
            case .places(let factors) where layer > 0 && !carriesFeatures:
                return map("forward", layer, inputs, width, .normal(deviation: factors[layer].bias))
            case .places(let factors):
                let values = Self.placeWeights(factors[layer], layer: layer, inputs: inputs, width: width)
                return map("forward", layer, inputs, width, .values(values), .constant(0))
            }
        }
        var backward: [Int: AffineMap] = [:]
        for layer in 1..<max(depth, 1) where carriesFeatures || layer == depth - 1 {
            let isLast = layer == depth - 1
            backward[layer] = map(
                "backward", layer, isLast ? spec.outputs : width, width, isLast ? .normal(deviation: 1) : spread)
        }
        self.backward = backward
        // Channels of [f, g] at the neurons before weight `layer`, or after the last: inputs have neither, outputs no
        // g.
        func carried(_ layer: Int) -> Int { layer == 0 ? 0 : backward[layer] == nil ? width : 2 * width }
        weightMaps = (0..<depth).map { layer in
            TokenMap(
                parameters.scope("weight_maps").scope(layer), before: carried(layer), after: carried(layer + 1),
                channels: channels)
        }
        biasMaps = (0..<depth).map { layer in
            TokenMap(
                parameters.scope("bias_maps").scope(layer), before: 0, after: carried(layer + 1), channels: channels)
        }
    }

    /// The weights of `forward_layer` with which f is what the network computes at a grid of places. *Shapes:* (width,
    /// inputs).
    private static func placeWeights(
        _ factor: (weight: Float, bias: Float), layer: Int, inputs: Int, width: Int
    ) -> [Float] {
        guard let side = width.squareSide, layer > 0 || inputs == 3 else {
            preconditionFailure("places form a square in two dimensions")
        }
        func place(_ index: Int) -> Float { side == 1 ? 0 : 2 * Float(index) / Float(side - 1) - 1 }
        return (0..<width).flatMap { row -> [Float] in
            var values = [Float](repeating: 0, count: inputs)
            if layer == 0 {
                values[0] = factor.weight * place(row / side)
                values[1] = factor.weight * place(row % side)
            } else {
                values[row] = factor.weight
            }
            values[inputs - 1] = factor.bias
            return values
        }
    }

    /// *Shapes:* raw weights, features with one channel → tokens with `channels` channels.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        embed(x, in: builder).tokens
    }

    /// *Shapes:* raw weights, features with one channel → tokens with `channels` channels, and the forward features of the
    /// outputs, (batch, outputs·width).
    package func embed(
        _ x: WeightSpaceFeatures, in builder: PlanBuilder
    ) -> (tokens: WeightSpaceFeatures, outputs: Matrix) {
        let y = x.like(channels: channels, in: builder)
        let neurons = neurons(x, in: builder)
        for layer in 0..<x.spec.depth {
            let (outputs, inputs, _) = x.axes(layer)
            let weights = y.weights[layer]
            builder.apply(weightMaps[layer].own, to: x.weights[layer], into: weights)
            if let before = weightMaps[layer].before {
                let part = builder.apply(before, to: concatenated(neurons[layer], in: builder))
                builder.broadcast(part, Axes(outer: x.batch, middle: outputs, inner: inputs), into: weights)
            }
            let arrived = concatenated(neurons[layer + 1], in: builder)
            let part = builder.apply(weightMaps[layer].after, to: arrived)
            builder.broadcast(part, Axes(outer: x.batch * outputs, middle: inputs), into: weights)
            builder.apply(biasMaps[layer].own, to: x.biases[layer], into: y.biases[layer])
            builder.apply(biasMaps[layer].after, to: arrived, into: y.biases[layer], accumulating: true)
        }
        let outputs = neurons[x.spec.depth][0].reshaped(rows: x.batch, columns: x.spec.outputs * width)
        return (y, outputs)
    }

    /// [f, g] at the neurons before each weight and after the last, as far as they exist. *Shapes:* (batch·neurons,
    /// width).
    private func neurons(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> [[Matrix]] {
        let depth = x.spec.depth
        var result = [[Matrix]](repeating: [], count: depth + 1)
        var arriving = x.weights[0].reshaped(rows: x.biases[0].rows, columns: x.spec.inputs)
        for layer in 0..<depth {
            let read = layer == 0 || carriesFeatures ? [arriving, x.biases[layer]] : [x.biases[layer]]
            let features = builder.apply(forward[layer], to: concatenated(read, in: builder))
            builder.activate(features, .sine)
            result[layer + 1].append(features)
            guard layer + 1 < depth, carriesFeatures else { continue }
            let (outputs, inputs, _) = x.axes(layer + 1)
            arriving = builder.propagate(x.weights[layer + 1], outputs: outputs, inputs: inputs, features)
        }
        guard depth > 1 else { return result }
        let (outputs, inputs, _) = x.axes(depth - 1)
        let last = x.weights[depth - 1]
        let swapped = builder.matrix(rows: last.rows, columns: 1)
        builder.swapAxes(last, Axes(outer: x.batch, middle: outputs, inner: inputs), into: swapped)
        var leaving = swapped.reshaped(rows: x.batch * inputs, columns: outputs)
        for layer in (1..<depth).reversed() {
            guard let map = backward[layer] else { break }
            let features = builder.apply(map, to: leaving)
            builder.activate(features, .sine)
            result[layer].append(features)
            guard layer > 1, carriesFeatures else { break }
            let (outputs, inputs, _) = x.axes(layer - 1)
            leaving = builder.propagate(
                x.weights[layer - 1], outputs: outputs, inputs: inputs, features, transposed: true)
        }
        return result
    }

    private func concatenated(_ parts: [Matrix], in builder: PlanBuilder) -> Matrix {
        let y = builder.matrix(rows: parts[0].rows, columns: parts.reduce(0) { $0 + $1.columns })
        var cursor = ColumnCursor(y)
        for part in parts { builder.copy(part, to: cursor.take(part.columns)) }
        return y
    }
}

/// The affine map M of [weight, features of neuron p, features of neuron o] as the sum of three maps, M_own · weight +
/// bias, M_before · features of p and M_after · features of o, so that the features of a neuron are mapped once and not
/// once for each of its weights.
private struct TokenMap {
    private let whole: AffineMap
    private let beforeCount: Int
    private let afterCount: Int

    init(_ parameters: ParameterScope, before: Int, after: Int, channels: Int) {
        whole = parameters.affine(inputs: 1 + before + after, outputs: channels)
        beforeCount = before
        afterCount = after
    }

    /// The part for the weight itself, with the bias.
    var own: AffineMap { AffineMap(weight: whole.weight.columns(0..<1), bias: whole.bias) }
    /// The part for neuron p, which the weight reads; nil where p has no features.
    var before: AffineMap? { beforeCount > 0 ? part(1..<1 + beforeCount) : nil }
    /// The part for neuron o.
    var after: AffineMap { part(1 + beforeCount..<1 + beforeCount + afterCount) }

    private func part(_ columns: Range<Int>) -> AffineMap {
        AffineMap(weight: whole.weight.columns(columns), bias: nil)
    }
}
