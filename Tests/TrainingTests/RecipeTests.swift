import Engine
import Foundation
import Models
import Networks
import SIREN
import Testing
import Training

@Suite struct RecipeTests {
    private func rejection(_ changes: String...) -> String {
        do {
            _ = try SampleCorpus.recipe(changes)
            return ""
        } catch {
            return String(describing: error)
        }
    }

    @Test("members are read, and what is missing has its default")
    func reads() throws {
        let recipe = try SampleCorpus.recipe()
        #expect(recipe.name == "sample" && recipe.seed == 5 && recipe.split.validationPictures == 8)
        #expect(recipe.objective.mixup == 0.2 && recipe.objective.tasks.map(\.output) == [.classes, .picture])
        #expect(recipe.augmentation.flipsSigns && recipe.augmentation.omega0 == 30 && recipe.augmentation.zoom == 0)
        #expect(recipe.optimization.averageDecay == 0.999)
        #expect(recipe.plan(pictures: 40).steps == 30)
    }

    @Test("members can be replaced, nested ones by their path, and new text needs no quotes")
    func overrides() throws {
        let recipe = try SampleCorpus.recipe(["optimization.rate=0.25", "name=other", "objective.mixup=0"])
        #expect(recipe.optimization.rate == 0.25 && recipe.name == "other" && recipe.objective.mixup == 0)
        #expect(try SampleCorpus.recipe(["seed=6"]).json != SampleCorpus.recipe().json)
    }

    @Test("what a recipe cannot say is refused by name")
    func refuses() {
        #expect(rejection("optimization.speed=1").contains("'optimization.speed'"))
        #expect(rejection("optimization.rate=0").contains("'optimization.rate'"))
        #expect(rejection("optimization.batch=1.5").contains("a whole number from 1 to 65536, received 1.5"))
        #expect(rejection("objective.label_smoothing=2").contains("received 2"))
        #expect(rejection("augmentation.mirrors=3").contains("'augmentation.mirrors'"))
        #expect(rejection("model.task=paint").contains("task"))
        #expect(rejection("nonsense").contains("path.to.member=value"))
        #expect(throws: RecipeError("expected a JSON object")) { try TrainingRecipe(Data("[1]".utf8)) }
    }

    @Test("the recipes that come with the program can be read")
    func readsFiles() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/Training/Resources/Recipes")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.count >= 9)
        let spec = NetworkSpec(sizes: [2, 32, 32, 1])
        var description = Corpus.Description()
        description.image = ImageShape(height: 28, width: 28, channels: 1)
        let count = 64
        let inrs = Corpus(
            [
                Corpus.Group(
                    spec: spec, activation: .sine,
                    weights: [Float](repeating: 0.1, count: count * spec.parameterCount))
            ], description, labels: (0..<count).map { $0 % 10 }, sources: Array(0..<count))
        let cnns = try CorpusSamples.corpus(CorpusSamples.cnns(count: 100))
        for file in files {
            let isForCNNs = file.lastPathComponent.hasPrefix("cnn-")
            let changes = ["optimization.batch=8", "optimization.microbatch=4"]
            let recipe = try TrainingRecipe(
                try Data(contentsOf: file), overrides: changes, for: isForCNNs ? cnns : inrs)
            #expect(recipe.name + ".json" == file.lastPathComponent)
            let model = try recipe.configuration.untrained()
            #expect(recipe.objective.tasks.allSatisfy { model.offers($0.output) }, "\(recipe.name)")
        }
    }
}
