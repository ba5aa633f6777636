import Engine
import Networks
import NeuralFunctionals

/// Times single kernels and layers at the sizes of the published encoder for MNIST: networks 2-32-32-1, 256 channels.
package enum StepBenchmark {
    private static let spec = NetworkSpec(sizes: [2, 32, 32, 1])

    /// Elementwise kernels and matrix products over the tokens of one network.
    package static func kernels(threads: Int, repeats: Int) -> [SpeedMeasurement] {
        let (tokens, channels, hidden) = (spec.parameterCount, 256, 1024)
        let pool = WorkerPool(threads: threads)
        func measure(_ name: String, _ rows: Int, _ columns: Int, _ record: (PlanBuilder, Matrix) -> Matrix?)
            -> SpeedMeasurement
        {
            let builder = PlanBuilder(threads: threads)
            let x = builder.matrix(rows: rows, columns: columns)
            let y = record(builder, x)
            let plan = builder.finish(keeping: [x] + [y].compactMap { $0 })
            x.write((0..<x.count).map { Float($0 % 173) / 40 - 2 })
            return SpeedMeasurement(name, threads: threads, repeats: repeats, flops: plan.flops) {
                plan.run(pool)
            }
        }
        func map(_ inputs: Int, _ outputs: Int) -> AffineMap {
            let values = (0..<inputs * outputs).map { Float($0 % 97) / 1000 - 0.05 }
            return AffineMap(
                weight: Matrix(rows: outputs, columns: inputs, values: values), bias: Matrix(zeros: 1, outputs))
        }
        let ones = Matrix(rows: 1, columns: channels, values: [Float](repeating: 1, count: channels))
        let norm = Normalization(kind: .unbiased, gamma: ones, beta: Matrix(zeros: 1, channels))
        return [
            measure("gelu", tokens, hidden) {
                $0.activate($1, .gelu); return nil
            },
            measure("sine", tokens, hidden) {
                $0.activate($1, .sine); return nil
            },
            measure("sigmoid", tokens, hidden) {
                $0.activate($1, .sigmoid); return nil
            },
            measure("layer norm", tokens, channels) { $0.normalize($1, norm) },
            measure("affine 256 to 768", tokens, channels) { $0.apply(map(channels, 3 * channels), to: $1) },
            measure("affine 256 to 1024", tokens, channels) { $0.apply(map(channels, hidden), to: $1) },
            measure("affine 1024 to 256", tokens, hidden) { $0.apply(map(hidden, channels), to: $1) },
        ]
    }

    /// The layers of that encoder, and the equivariant linear layers, on one network.
    package static func layers(threads: Int, repeats: Int) -> [SpeedMeasurement] {
        let channels = 256
        let pool = WorkerPool(threads: threads)
        func measure(
            _ name: String, channels: Int = channels,
            _ record: (ParameterScope, WeightSpaceFeatures, PlanBuilder) -> [Matrix]
        ) -> SpeedMeasurement {
            let builder = PlanBuilder(threads: threads)
            let x = WeightSpaceFeatures(spec, batch: 1, channels: channels, in: builder)
            let y = record(ParameterReader(drawing: 0).root, x, builder)
            let plan = builder.finish(keeping: x.arrays + y)
            for array in x.arrays { array.write((0..<array.count).map { Float($0 % 173) / 86 - 1 }) }
            return SpeedMeasurement(name, threads: threads, repeats: repeats, flops: plan.flops) {
                plan.run(pool)
            }
        }
        return [
            measure("Fourier features", channels: 1) { scope, x, builder in
                GaussianFourierFeatures(scope, inputs: 1, count: channels / 2, scale: 3)(x, in: builder).arrays
            },
            measure("norm of tokens") { scope, x, builder in
                SimpleLayerNorm(scope, spec, channels: channels)(x, in: builder).arrays
            },
            measure("weight-space attention") { scope, x, builder in
                NPAttention(scope, spec, channels: channels, heads: 4, sharesProjections: true)(x, in: builder).arrays
            },
            measure("block") { scope, x, builder in
                NFTBlock(scope, spec, channels: channels, heads: 4, expansions: [4])(x, in: builder).arrays
            },
            measure("Perceiver pool") { scope, x, builder in
                let pool = PerceiverPool(
                    scope, channels: channels, latents: 16, width: channels, selfAttentionLayers: 0)
                return [pool(x.flattened(in: builder), batch: 1, in: builder)]
            },
            measure("NP linear") { scope, x, builder in
                NPLinear(scope, spec, inputs: channels, outputs: channels)(x, in: builder).arrays
            },
            measure("HNP linear") { scope, x, builder in
                HNPLinear(scope, spec, inputs: channels, outputs: channels)(x, in: builder).arrays
            },
        ]
    }
}
