import Datasets
import Foundation
import Models
import Networks
import SIREN

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
    /// The members `validation_pictures`, `validation_share` and `test_share`.
    package let split: SplitRule
    /// The model's parameter files that are not trained.
    package let frozen: [String]
    /// The member `storage`, by default `float32`: how the finished model's large arrays are stored.
    package let storage: ParameterStorage
    /// The seed of initial parameters, order, augmentation and mixup.
    package let seed: UInt64
    /// The recipe after its overrides, in canonical form: what the run's folder keeps, and part of the run's identity.
    package let json: Data

    /// The hyperparameters of the optimiser, AdamW, as the recipe gives them; see `TrainingPlan`.
    package struct Optimization: Sendable, Equatable {
        /// Passes over the sources; not necessarily a whole number.
        package let epochs: Double
        /// The fewest steps of a run: further passes are made until it has so many.
        package let leastSteps: Int
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
        try self.init(RecipeDocument(json, overrides))
    }

    /// Reads a recipe that leaves to the data what the data decides, and fills that in.
    /// - Parameters:
    ///   - overrides: as above.
    ///   - corpus: in the notation that `notation` gives.
    /// - Throws: `RecipeError`; where the recipe does not fit the data, with all conflicts and the `--set` of each.
    package init(_ json: Data, overrides: [String] = [], for corpus: Corpus) throws(RecipeError) {
        let document = try RecipeDocument(json, overrides)
        let isBatchChosen = overrides.contains { $0.hasPrefix("optimization.batch=") }
        try self.init(
            RecipeDocument(
                RecipeCompletion.complete(document.object, for: corpus, isBatchChosen: isBatchChosen)))
    }

    /// The notation that networks are converted to for a recipe: its own `convention` and `omega0` and, where it has none,
    /// those of the data.
    /// - Parameter header: of the data's first shard.
    package static func notation(
        _ json: Data, overrides: [String] = [], for header: ShardHeader
    ) throws(RecipeError) -> Notation {
        let input = try inputSection(json, overrides)
        let own: SIRENConvention = header.notation.order == .columnsFirst ? .dws : .nfn
        let convention = (input?["convention"] as? String).flatMap(SIRENConvention.init(rawValue:)) ?? own
        var result = Notation(
            convention, omega0: (input?["omega0"] as? NSNumber)?.doubleValue ?? header.notation.omega0)
        result.activation = header.notation.activation
        return result
    }

    /// Whether the recipe says that it reads CNNs.
    package static func isForCNNs(_ json: Data, overrides: [String] = []) throws(RecipeError) -> Bool {
        try inputSection(json, overrides)?["family"] as? String == "cnn"
    }

    /// `model.input` of a recipe that may leave members to the data; nil where there is none.
    private static func inputSection(_ json: Data, _ overrides: [String]) throws(RecipeError) -> [String: Any]? {
        (try RecipeDocument(json, overrides).object["model"] as? [String: Any])?["input"] as? [String: Any]
    }

    private init(_ document: RecipeDocument) throws(RecipeError) {
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
            var split = SplitRule()
            split.validationPictures = try settings.optionalInt("validation_pictures", in: 1...1_000_000_000)
            split.validationShare = try settings.number(
                "validation_share", in: 0.0001...0.9, default: split.validationShare)
            split.testShare = try settings.number("test_share", in: 0...0.9, default: 0)
            self.split = split
            frozen = try settings.texts("frozen")
            storage = try settings.choice("storage", default: .float32)
            seed = UInt64(try settings.int("seed", in: 0...(1 << 53), default: 0))
            try settings.finish()
        } catch {
            throw RecipeError(String(describing: error))
        }
    }

    /// The plan of a run: round(epochs · ⌊pictures / batch⌋) steps, at least one and at least `least_steps`, of which at
    /// most half are warm-up.
    /// - Parameter pictures: the number of pictures, or other sources, to train on.
    package func plan(pictures: Int) -> TrainingPlan {
        var plan = TrainingPlan()
        plan.batch = optimization.batch
        plan.microbatch = optimization.microbatch
        plan.steps = max(
            1, optimization.leastSteps, Int((optimization.epochs * Double(pictures / optimization.batch)).rounded()))
        plan.rate = optimization.rate
        plan.warmUpSteps = min(optimization.warmUpSteps, plan.steps / 2)
        plan.finalShare = optimization.finalShare
        plan.decay = optimization.decay
        plan.clipNorm = optimization.clipNorm
        plan.averageDecay = optimization.averageDecay
        plan.seed = seed
        return plan
    }

    /// What makes a run unlikely to learn, each with its cure; empty where nothing does.
    /// - Parameter plan: of the run.
    package func warnings(_ plan: TrainingPlan) -> [String] {
        var warnings: [String] = []
        // Recipes that put trained parts together have nothing to learn.
        guard frozen.isEmpty || optimization.epochs >= 1 else { return [] }
        if plan.steps < 300 {
            let epochs = (optimization.epochs * 1000 / Double(plan.steps)).rounded(.up)
            warnings.append(
                "\(plan.steps) steps are few to learn from; --set optimization.epochs=\(Int(min(epochs, 1e5))), a smaller batch or more networks make it more"
            )
        }
        if optimization.warmUpSteps > plan.steps / 2 {
            warnings.append(
                "a warm-up of \(optimization.warmUpSteps) steps is longer than half of the run's \(plan.steps); it is cut to \(plan.warmUpSteps): --set optimization.warm_up_steps=\(plan.steps / 10)"
            )
        }
        return warnings
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
        leastSteps = try settings.int("least_steps", in: 0...1_000_000, default: 0)
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
