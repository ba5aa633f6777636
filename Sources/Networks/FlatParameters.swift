import Tensors

extension NetworkWeights {
    /// All parameters as one vector: w0, b0, w1, b1, …, each array in row-major order.
    package var flattened: [Float] { layers.flatMap { $0.weight.values + $0.bias.values } }

    /// All parameters as one vector in that order: `init(spec:flat:layout:)` reads it back.
    package func flattened(in layout: FlatLayout) -> [Float] {
        layout == .pytorch ? flattened : layers.flatMap { $0.bias.values + $0.weight.outputsLast.values }
    }

    /// Cuts a vector of parameters into the layers of `spec`.
    /// - Parameters:
    ///   - layout: the order of the parameters, by default that of `flattened`.
    ///   - names: of every layer's tensors; `spec.defaultNames` without them.
    /// - Throws: where the vector's length is not the spec's parameter count.
    package init(
        spec: NetworkSpec, flat: [Float], layout: FlatLayout = .pytorch, names: [LayerNames]? = nil
    ) throws(NetworkError) {
        guard flat.count == spec.parameterCount else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, expected: "expected \(spec.parameterCount) values (\(spec.parameterSum))",
                    received: "\(flat.count)"))
        }
        var start = 0
        func take(_ shape: [Int]) -> Tensor {
            let end = start + shape.reduce(1, *)
            defer { start = end }
            return Tensor(shape: shape, values: Array(flat[start..<end]))
        }
        layers = zip(spec.layers, names ?? spec.defaultNames).map { layer, names in
            let bias = layout == .cnnZoo ? take([layer.outputs]) : nil
            let weight =
                layout == .cnnZoo
                ? take(layer.kernel + [layer.inputs, layer.outputs]).outputsFirst : take(layer.weightShape)
            return NetworkLayer(
                weightName: names.weight, weight: weight, biasName: names.bias, bias: bias ?? take([layer.outputs]))
        }
    }
}

extension Tensor {
    /// A weight of layout ([height, width,] inputs, outputs) as (outputs, inputs[, height, width]).
    package var outputsFirst: Tensor {
        let inputs = shape[rank - 2]
        let outputs = shape[rank - 1]
        let kernel = Array(shape.dropLast(2))
        let positions = kernel.reduce(1, *)
        var result: [Float] = []
        result.reserveCapacity(count)
        for output in 0..<outputs {
            for input in 0..<inputs {
                for position in 0..<positions {
                    result.append(values[(position * inputs + input) * outputs + output])
                }
            }
        }
        return Tensor(shape: [outputs, inputs] + kernel, values: result)
    }
}

extension Tensor {
    /// A weight of layout (outputs, inputs[, height, width]) as ([height, width,] inputs, outputs).
    package var outputsLast: Tensor {
        let (outputs, inputs, kernel) = (shape[0], shape[1], Array(shape.dropFirst(2)))
        let positions = kernel.reduce(1, *)
        var result = [Float](repeating: 0, count: count)
        for output in 0..<outputs {
            for input in 0..<inputs {
                for position in 0..<positions {
                    result[(position * inputs + input) * outputs + output] =
                        values[(output * inputs + input) * positions + position]
                }
            }
        }
        return Tensor(shape: kernel + [inputs, outputs], values: result)
    }
}

extension NetworkSpec {
    /// The parameters of every layer, for messages: `2-32-32-1: 96 + 1056 + 33 parameters`.
    package var parameterSum: String {
        let counts = layers.map { "\($0.outputs * $0.inputs * $0.kernelCount + $0.outputs)" }
        return "\(summary): \(counts.joined(separator: " + ")) parameters"
    }
}
