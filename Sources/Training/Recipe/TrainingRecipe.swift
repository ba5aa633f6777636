import Foundation
import Models
import Networks

/// A training run in one small JSON file: the model, what it is to be good at, and how it gets there.
package struct TrainingRecipe: Sendable {
    package let name: String
    /// The `config.json` of the model.
    package let configuration: ModelConfiguration
    package let objective: Objective
    package let augmentation: Augmentation
    package let optimization: Optimization
    /// Pictures, the last ones of the data, that are not learned from but looked at.
    package let validationPictures: Int
    /// Files of the model whose parameters stay as they are given.
    package let frozen: [String]
    package let seed: UInt64
    /// The file itself, for the run's folder and to tell recipes apart.
    package let json: Data

    /// How the optimiser goes.
    package struct Optimization: Sendable, Equatable {
        package let epochs: Double
        package let batch: Int
        package let microbatch: Int
        package let rate: Float
        package let warmUpSteps: Int
        package let finalShare: Float
        package let decay: Float
        package let clipNorm: Float
        package let averageDecay: Float
    }

    /// - Parameter overrides: `optimization.rate=0.001` and the like, applied before anything is read.
    package init(_ json: Data, overrides: [String] = []) throws(RecipeError) {
        let document = try RecipeDocument(json, overrides)
        self.json = document.data
        do {
            let settings = try Settings(json: Array(document.data))
            name = try settings.text("name")
            _ = settings.value("comment")
            guard let model = settings.value("model") else { throw SettingError("member 'model' is missing") }
            configuration = try ModelConfiguration(model, path: "model")
            let transform = configuration.input.transform
            objective = try Objective(try settings.sectionOrEmpty("objective"), configuration)
            augmentation = try Augmentation(try settings.sectionOrEmpty("augmentation")).with(
                omega0: Float(transform.omega0), convention: transform.convention)
            optimization = try Optimization(try settings.section("optimization"))
            validationPictures = try settings.int("validation_pictures", in: 1...1_000_000_000, default: 5000)
            frozen = try settings.texts("frozen")
            seed = UInt64(try settings.int("seed", in: 0...(1 << 53), default: 0))
            try settings.finish()
        } catch {
            throw RecipeError(String(describing: error))
        }
    }

    /// The plan of a run over so many pictures.
    package func plan(pictures: Int) -> TrainingPlan {
        var plan = TrainingPlan()
        plan.batch = optimization.batch
        plan.microbatch = optimization.microbatch
        plan.steps = max(1, Int((optimization.epochs * Double(pictures / optimization.batch)).rounded()))
        plan.rate = optimization.rate
        plan.warmUpSteps = min(optimization.warmUpSteps, plan.steps / 2)
        plan.finalShare = optimization.finalShare
        plan.decay = optimization.decay
        plan.clipNorm = optimization.clipNorm
        plan.averageDecay = optimization.averageDecay
        plan.seed = seed
        return plan
    }
}

/// What is wrong with a recipe.
package struct RecipeError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension TrainingRecipe.Optimization {
    fileprivate init(_ settings: Settings) throws(SettingError) {
        epochs = try settings.number("epochs", in: 0.001...1e5)
        batch = try settings.int("batch", in: 1...65536, default: 64)
        microbatch = try settings.int("microbatch", in: 1...1024, default: 4)
        rate = Float(try settings.number("rate", in: 1e-9...10, default: 1e-3))
        warmUpSteps = try settings.int("warm_up_steps", in: 0...1_000_000, default: 200)
        finalShare = Float(try settings.number("final_share", in: 0...1, default: 0))
        decay = Float(try settings.number("decay", in: 0...10, default: 0.01))
        clipNorm = Float(try settings.number("clip_norm", in: 1e-6...1e6, default: 1))
        averageDecay = Float(try settings.number("average_decay", in: 0...0.99999, default: 0.999))
    }
}

extension Augmentation {
    fileprivate init(_ settings: Settings) throws(SettingError) {
        self.init()
        flipsSigns = try settings.bool("sign_flips", default: false)
        halfTurns = try settings.bool("half_turns", default: false)
        permutes = try settings.bool("permutations", default: false)
        noise = Float(try settings.number("noise", in: 0...1, default: 0))
        mirrors = try settings.bool("mirrors", default: false)
        shift = Float(try settings.number("shift", in: 0...1, default: 0))
        rotation = Float(try settings.number("rotation", in: 0...Double.pi, default: 0))
        zoom = Float(try settings.number("zoom", in: 0...0.9, default: 0))
    }
}
