import Foundation
import Models
import Networks

/// The description of a training run as a JSON file: the model, its objective, the augmentation and the
/// hyperparameters.
package struct TrainingRecipe: Sendable {
    /// The recipe's name, in titles of charts and the model's card.
    package let name: String
    /// The member `model`: the `config.json` of the model to train.
    package let configuration: ModelConfiguration
    /// The member `objective`: the tasks with their weights, and mixup.
    package let objective: Objective
    /// The member `augmentation`, with the model's frequency and convention.
    package let augmentation: Augmentation
    /// The member `optimization`.
    package let optimization: Optimization
    /// The number of pictures, the last ones of the data, that are held out for validation.
    package let validationPictures: Int
    /// The model's parameter files that are not trained.
    package let frozen: [String]
    /// The seed of initial parameters, order, augmentation and mixup.
    package let seed: UInt64
    /// The recipe after its overrides, in canonical form: what the run's folder keeps, and part of the run's identity.
    package let json: Data

    /// The hyperparameters of the optimiser, AdamW, as the recipe gives them; see `TrainingPlan`.
    package struct Optimization: Sendable, Equatable {
        /// Passes over the pictures; not necessarily a whole number.
        package let epochs: Double
        /// Networks in a step.
        package let batch: Int
        /// Networks computed at a time on one thread; divides `batch`.
        package let microbatch: Int
        /// The highest learning rate.
        package let rate: Float
        /// Steps in which the learning rate rises linearly to `rate`; at most half of the run's.
        package let warmUpSteps: Int
        /// The learning rate at the end of the run, divided by `rate`.
        package let finalShare: Float
        /// The weight decay.
        package let decay: Float
        /// The largest norm of the whole gradient.
        package let clipNorm: Float
        /// The decay of the running averages of the parameters.
        package let averageDecay: Float
    }

    /// Reads a recipe. Every member must be known.
    /// - Parameter overrides: changes such as `optimization.rate=0.001`, applied before the recipe is read.
    /// - Throws: `RecipeError`, which names the member that is missing, unknown or out of bounds.
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

    /// The plan of a run: round(epochs · ⌊pictures / batch⌋) steps, at least one, of which at most half are warm-up.
    /// - Parameter pictures: the number of pictures to train on.
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

/// Why a recipe cannot be read or is not valid.
package struct RecipeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One line that names the member or file.
    package let description: String

    /// An error with this line of text.
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
