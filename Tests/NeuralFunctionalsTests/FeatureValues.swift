import Engine
import Networks
import NeuralFunctionals
import Tensors

/// The numbers of weight-space features, in the reference's layout.
struct FeatureValues: Equatable {
    let spec: NetworkSpec
    var weights: [Tensor]
    var biases: [Tensor]

    init(_ spec: NetworkSpec, weights: [Tensor], biases: [Tensor]) {
        self.spec = spec
        self.weights = weights
        self.biases = biases
    }

    /// Random numbers from −1 to 1.
    init(_ spec: NetworkSpec, batch: Int = 2, channels: Int, seed: UInt64 = 1) {
        var random = RandomSource(seed: seed)
        func tensor(_ shape: [Int]) -> Tensor {
            Tensor(shape: shape, values: (0..<shape.reduce(1, *)).map { _ in random.uniform(in: -1...1) })
        }
        self.spec = spec
        weights = spec.layers.map { tensor([batch, channels] + $0.weightShape) }
        biases = spec.layers.map { tensor([batch, channels, $0.outputs]) }
    }

    var batch: Int { weights[0].shape[0] }
    var channels: Int { weights[0].shape[1] }
    var values: [Float] { weights.flatMap(\.values) + biases.flatMap(\.values) }

    /// The networks' neurons in another order, weights and biases together.
    func permuted(_ orders: NeuronOrders) -> FeatureValues {
        var result = self
        for layer in weights.indices {
            result.weights[layer] = weights[layer].permuted(
                axis: 2, by: orders.orders[layer + 1]
            ).permuted(axis: 3, by: orders.orders[layer])
            result.biases[layer] = biases[layer].permuted(axis: 2, by: orders.orders[layer + 1])
        }
        return result
    }

    /// Only the rows of the first weight in another order: another function.
    func uncoupled(_ orders: NeuronOrders) -> FeatureValues {
        var result = self
        result.weights[0] = weights[0].permuted(axis: 2, by: orders.orders[1])
        return result
    }

    /// One network of the batch.
    func network(_ index: Int) -> FeatureValues {
        func part(_ tensor: Tensor) -> Tensor {
            let slice = tensor.slice(index)
            return slice.reshaped([1] + slice.shape)
        }
        return FeatureValues(spec, weights: weights.map(part), biases: biases.map(part))
    }

    func write(to features: WeightSpaceFeatures) {
        for layer in weights.indices {
            features.write(weights[layer], to: .weight(layer))
            features.write(biases[layer], to: .bias(layer))
        }
    }

    init(reading features: WeightSpaceFeatures) {
        let layers = features.spec.layers.indices
        self.init(
            features.spec, weights: layers.map { features.read(.weight($0)) },
            biases: layers.map { features.read(.bias($0)) })
    }
}

extension Tensor {
    /// Slice i along `axis` of the result is slice `order[i]`.
    fileprivate func permuted(axis: Int, by order: [Int]) -> Tensor {
        let inner = shape[(axis + 1)...].reduce(1, *)
        let outer = shape[..<axis].reduce(1, *)
        var result: [Float] = []
        result.reserveCapacity(count)
        for block in 0..<outer {
            for source in order {
                let start = (block * order.count + source) * inner
                result += values[start..<start + inner]
            }
        }
        return Tensor(shape: shape, values: result)
    }
}

/// Applies an equivariant layer.
func apply(_ layer: any WeightSpaceLayer, to values: FeatureValues) -> FeatureValues {
    let builder = PlanBuilder(threads: 1)
    let x = WeightSpaceFeatures(values.spec, batch: values.batch, channels: values.channels, in: builder)
    let y = layer(x, in: builder)
    let plan = builder.finish(keeping: x.arrays + y.arrays)
    values.write(to: x)
    plan.run(WorkerPool(threads: 1))
    return FeatureValues(reading: y)
}

/// Applies something that makes one matrix of features.
func summarize(
    _ values: FeatureValues, _ record: (WeightSpaceFeatures, PlanBuilder) throws -> Matrix
) rethrows -> [Float] {
    let builder = PlanBuilder(threads: 1)
    let x = WeightSpaceFeatures(values.spec, batch: values.batch, channels: values.channels, in: builder)
    let y = try record(x, builder)
    let plan = builder.finish(keeping: x.arrays + [y])
    values.write(to: x)
    plan.run(WorkerPool(threads: 1))
    return y.read()
}

/// The largest |a − b| / max(1, |b|); infinite where the lengths differ or either is no number.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { largest, pair in
        let error = abs(pair.0 - pair.1) / max(1, abs(pair.1))
        return error.isNaN ? .infinity : max(largest, error)
    }
}
