import Engine
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import Testing

@testable import Models

@Suite struct DecoderTests {
    @Test(
        "pixels fall to cells as the reference rounds them",
        arguments: [
            (28, [14, 14]), (28, [5, 9, 9, 5]), (28, [2, 4, 4, 4, 4, 4, 4, 2]), (32, [16, 16]), (32, [6, 10, 10, 6]),
            (32, [3, 4, 5, 4, 4, 5, 4, 3]),
        ])
    func cellCounts(pixels: Int, counts: [Int]) {
        let cells = InrDecoder.cells(pixels: pixels, side: counts.count)
        #expect(cells == cells.sorted())
        #expect(counts.indices.map { cell in cells.filter { $0 == cell }.count } == counts)
    }

    @Test("halves round to the even cell at odd sizes")
    func tiesGoToEven() {
        let cells = InrDecoder.cells(pixels: 29, side: 8)
        #expect([2, 6, 10, 14, 18, 22, 26].map { cells[$0] } == [0, 2, 2, 4, 4, 6, 6])
        #expect([1, 3, 5, 7].map { cells[$0] } == [0, 1, 1, 2])
        #expect(InrDecoder.cells(pixels: 33, side: 2)[15...17] == [0, 0, 1])
    }

    @Test("one pixel and one cell have nothing to choose")
    func degenerateGrids() {
        #expect(InrDecoder.cells(pixels: 1, side: 4) == [0])
        #expect(InrDecoder.cells(pixels: 5, side: 1) == [0, 0, 0, 0, 0])
    }

    @Test("tokens are laid out network by network, layer by layer, and come back")
    func tokensRoundTrip() {
        let spec = NetworkSpec(sizes: [2, 3, 1])
        let values = FeatureValues(spec, batch: 2, channels: 2)
        let tokens = summarize(values) { x, builder in x.flattened(in: builder) }
        var reference: [Float] = []
        for network in 0..<2 {
            for (weight, bias) in zip(values.weights, values.biases) {
                for tensor in [weight, bias] {
                    let places = tensor.count / 4
                    for place in 0..<places {
                        for channel in 0..<2 {
                            reference.append(tensor.values[(network * 2 + channel) * places + place])
                        }
                    }
                }
            }
        }
        #expect(tokens == reference)

        let builder = PlanBuilder(threads: 1)
        let x = WeightSpaceFeatures(spec, batch: 2, channels: 2, in: builder)
        let y = x.like(in: builder)
        y.unflatten(x.flattened(in: builder), in: builder)
        let plan = builder.finish(keeping: x.arrays + y.arrays)
        values.write(to: x)
        plan.run(WorkerPool(threads: 1))
        #expect(FeatureValues(reading: y) == values)
    }

    @Test("features give back what was written, kernels included", arguments: SampleSpec.all)
    func featuresRoundTrip(sample: SampleSpec) {
        let values = FeatureValues(sample.spec, channels: 3)
        let builder = PlanBuilder(threads: 1)
        let x = WeightSpaceFeatures(sample.spec, batch: 2, channels: 3, in: builder)
        _ = builder.finish(keeping: x.arrays)
        values.write(to: x)
        #expect(FeatureValues(reading: x) == values)
    }

    @Test("a network draws the same picture for a model of either convention")
    func drawsEitherConvention() throws {
        let spec = NetworkSpec(sizes: [2, 6, 6, 1])
        let image = ImageShape(height: 5, width: 7, channels: 1)
        func picture(_ network: NetworkWeights, _ convention: SIRENConvention) throws -> [Float] {
            let input = ModelInput(spec: spec, image: image, transform: InputTransform(convention: convention))
            let builder = PlanBuilder(threads: 1)
            let x = WeightSpaceFeatures(spec, batch: 1, channels: 1, in: builder)
            let drawn = try input.recordDrawing(x, image, in: builder)
            let plan = builder.finish(keeping: x.arrays + [drawn])
            x.write([network])
            plan.run(WorkerPool(threads: 1))
            return drawn.read()
        }
        let network = NetworkWeights.example(spec: spec, seed: 4)
        let reference = try DrawnFunction(network, .nfn).picture(height: 5, width: 7).values
        let converted = try network.converted(from: .nfn, to: .dws)
        for values in [try picture(network, .nfn), try picture(converted, .dws)] {
            #expect(zip(values, reference).allSatisfy { abs($0 - $1) < 1e-4 })
        }
    }
}
