import Engine
import Foundation
import ModelStore
import Models
import NeuralFunctionals
import SIREN
import Testing
import Training

@Suite struct EditingTests {
    @Test("edits of a picture look at the pixels around each pixel, as far as there are any")
    func edits() {
        let picture: [Float] = [-1, 0, 1, -0.5, -1, 0.5]
        func edited(_ edit: PictureEdit) -> [Float] { edit.apply(picture, height: 2, width: 3, channels: 1) }
        #expect(edited(.dilate) == [0, 1, 1, 0, 1, 1])
        #expect(edited(.erode) == [-1, -1, -1, -1, -1, -1])
        #expect(edited(.gradient) == [0, 1, 1, 0, 1, 1])
        // The mean is −1/6.
        let contrast = edited(.contrast)
        #expect(contrast[0] == -1 && abs(contrast[1] - 1.0 / 6) < 1e-6 && contrast[2] == 1)
        #expect(
            PictureEdit.dilate.apply([0, 1, 2, 3], height: 1, width: 2, channels: 2) == [2, 3, 2, 3],
            "channels stay apart")
    }

    @Test(
        "an editor learns to change weights so that the network draws its edited picture",
        arguments: ["np_residual", "nft"])
    func learns(block: String) throws {
        let image = ImageShape(height: 6, width: 6, channels: 1)
        let corpus = try CorpusSamples.corpus(CorpusSamples.inrs([2, 5, 5, 1], count: 40, image: image, classes: nil))
        let recipe = try TrainingRecipe(
            try EmbeddedRecipes.load("edit"),
            overrides: [
                "optimization.epochs=60", "model.model.block_type=\(block)", "model.model.num_heads=2",
                "model.model.num_blocks=2", "model.model.enc_map_size=8", "model.model.lift_width=16",
                "optimization.rate=0.005", "objective.edit=gradient",
            ], for: corpus)
        #expect(recipe.objective.tasks.map(\.output) == [.weights])
        try withFolder { folder in
            let run = try TrainingRun(recipe, corpus: corpus, folder: folder, initial: [], threads: 2)
            #expect(try run.run(checkpointSeconds: 1e9, shouldStop: { false }, report: { _ in }))
            let (model, reports) = try run.writeModel()
            let report = try #require(reports.first as? EditingReport)
            #expect(report.edit == .gradient && report.figures.map(\.name) == ["edit_mse"])
            #expect(try #require(try run.writePictures(count: 3)).lastPathComponent == "edits.png")
            let served = try ModelFolder.load(model)
            #expect(
                served.outputs.map(\.output) == [.weights] && served.configuration.card["edit"] == .text("gradient"))

            // Its parameters reveal what config.json leaves out.
            let path = model.appending(path: "config.json")
            let document = try JSONSerialization.jsonObject(with: Data(contentsOf: path))
            var short = try #require(document as? [String: Any])
            short["model"] = ["type": "WeightEditor", "file": "editor.safetensors", "num_heads": 2]
            try JSONSerialization.data(withJSONObject: short).write(to: path)
            #expect(try ModelFolder.load(model).outputs.map(\.output) == [.weights])

            // The same error from what the served model answers, and that of networks as they are.
            var (error, unedited) = (0.0, 0.0)
            for index in run.validation {
                let prepared = try served.prepare(corpus[index], NotationClaims(.nfn), for: .weights)
                let answer = try served.run(.weights, [prepared.content], WorkerPool(threads: 1))[0]
                guard case .weights(let edited) = answer else {
                    Issue.record("the model answered with something else")
                    return
                }
                let own = try prepared.picture(height: 6, width: 6).values
                let wanted = PictureEdit.gradient.apply(own, height: 6, width: 6, channels: 1)
                let drawn = try DrawnFunction(edited, .nfn, features: nil).picture(height: 6, width: 6).values
                error += Self.squaredError(drawn, wanted)
                unedited += Self.squaredError(own, wanted)
            }
            let count = Double(run.validation.count)
            #expect(abs(error / count - report.meanSquaredError) < 1e-4 * max(1, report.meanSquaredError))
            #expect(error < 0.5 * unedited, "\(error / count) where networks as they are have \(unedited / count)")
        }
    }

    private static func squaredError(_ a: [Float], _ b: [Float]) -> Double {
        zip(a, b).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) } / Double(b.count)
    }

    @Test("editing is refused where networks draw no pictures, and models that do not edit")
    func refuses() throws {
        func refusal(_ corpus: Corpus, _ recipe: String, _ changes: [String] = []) throws -> String {
            let error = #expect(throws: RecipeError.self) {
                try TrainingRecipe(try EmbeddedRecipes.load(recipe), overrides: changes, for: corpus)
            }
            return error?.description ?? ""
        }
        let bare = try CorpusSamples.corpus(CorpusSamples.inrs([2, 5, 1], count: 40))
        #expect(try refusal(bare, "edit").contains("model.input.image"))
        let cnns = try CorpusSamples.corpus(CorpusSamples.cnns(count: 40))
        #expect(try refusal(cnns, "edit").contains("reads INRs"))
        #expect(try refusal(bare, "nfn-hnp", ["objective.editing=1"]).contains("answers with weights"))
    }
}
