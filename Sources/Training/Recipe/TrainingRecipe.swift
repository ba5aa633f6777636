import Engine
import Foundation
import ModelStore
import Networks

/// A training run in one small JSON file: the model, what it is to be good at, and how it gets there.
package struct TrainingRecipe: Sendable {
    package let name: String
    /// The sections of a model folder's `config.json`.
    package let manifest: ModelManifest
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
        do {
            let document = try RecipeDocument(json, overrides)
            self = try JSONDecoder().decode(TrainingRecipe.Contents.self, from: document.data).recipe(document.data)
        } catch let error as RecipeError {
            throw error
        } catch {
            throw RecipeError(describe(error))
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

    fileprivate init(_ contents: Contents, json: Data) {
        name = contents.name
        manifest = contents.model
        objective = contents.objective
        augmentation = contents.augmentation
        optimization = contents.optimization
        validationPictures = contents.validationPictures
        frozen = contents.frozen
        seed = contents.seed
        self.json = json
    }
}

/// What is wrong with a recipe.
package struct RecipeError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension TrainingRecipe {
    fileprivate struct Contents: Decodable {
        let name: String
        let model: ModelManifest
        let objective: Objective
        let augmentation: Augmentation
        let optimization: Optimization
        let validationPictures: Int
        let frozen: [String]
        let seed: UInt64

        enum CodingKeys: String, CodingKey, CaseIterable {
            case name
            case model
            case objective
            case augmentation
            case optimization
            case validationPictures = "validation_pictures"
            case frozen
            case seed
            case comment
        }

        init(from decoder: any Decoder) throws {
            let values = try StrictMembers<CodingKeys>(decoder)
            name = try values.required(.name)
            model = try values.required(.model)
            let omega0 = Float(model.input.omega0)
            objective = try values.optional(.objective) ?? Objective()
            augmentation = (try values.optional(.augmentation) ?? Augmentation()).with(
                omega0: omega0, convention: model.input.convention)
            optimization = try values.required(.optimization)
            validationPictures = try values.number(.validationPictures, 5000, in: 1...1e9)
            frozen = try values.optional(.frozen) ?? []
            seed = try values.optional(.seed) ?? 0
        }

        func recipe(_ json: Data) -> TrainingRecipe { TrainingRecipe(self, json: json) }
    }
}

extension TrainingRecipe.Optimization: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case epochs
        case batch
        case microbatch
        case rate
        case warmUpSteps = "warm_up_steps"
        case finalShare = "final_share"
        case decay
        case clipNorm = "clip_norm"
        case averageDecay = "average_decay"
    }

    package init(from decoder: any Decoder) throws {
        let values = try StrictMembers<CodingKeys>(decoder)
        epochs = try values.number(.epochs, nil, in: 0.001...1e5)
        batch = try values.number(.batch, 64, in: 1...65536)
        microbatch = try values.number(.microbatch, 4, in: 1...1024)
        rate = try values.number(.rate, 1e-3, in: 1e-9...10)
        warmUpSteps = try values.number(.warmUpSteps, 200, in: 0...1e6)
        finalShare = try values.number(.finalShare, 0, in: 0...1)
        decay = try values.number(.decay, 0.01, in: 0...10)
        clipNorm = try values.number(.clipNorm, 1, in: 1e-6...1e6)
        averageDecay = try values.number(.averageDecay, 0.999, in: 0...0.99999)
    }
}

extension Objective: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case classification
        case reconstruction
        case labelSmoothing = "label_smoothing"
        case mixup
    }

    package init(from decoder: any Decoder) throws {
        let values = try StrictMembers<CodingKeys>(decoder)
        self.init()
        classification = try values.number(.classification, 1, in: 0...1e4)
        reconstruction = try values.number(.reconstruction, 0, in: 0...1e4)
        labelSmoothing = try values.number(.labelSmoothing, 0, in: 0...0.9)
        mixup = try values.number(.mixup, 0, in: 0...10)
    }
}

extension Augmentation: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case flipsSigns = "sign_flips"
        case halfTurns = "half_turns"
        case permutes = "permutations"
        case noise
        case mirrors
        case shift
        case rotation
        case zoom
    }

    package init(from decoder: any Decoder) throws {
        let values = try StrictMembers<CodingKeys>(decoder)
        self.init()
        flipsSigns = try values.optional(.flipsSigns) ?? false
        halfTurns = try values.optional(.halfTurns) ?? false
        permutes = try values.optional(.permutes) ?? false
        noise = try values.number(.noise, 0, in: 0...1)
        mirrors = try values.optional(.mirrors) ?? false
        shift = try values.number(.shift, 0, in: 0...1)
        rotation = try values.number(.rotation, 0, in: 0...Double.pi)
        zoom = try values.number(.zoom, 0, in: 0...0.9)
    }
}
