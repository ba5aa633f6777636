import Networks
import Tensors

extension NetworkWeights {
    /// A freshly initialised SIREN of these sizes, the same for the same seed: what an example request carries.
    ///
    /// Weights are uniform within ±1/inputs in the first layer and ±√(6/inputs)/30 after it, biases within ±1/√inputs. In
    /// `dws` the first layer is drawn like the others, and biases begin at zero.
    package static func example(
        spec: NetworkSpec, seed: UInt64, convention: SIRENConvention = .nfn
    ) -> NetworkWeights {
        var random = RandomSource(seed: seed)
        var layers: [NetworkLayer] = []
        for (index, (layer, names)) in zip(spec.layers, convention.layerNames(of: spec)).enumerated() {
            let fanIn = Float(max(1, layer.inputs)) * Float(max(1, layer.kernelCount))
            let weightBound = index == 0 && convention == .nfn ? 1 / fanIn : (6 / fanIn).squareRoot() / 30
            layers.append(
                NetworkLayer(
                    weightName: names.weight,
                    weight: random.uniform(shape: layer.weightShape, bound: weightBound),
                    biasName: names.bias,
                    bias: random.uniform(
                        shape: [layer.outputs], bound: convention == .nfn ? 1 / fanIn.squareRoot() : 0)))
        }
        return NetworkWeights(layers: layers)
    }
}

extension RandomSource {
    fileprivate mutating func uniform(shape: [Int], bound: Float) -> Tensor {
        let count = shape.reduce(1, *)
        var values: [Float] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(uniform(in: -bound...bound)) }
        return Tensor(shape: shape, values: values)
    }
}
