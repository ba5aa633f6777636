import Networks
import Tensors

/// The random initial weights of a SIREN: every array is uniform within ± its bound.
///
/// With n inputs to a neuron (times kernel positions in a convolution), the bounds are those of Sitzmann et al.
/// (arXiv 2006.09661, §3.2): 1/n for the first layer's weights, √(6/n)/ω₀ for later weights. Biases have 1/√n, as
/// PyTorch draws them. The dws data differs: its first layer's weights are drawn like the others, and its biases are 0.
package struct SIRENInitializer: Sendable, Hashable {
    /// The data set whose initial distribution is drawn.
    package let convention: SIRENConvention
    /// ω₀, in radians for each unit of a layer's output.
    package let omega0: Float

    /// The defaults are those of the nfn data.
    package init(convention: SIRENConvention = .nfn, omega0: Float = 30) {
        self.convention = convention
        self.omega0 = omega0
    }

    /// The bounds of a network's arrays in the order w0, b0, w1, b1, …
    package func bounds(of spec: NetworkSpec) -> [Float] {
        spec.layers.enumerated().flatMap { index, layer in
            let fanIn = Float(max(1, layer.inputs)) * Float(max(1, layer.kernelCount))
            let weight = index == 0 && convention == .nfn ? 1 / fanIn : (6 / fanIn).squareRoot() / omega0
            return [weight, convention == .nfn ? 1 / fanIn.squareRoot() : 0]
        }
    }

    /// A network of these sizes with the convention's tensor names; the same seed gives the same bits.
    package func network(_ spec: NetworkSpec, seed: UInt64) -> NetworkWeights {
        var random = RandomSource(seed: seed)
        let bounds = bounds(of: spec)
        var layers: [NetworkLayer] = []
        for (index, (layer, names)) in zip(spec.layers, convention.layerNames(of: spec)).enumerated() {
            layers.append(
                NetworkLayer(
                    weightName: names.weight, weight: random.uniform(layer.weightShape, bound: bounds[2 * index]),
                    biasName: names.bias, bias: random.uniform([layer.outputs], bound: bounds[2 * index + 1])))
        }
        return NetworkWeights(layers: layers)
    }
}

extension NetworkWeights {
    /// An untrained SIREN of the nfn convention with ω₀ = 30, for examples, tests and measurements; the same seed gives
    /// the same bits.
    package static func example(spec: NetworkSpec, seed: UInt64) -> NetworkWeights {
        SIRENInitializer().network(spec, seed: seed)
    }
}

extension RandomSource {
    /// A tensor of values drawn uniformly from −bound to bound.
    fileprivate mutating func uniform(_ shape: [Int], bound: Float) -> Tensor {
        let count = shape.reduce(1, *)
        var values: [Float] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(uniform(in: -bound...bound)) }
        return Tensor(shape: shape, values: values)
    }
}
