import Foundation
import ModelStore
import Networks
import SIREN
import Tensors
import Training

/// Small networks in two classes that a weight-space model can tell apart: the sign of the last bias.
enum SampleCorpus {
    static let spec = NetworkSpec(sizes: [2, 5, 5, 1])

    static func make(_ count: Int = 48, restarts: Int = 2) -> Corpus {
        var weights: [Float] = []
        var (labels, sources) = ([Int](), [Int]())
        for restart in 0..<restarts {
            for source in 0..<count {
                var network = NetworkWeights.example(spec: spec, seed: UInt64(1000 * restart + source))
                let label = source % 2
                network.layers[2].bias.values[0] = label == 0 ? -0.6 : 0.6
                weights += network.flattened
                labels.append(label)
                sources.append(source)
            }
        }
        return Corpus(spec: spec, weights: weights, labels: labels, sources: sources)
    }

    static func recipe(_ changes: [String] = []) throws -> TrainingRecipe {
        try TrainingRecipe(Data(json.utf8), overrides: changes)
    }

    static let json = """
        {"name": "sample", "validation_pictures": 8, "seed": 5,
         "model": {"name": "sample", "version": "1", "task": "classify", "labels": ["dark", "light"],
          "input": {"family": "siren", "sizes": [2, 5, 5, 1], "image": [6, 6, 1], "canonicalize": true,
           "omega0": 30, "convention": "nfn",
           "array_scales": [30, 30, 30, 30, 5, 3]},
          "encoder": {"model": "AutoEncoder", "file": "encoder.safetensors", "block_type": "nft", "lift": "propagated",
           "spatial": true, "num_blocks": 1, "enc_map_size": 4, "enc_scale": 0.5, "num_heads": 2, "ff_factor": 2, "dec_hidden_size": 8,
           "pool_cls": {"n_latent": 4, "latent_dim": 6}},
          "classifier": {"model": "TransformerClassifier", "file": "classifier.safetensors", "n_classes": 2,
           "num_blocks": 1, "d_model": 8, "heads": 2, "dim_feedforward": 8, "latent_dim": 6, "positions": 4},
          "probe_share": 0.5,
          "probe": {"model": "ProbeClassifier", "file": "probe.safetensors", "n_classes": 2, "n_probes": 6,
           "hidden": [8]}},
         "objective": {"reconstruction": 1, "label_smoothing": 0.05, "mixup": 0.2},
         "augmentation": {"sign_flips": true, "half_turns": true, "permutations": true, "mirrors": true, "shift": 0.1},
         "optimization": {"epochs": 6, "batch": 8, "microbatch": 2, "rate": 0.01, "warm_up_steps": 4}}
        """
}

/// A folder that is gone after the test.
@discardableResult
func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("run-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url)
}
