import Engine
import Models
import Networks
import NeuralFunctionals
import Tensors
import Testing

@Suite struct EquivarianceTests {
    @Test("a layer commutes with permutations of hidden neurons", arguments: LayerCase.all)
    func commutesWithHiddenPermutations(_ input: LayerCase) {
        for (index, sample) in input.specs().enumerated() {
            let layer = input.layer(sample.spec)
            let values = FeatureValues(sample.spec, channels: LayerCase.channels, seed: UInt64(index))
            let orders = NeuronOrders(sample.spec, seed: 3)
            let plain = apply(layer, to: values)
            let difference = largestDifference(
                apply(layer, to: values.permuted(orders)).values, plain.permuted(orders).values)
            #expect(difference <= 1e-5, "\(sample.testDescription)")
            #expect(largestDifference(plain.permuted(orders).values, plain.values) > 1e-2)
        }
    }

    @Test("only a layer that treats the ends alike commutes with permuting them", arguments: LayerCase.all)
    func commutesWithEndPermutations(_ input: LayerCase) {
        for sample in input.specs() {
            let layer = input.layer(sample.spec)
            let values = FeatureValues(sample.spec, channels: LayerCase.channels)
            let orders = NeuronOrders.ends(sample.spec)
            let difference = largestDifference(
                apply(layer, to: values.permuted(orders)).values, apply(layer, to: values).permuted(orders).values)
            if input.treatsEndsAlike {
                #expect(difference <= 1e-5, "\(sample.testDescription)")
            } else {
                #expect(difference > 1e-2, "\(sample.testDescription)")
            }
        }
    }

    @Test("every network of a batch gets the result of its own run", arguments: LayerCase.all)
    func batchesEqualSingles(_ input: LayerCase) {
        for sample in input.specs() {
            let layer = input.layer(sample.spec)
            let values = FeatureValues(sample.spec, batch: 3, channels: LayerCase.channels)
            let together = apply(layer, to: values)
            for index in 0..<3 {
                let alone = apply(layer, to: values.network(index))
                #expect(largestDifference(together.network(index).values, alone.values) <= 1e-5)
            }
        }
    }

    @Test("parameters do not depend on hidden widths, and run on any", arguments: LayerCase.all)
    func parametersSuitAnyWidth(_ input: LayerCase) {
        for sample in input.specs() {
            let (own, other) = (ParameterReader(drawing: 7), ParameterReader(drawing: 7))
            let layer = input.make(own.root, sample.spec)
            let wider = input.make(other.root, sample.otherWidths)
            #expect(own.dictionary == other.dictionary)
            let values = FeatureValues(sample.otherWidths, channels: LayerCase.channels)
            #expect(apply(layer, to: values) == apply(wider, to: values))
        }
    }

    @Test("a layer leaves its input as it is", arguments: LayerCase.all)
    func inputsStay(_ input: LayerCase) {
        let sample = SampleSpec.fullyConnected[0]
        let builder = PlanBuilder(threads: 1)
        let values = FeatureValues(sample.spec, channels: LayerCase.channels)
        let x = WeightSpaceFeatures(sample.spec, batch: 2, channels: LayerCase.channels, in: builder)
        let layer = input.layer(sample.spec)
        let y = layer(x, in: builder)
        let plan = builder.finish(keeping: x.arrays + y.arrays)
        values.write(to: x)
        plan.run(WorkerPool(threads: 1))
        #expect(FeatureValues(reading: x) == values)
    }

    @Test(
        "the editor commutes with permutations of hidden neurons",
        arguments: ["HNP", "NP", "NP-PosEmb", "PT"], SampleSpec.fullyConnected)
    func editorCommutes(mode: String, sample: SampleSpec) throws {
        let configuration = try TransferNetConfiguration(
            try settings(
                #"{"mode": "\#(mode)", "hidden_chan": 4, "hidden_layers": 2, "mapping_size": 3, "pos_enc": true, "lnorm": true}"#
            ))
        let model = try TransferNet(ParameterReader(drawing: 5).root, configuration, spec: sample.spec)
        expectCommutes(sample.spec) { model($0, in: $1) }
    }

    @Test(
        "the editor of encoder blocks commutes with permutations of hidden neurons",
        arguments: [
            ("nft", "propagated"), ("nft", "neurons"), ("np", "propagated"), ("np_residual", "neurons"),
            ("hnp_residual", "propagated"),
        ], SampleSpec.fullyConnected)
    func blockEditorCommutes(encoder: (block: String, lift: String), sample: SampleSpec) throws {
        let configuration = try WeightSpaceEncoderConfiguration(
            try settings(
                #"{"block_type": "\#(encoder.block)", "lift": "\#(encoder.lift)", "lift_width": 6, "num_blocks": 2, "enc_map_size": 4, "num_heads": 2}"#
            ))
        let model = try WeightEditor(ParameterReader(drawing: 5).root, configuration, spec: sample.spec)
        expectCommutes(sample.spec) { model($0, in: $1) }
    }

    /// Holds the change of permuted features against the permuted change of features.
    private func expectCommutes(
        _ spec: NetworkSpec, _ change: @escaping (WeightSpaceFeatures, PlanBuilder) -> WeightSpaceFeatures
    ) {
        let values = FeatureValues(spec, channels: 1)
        let orders = NeuronOrders(spec, seed: 9)
        func edit(_ values: FeatureValues) -> FeatureValues {
            let builder = PlanBuilder(threads: 1)
            let x = WeightSpaceFeatures(values.spec, batch: values.batch, channels: 1, in: builder)
            let y = change(x, builder)
            let plan = builder.finish(keeping: x.arrays + y.arrays)
            values.write(to: x)
            plan.run(WorkerPool(threads: 1))
            return FeatureValues(reading: y)
        }
        let (changed, own) = (edit(values.permuted(orders)), edit(values))
        #expect(largestDifference(own.values, own.values.map { _ in 0 }) > 1e-4, "there is a change")
        let difference = largestDifference(changed.values, own.permuted(orders).values)
        #expect(difference <= 2e-5)
    }
}
