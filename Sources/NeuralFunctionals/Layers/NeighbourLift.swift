import Engine
import Networks

/// Tokens that know their neurons: sin(A·n + c), where n holds a weight together with the small fixed-size part of its two
/// neurons' other parameters, each neuron's bias, its weights from the inputs and its weights to the outputs.
///
/// Equivariant to permuting hidden neurons, as Fourier features of single weights are, but a phase of the first layer is
/// there from the start and need not be put together by attention. Fully connected networks only.
package struct NeighbourLift: WeightSpaceLayer {
    private let channels: Int
    private let weightMaps: [AffineMap]
    private let biasMaps: [AffineMap]

    package init(_ parameters: ParameterScope, _ spec: NetworkSpec, channels: Int, scale: Float) {
        self.channels = channels
        func map(_ name: String, _ index: Int, _ inputs: Int) -> AffineMap {
            let scope = parameters.scope(name).scope(index)
            return AffineMap(
                weight: scope.matrix("weight", rows: channels, columns: inputs, .normal(deviation: scale)),
                bias: scope.row("bias", channels, .uniform(bound: Float.pi)))
        }
        weightMaps = spec.layers.indices.map { layer in
            map("weight_maps", layer, 1 + Self.width(spec, before: layer) + Self.width(spec, before: layer + 1))
        }
        biasMaps = spec.layers.indices.map { map("bias_maps", $0, max(1, Self.width(spec, before: $0 + 1))) }
    }

    /// Parameters that a neuron of the layer which weight `layer` reads from carries along; none for inputs and outputs.
    private static func width(_ spec: NetworkSpec, before layer: Int) -> Int {
        guard layer > 0, layer < spec.depth else { return 0 }
        return 1 + (layer == 1 ? spec.inputs : 0) + (layer == spec.depth - 1 ? spec.outputs : 0)
    }

    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(channels: channels, in: builder)
        let neurons = (0...x.spec.depth).map { self.neurons(x, before: $0, in: builder) }
        for layer in 0..<x.spec.depth {
            let (outputs, inputs, _) = x.axes(layer)
            let tokens = builder.matrix(rows: x.weights[layer].rows, columns: weightMaps[layer].inputs)
            var cursor = ColumnCursor(tokens)
            builder.copy(x.weights[layer], to: cursor.take(1))
            if let source = neurons[layer] {
                builder.broadcast(
                    source, Axes(outer: x.batch, middle: outputs, inner: inputs), into: cursor.take(source.columns),
                    overwriting: true)
            }
            if let target = neurons[layer + 1] {
                builder.broadcast(
                    target, Axes(outer: x.batch * outputs, middle: inputs), into: cursor.take(target.columns),
                    overwriting: true)
            }
            builder.apply(weightMaps[layer], to: tokens, into: y.weights[layer])
            builder.apply(biasMaps[layer], to: neurons[layer + 1] ?? x.biases[layer], into: y.biases[layer])
        }
        builder.activate(y, .sine)
        return y
    }

    /// What the neurons between weight `layer` − 1 and weight `layer` carry: (batch·neurons, width); nil at the ends.
    private func neurons(_ x: WeightSpaceFeatures, before layer: Int, in builder: PlanBuilder) -> Matrix? {
        let width = Self.width(x.spec, before: layer)
        guard width > 0 else { return nil }
        let bias = x.biases[layer - 1]
        let y = builder.matrix(rows: bias.rows, columns: width)
        var cursor = ColumnCursor(y)
        builder.copy(bias, to: cursor.take(1))
        if layer == 1 {
            let rows = x.weights[0].reshaped(rows: bias.rows, columns: x.spec.inputs)
            builder.copy(rows, to: cursor.take(x.spec.inputs))
        }
        if layer == x.spec.depth - 1 {
            let weight = x.weights[layer]
            let swapped = builder.matrix(rows: weight.rows, columns: 1)
            let (outputs, inputs, _) = x.axes(layer)
            builder.swapAxes(weight, Axes(outer: x.batch, middle: outputs, inner: inputs), into: swapped)
            builder.copy(swapped.reshaped(rows: bias.rows, columns: outputs), to: cursor.take(outputs))
        }
        return y
    }
}
