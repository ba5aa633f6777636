import Engine
import Models
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import Testing

/// Something that makes one vector, or a few, of a network's features.
struct SummaryCase: Sendable, CustomTestStringConvertible {
    typealias Record = @Sendable (WeightSpaceFeatures, PlanBuilder) throws -> Matrix

    let name: String
    var channels = 1
    /// Whether it relates arrays to each other, so that it notices a permutation of one of them alone.
    var seesCoupling = false
    var specs = SampleSpec.fullyConnected
    let make: @Sendable (ParameterScope, NetworkSpec) throws -> Record

    var testDescription: String { name }

    /// Built on random parameters twice as large as freshly initialised ones, which would hide small differences.
    func record(_ spec: NetworkSpec) throws -> Record {
        let fresh = ParameterReader(drawing: 11)
        _ = try make(fresh.root, spec)
        let trained = ParameterReader(
            StateDict(
                fresh.dictionary.entries.map { entry in
                    let values = entry.tensor.values.map { 2 * $0 }
                    return NamedTensor(name: entry.name, tensor: Tensor(shape: entry.tensor.shape, values: values))
                }))
        let record = try make(trained.root, spec)
        try trained.finish()
        return record
    }

    static let all = pools + encoders + networks

    private static let pools =
        [("mean pool", InvariantPool.np), ("hidden-neuron pool", .hnp), ("statistics pool", .statistics)].map {
            name, pool in
            SummaryCase(name: name, channels: 3, specs: SampleSpec.all) { _, _ in { x, builder in pool(x, in: builder) }
            }
        } + [
            SummaryCase(name: "CrossAttnEncoder", channels: 4) { parameters, _ in
                let layer = CrossAttnEncoder(parameters, channels: 4, latents: 3)
                return { x, builder in layer(x, in: builder) }
            },
            SummaryCase(name: "PerceiverPool", channels: 4) { parameters, _ in
                let layer = PerceiverPool(parameters, channels: 4, latents: 3, width: 6, selfAttentionLayers: 1)
                return { x, builder in layer(x.flattened(in: builder), batch: x.batch, in: builder) }
            },
        ]

    private static let encoders = ["nft", "np", "np_residual", "hnp_residual"].map { block in
        SummaryCase(name: "Inr2Array of \(block)", seesCoupling: true, specs: SampleSpec.pictures) { parameters, spec in
            let model = try encoder(parameters, spec, block: block)
            return { x, builder in model.encode(x, in: builder) }
        }
    }

    private static let networks =
        [
            SummaryCase(name: "Inr2Array on propagated features", seesCoupling: true, specs: SampleSpec.pictures) {
                parameters, spec in
                let model = try encoder(parameters, spec, block: "nft", lift: "propagated")
                return { x, builder in model.encode(x, in: builder) }
            },
            SummaryCase(name: "Inr2Array that reads outputs", seesCoupling: true, specs: SampleSpec.pictures) {
                parameters, spec in
                let model = try encoder(parameters, spec, block: "nft", lift: "propagated", readsOutputs: true)
                return { x, builder in model.encode(x, in: builder) }
            },
            SummaryCase(
                name: "Inr2Array of gated blocks that reads means", seesCoupling: true, specs: SampleSpec.pictures
            ) { parameters, spec in
                let model = try encoder(
                    parameters, spec, block: "nft", lift: "neurons", readsMeans: true, activation: "geglu")
                return { x, builder in model.encode(x, in: builder) }
            },
            SummaryCase(name: "probes anywhere", seesCoupling: true, specs: SampleSpec.pictures) { parameters, spec in
                let model = try ProbeClassifier(
                    parameters, ProbeConfiguration(try settings(#"{"n_classes": 3, "n_probes": 5, "hidden": [6, 4]}"#)),
                    spec: spec,
                    omega0: 1)
                return { x, builder in model(x, in: builder) }
            },
            SummaryCase(name: "a grid of probes", seesCoupling: true, specs: SampleSpec.pictures) { parameters, spec in
                let model = try ProbeClassifier(
                    parameters,
                    ProbeConfiguration(
                        try settings(
                            #"{"n_classes": 3, "grid": [6, 8], "head": "conv", "channels": [3, 4], "num_blocks": [1]}"#)
                    ),
                    spec: spec, omega0: 1)
                return { x, builder in model(x, in: builder) }
            },
            SummaryCase(name: "latent classifier", seesCoupling: true, specs: SampleSpec.pictures) { parameters, spec in
                let model = try encoder(parameters.scope("encoder"), spec, block: "nft")
                let classifier = try TransformerHead(
                    parameters.scope("classifier"),
                    TransformerHeadConfiguration(
                        try settings(
                            #"{"n_classes": 5, "num_blocks": 1, "d_model": 8, "heads": 2, "dim_feedforward": 16, "latent_dim": 6, "positions": 8}"#
                        )))
                return { x, builder in
                    try classifier(model.encode(x, in: builder), batch: x.batch, in: builder)
                }
            },
            SummaryCase(name: "latent classifier of convolutions", seesCoupling: true, specs: SampleSpec.pictures) {
                parameters, spec in
                let model = try encoder(parameters.scope("encoder"), spec, block: "nft")
                let classifier = LatentConvolutions(
                    parameters.scope("classifier"),
                    try LatentConvolutionsConfiguration(
                        try settings(
                            #"{"n_classes": 5, "latent_dim": 6, "cells": 1, "channels": [3, 4], "num_blocks": [1]}"#)))
                return { x, builder in
                    try classifier(model.encode(x, in: builder), batch: x.batch, in: builder)
                }
            },
            SummaryCase(name: "StatNet", specs: SampleSpec.all) { parameters, spec in
                let model = StatNet(parameters, try StatNetConfiguration(try settings(#"{"h_size": 8}"#)), spec: spec)
                return { x, builder in model(x, in: builder) }
            },
        ]
        + [("HNP", "HNP"), ("HNP", "NP"), ("NP", "NP"), ("NP-PosEmb", "HNP")].map { mode, pool in
            SummaryCase(name: "InvariantNFN \(mode), \(pool) pool", seesCoupling: true, specs: SampleSpec.all) {
                parameters, spec in
                let model = try InvariantNFN(
                    parameters,
                    InvariantNFNConfiguration(
                        try settings(
                            #"{"mode": "\#(mode)", "pool_mode": "\#(pool)", "hchannels": [4, 4], "h_size": 8, "num_out": 3, "lnorm": "simple", "inp_enc": "pointwise", "pointwise": {"out_channels": 4}}"#
                        )),
                    spec: spec)
                return { x, builder in model(x, in: builder) }
            }
        }

    private static func encoder(
        _ parameters: ParameterScope, _ spec: NetworkSpec, block: String, lift: String = "fourier",
        readsOutputs: Bool = false, readsMeans: Bool = false, activation: String = "gelu"
    ) throws -> Inr2Array {
        let configuration = try Inr2ArrayConfiguration(
            try settings(
                #"{"block_type": "\#(block)", "lift": "\#(lift)", "num_blocks": 2, "enc_map_size": 4, "num_heads": 2, "ff_factor": 2, "ff_activation": "\#(activation)", "dec_hidden_size": 4, "pool_cls": {"n_latent": 4, "latent_dim": 6, "reads_outputs": \#(readsOutputs), "reads_means": \#(readsMeans)}}"#
            ))
        let image = ImageShape(height: 6, width: 6, channels: spec.outputs)
        return try Inr2Array(parameters, configuration, spec: spec, image: image)
    }
}
