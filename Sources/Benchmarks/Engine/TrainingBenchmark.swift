import Engine
import Foundation
import ModelStore
import Networks
import NeuralFunctionals
import SIREN
import Training

/// Times a training step (forward pass, backward pass, update) on random networks.
package struct TrainingBenchmark {
    private let recipe: TrainingRecipe

    /// A step of `recipe`'s model and plan.
    package init(_ recipe: TrainingRecipe) { self.recipe = recipe }

    /// The encoder of `model` with a latent classifier of one layer.
    package init(_ model: BenchmarkModel, overrides: [String] = []) throws(RecipeError) {
        let json = """
            {"name": "\(model.rawValue)", "optimization": {"epochs": 1, "batch": 64, "microbatch": 2},
             "model": {"name": "\(model.rawValue)", "version": "0", "task": "classify",
              "labels": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
              "input": \(BenchmarkModel.inputSection(hiddenWidth: 32)), "encoder": \(model.encoderSection),
              "classifier": {"model": "TransformerClassifier", "file": "classifier.safetensors", "n_classes": 10, "num_blocks": 1,
               "d_model": 64, "heads": 4, "dim_feedforward": 128, "latent_dim": 256, "positions": 64}}}
            """
        recipe = try TrainingRecipe(Data(json.utf8), overrides: overrides)
    }

    /// The operations are counted as three forward passes.
    package func run(threads: Int, repeats: Int) throws -> SpeedMeasurement {
        let manifest = recipe.manifest
        let spec = manifest.input.spec
        var readers: [(file: String, reader: ParameterReader)] = []
        let networks = try ServedNetworks(manifest) { file in
            let reader = ParameterReader(drawing: UInt64(readers.count))
            readers.append((file, reader))
            return reader
        }
        let batch = recipe.optimization.batch
        let corpus = Corpus(
            spec: spec, weights: (0..<batch).flatMap { NetworkWeights.example(spec: spec, seed: UInt64($0)).flattened },
            labels: (0..<batch).map { $0 % manifest.labels.count }, sources: Array(0..<batch))
        let trainer = try Trainer(
            networks, manifest, recipe.objective, LearnedParameters(readers, frozen: Set(recipe.frozen)),
            corpus: corpus, indices: Array(0..<batch), augmentation: recipe.augmentation,
            plan: recipe.plan(pictures: batch), threads: threads)
        let model = try ServedModel(drawing: manifest)
        var forward = 0
        if recipe.objective.classification > 0 { forward += try model.cost(.classify, spec) }
        if recipe.objective.reconstruction > 0 {
            // The encoder runs once for both objectives.
            let shared = recipe.objective.classification > 0 ? try model.cost(.encode, spec) : 0
            forward += try model.cost(.reconstruct, spec) - shared
        }
        var cache: (epoch: Int, networks: [Int])?
        return SpeedMeasurement(
            "train_step \(recipe.name)", batch: batch, threads: threads, repeats: repeats,
            flops: 3 * forward * batch
        ) { _ = trainer.step(0, epochCache: &cache) }
    }
}
