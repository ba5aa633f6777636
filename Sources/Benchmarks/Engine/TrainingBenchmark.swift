import Engine
import Foundation
import ModelStore
import Models
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import Training

/// Times a training step (forward pass, backward pass, update) on random networks.
package struct TrainingBenchmark {
    private let recipe: TrainingRecipe

    /// A step of `recipe`: its model, objective, augmentation and batch.
    package init(_ recipe: TrainingRecipe) { self.recipe = recipe }

    /// A step of an embedded recipe or of a file, for SIRENs 2-32-32-1 of pictures of 28 × 28 pixels in ten classes.
    /// - Throws: also for recipes of CNNs and those with frozen files.
    package init(recipe json: Data, overrides: [String] = []) throws(RecipeError) {
        if try TrainingRecipe.isForCNNs(json, overrides: overrides) {
            throw RecipeError("the recipe is for CNNs, and steps are timed on SIRENs; choose one for INRs, such as nft")
        }
        let spec = NetworkSpec(sizes: [2, 32, 32, 1])
        let count = 1280
        var random = RandomSource(seed: 0)
        var description = Corpus.Description()
        description.image = ImageShape(height: 28, width: 28, channels: 1)
        let weights = (0..<count * spec.parameterCount).map { _ in random.uniform(in: -0.5...0.5) }
        recipe = try TrainingRecipe(
            json, overrides: overrides,
            for: Corpus(
                [Corpus.Group(spec: spec, activation: .sine, weights: weights)], description,
                labels: (0..<count).map { $0 % 10 }, sources: Array(0..<count)))
        guard recipe.frozen.isEmpty else {
            throw RecipeError(
                "the recipe keeps \(recipe.frozen.joined(separator: ", ")) as given, so that a step has fewer operations than are counted; choose one that trains all of its files, such as nft"
            )
        }
    }

    /// A step of 64 networks for the encoder of `model` with a latent classifier of one layer.
    /// - Parameter overrides: changed members of the recipe, as of `--set`.
    package init(_ model: BenchmarkModel, overrides: [String] = []) throws(RecipeError) {
        let json = """
            {"name": "\(model.rawValue)", "optimization": {"epochs": 1, "batch": 64, "microbatch": 2},
             "model": {"name": "\(model.rawValue)", "version": "0",
              "labels": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
              "input": \(BenchmarkModel.inputSection(hiddenWidth: 32)),
              "model": {"type": "LatentClassifier", "encoder": \(model.encoderNode),
               "head": {"type": "TransformerClassifier", "file": "classifier.safetensors", "n_classes": 10, "num_blocks": 1,
                "d_model": 64, "heads": 4, "dim_feedforward": 128, "latent_dim": 256, "positions": 64}}}}
            """
        recipe = try TrainingRecipe(Data(json.utf8), overrides: overrides)
    }

    /// Times `repeats` steps. `flops` counts three forward passes for each network, since the backward pass has about
    /// twice the matrix products of the forward pass.
    package func run(threads: Int, repeats: Int) throws -> SpeedMeasurement {
        let configuration = recipe.configuration
        let spec = configuration.input.spec
        var readers: [(file: String, reader: ParameterReader)] = []
        let model = try configuration.model { file in
            let reader = ParameterReader(drawing: UInt64(readers.count))
            readers.append((file, reader))
            return reader
        }
        let batch = recipe.optimization.batch
        let corpus = Corpus(
            spec: spec, weights: (0..<batch).flatMap { NetworkWeights.example(spec: spec, seed: UInt64($0)).flattened },
            labels: (0..<batch).map { $0 % max(1, configuration.labels.count) }, sources: Array(0..<batch))
        let trainer = try Trainer(
            model, configuration.input, recipe.objective, LearnedParameters(readers, frozen: Set(recipe.frozen)),
            corpus: corpus, indices: Array(0..<batch), augmentation: recipe.augmentation,
            plan: recipe.plan(pictures: batch), threads: threads)
        let served = try ServedModel(drawing: configuration)
        var forward = 0
        if recipe.objective.asks(for: .classes) { forward += try served.flops(.classes, spec) }
        if recipe.objective.asks(for: .picture) {
            // The encoder runs once for both tasks.
            let shared = recipe.objective.asks(for: .classes) ? try served.flops(.latents, spec) : 0
            forward += try served.flops(.picture, spec) - shared
        }
        var cache: (epoch: Int, networks: [Int])?
        return SpeedMeasurement(
            "train_step \(recipe.name)", batch: batch, threads: threads, repeats: repeats,
            flops: 3 * forward * batch
        ) { _ = trainer.step(0, epochCache: &cache) }
    }
}
