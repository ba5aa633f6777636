import Datasets
import Engine
import Foundation
import ModelStore
import Models
import Networks
import SIREN
import Testing
import Training
import WeightFormats

/// Recipes that leave to the data what the data decides.
@Suite struct DataRecipeTests {
    private static let network = """
        {"name": "small", "model": {"model": {"type": "InvariantNFN", "file": "network.safetensors", "mode": "NP",
          "hchannels": [4], "h_size": 8}}, "optimization": {"epochs": 8, "batch": 8, "rate": 0.01}}
        """

    private func recipe(
        _ corpus: Corpus, _ changes: [String] = [], json: String = Self.network
    ) throws -> TrainingRecipe {
        try TrainingRecipe(Data(json.utf8), overrides: changes, for: corpus)
    }

    private func refusal(_ corpus: Corpus, _ changes: [String], json: String = Self.network) -> String {
        do {
            _ = try recipe(corpus, changes, json: json)
            return ""
        } catch {
            return String(describing: error)
        }
    }

    private func embedded(_ name: String) throws -> String {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/Training/Resources/Recipes")
        return String(decoding: try Data(contentsOf: folder.appendingPathComponent(name + ".json")), as: UTF8.self)
    }

    private func train(
        _ recipe: TrainingRecipe, _ corpus: Corpus, threads: Int = 1, in folder: URL
    ) throws -> (run: TrainingRun, reports: [any TrainingReport]) {
        let run = try TrainingRun(recipe, corpus: corpus, folder: folder, initial: [], threads: threads)
        _ = try run.run(checkpointSeconds: 1e9, shouldStop: { false }, report: { _ in })
        return (run, try run.writeModel().reports)
    }

    @Test("sizes, classes, pictures, notation and factors of arrays are written from the data")
    func fillsIn() throws {
        let corpus = try CorpusSamples.corpus(
            CorpusSamples.inrs([2, 5, 5, 5, 3], count: 40, image: ImageShape(height: 6, width: 7, channels: 3)))
        let recipe = try recipe(corpus)
        let configuration = recipe.configuration
        #expect(configuration.labels == ["dark", "light"] && configuration.name == "small")
        #expect(configuration.input.spec.sizes == [2, 5, 5, 5, 3] && configuration.input.transform.isCanonical)
        #expect(configuration.input.image == ImageShape(height: 6, width: 7, channels: 3))
        let json = String(decoding: recipe.json, as: UTF8.self)
        for member in ["array_scales", "canonicalize", "num_out", "omega0", "validation_share", "warm_up_steps"] {
            #expect(json.contains("\"\(member)\""), "\(member)")
        }
        // What it has written, it reads again as it is.
        #expect(try TrainingRecipe(recipe.json, for: corpus).json == recipe.json)
        #expect(recipe.objective.tasks.map(\.output) == [.classes])
    }

    @Test("all conflicts are told at once, each with the change that cures it")
    func conflicts() throws {
        let corpus = try CorpusSamples.corpus(CorpusSamples.inrs([2, 5, 5, 1], count: 40))
        let text = refusal(
            corpus,
            [
                #"model.labels=["a","b","c"]"#, "model.model.num_out=3", "model.input.sizes=[2,32,32,1]",
                "model.input.array_scales=[1,2]", "optimization.batch=64", "validation_pictures=40",
            ])
        for part in [
            #"--set 'model.labels=["dark","light"]'"#, "--set model.model.num_out=2",
            "--set 'model.input.sizes=[2,5,5,1]'", "model.input.array_scales: expected 6 numbers",
            "optimization.batch: 64", "validation_pictures: expected fewer than the 40",
        ] { #expect(text.contains(part), "\(part) in \(text)") }
        #expect(text.split(separator: "\n").count == 7)
    }

    @Test(
        "combinations that cannot be are refused with what does not fit",
        arguments: [
            ("cnn", "probe", "reads INRs, the data has CNNs"), ("tanh", "probe", "probes evaluate sine networks"),
            ("tanh", "nfn-encoder", "signs and half turns are symmetries of sines"),
            ("tanh", "nft", "values at places are those of sine networks"),
            ("tanh", "nft", "--set model.model.encoder.pool_cls.start_cells=null"),
            ("bare", "nfn-encoder", "the data has no labels"), ("bare", "nfn-encoder", "extents of the pictures"),
            ("mixed", "nfn-hnp", "one number of layers"), ("bare", "cnn-hnp", "family"),
        ])
    func refuses(data: String, name: String, reason: String) throws {
        let corpus =
            switch data {
            case "cnn": try CorpusSamples.corpus(CorpusSamples.cnns(count: 40))
            case "tanh":
                try CorpusSamples.corpus(
                    CorpusSamples.inrs([2, 4, 4, 1], count: 40, notation: Notation(activation: .tanh, omega0: 1)))
            case "mixed":
                try CorpusSamples.corpus(
                    CorpusSamples.inrs([2, 4, 4, 1], count: 20),
                    CorpusSamples.inrs([2, 4, 4, 4, 1], count: 20, first: 20))
            default: try CorpusSamples.corpus(CorpusSamples.inrs([2, 4, 4, 1], count: 40, classes: nil))
            }
        let text = refusal(corpus, [], json: try embedded(name))
        #expect(text.contains(reason), "\(text)")
    }

    @Test("a recipe is chosen by what the data has")
    func chooses() throws {
        let image = ImageShape(height: 6, width: 6, channels: 1)
        func name(_ shard: CorpusShard) throws -> String {
            try StandardRecipe(for: CorpusSamples.corpus(shard)).name
        }
        #expect(try name(CorpusSamples.inrs([2, 4, 1], count: 4, image: image)) == "probe-conv")
        #expect(try name(CorpusSamples.inrs([2, 4, 1], count: 4)) == "probe")
        #expect(try name(CorpusSamples.inrs([3, 4, 1], count: 4)) == "nfn-hnp")
        #expect(try name(CorpusSamples.inrs([2, 4, 1], count: 4, image: image, classes: nil)) == "inr2array")
        #expect(try name(CorpusSamples.inrs([2, 4, 1], count: 4, classes: nil, columns: ["size"])) == "nfn-hnp")
        #expect(try name(CorpusSamples.cnns(count: 4)) == "cnn-hnp")
        let cnns = try CorpusSamples.corpus(CorpusSamples.cnns(count: 4))
        #expect(try StandardRecipe(for: cnns, hasProbePictures: true).name == "cnn-probe")
        #expect(throws: RecipeError.self) { try name(CorpusSamples.inrs([2, 4, 1], count: 4, classes: nil)) }
    }

    @Test("a recipe's batch is lowered where the corpus is small, and kept where it is asked for")
    func smallCorpora() throws {
        let corpus = try CorpusSamples.corpus(CorpusSamples.cnns(count: 40))
        let json = try embedded("cnn-hnp")
        let recipe = try TrainingRecipe(Data(json.utf8), for: corpus)
        #expect(recipe.optimization.batch == 4 && 4 % recipe.optimization.microbatch == 0)
        let chosen = try TrainingRecipe(Data(json.utf8), overrides: ["optimization.batch=8"], for: corpus)
        #expect(chosen.optimization.batch == 8)
    }

    @Test("a run too short to learn from is warned about, with the change that makes it longer")
    func warns() throws {
        let corpus = try CorpusSamples.corpus(CorpusSamples.inrs([2, 4, 4, 1], count: 40))
        let short = try recipe(corpus, ["optimization.warm_up_steps=200"])
        let text = short.warnings(short.plan(pictures: 36)).joined(separator: "\n")
        #expect(text.contains("--set optimization.epochs=") && text.contains("--set optimization.warm_up_steps="))
        let long = try recipe(corpus, ["optimization.least_steps=1500"])
        #expect(long.plan(pictures: 36).steps == 1500 && long.warnings(long.plan(pictures: 36)).isEmpty)
    }

    @Test(
        "networks of several widths train in one model: the classes are learned, the same bits at any number of threads"
    )
    func mixedWidths() throws {
        let corpus = try CorpusSamples.corpus(
            CorpusSamples.inrs([2, 4, 4, 1], count: 30), CorpusSamples.inrs([2, 7, 5, 1], count: 26, first: 30))
        let recipe = try recipe(corpus, ["optimization.epochs=40"])
        try withFolder { one in
            try withFolder { two in
                let (_, reports) = try train(recipe, corpus, in: one)
                #expect(try #require(reports.first as? ClassificationReport).accuracy == 1)
                _ = try train(recipe, corpus, threads: 3, in: two)
                for name in ["metrics.csv", "model/network.safetensors"] {
                    #expect(
                        try Data(contentsOf: one.appendingPathComponent(name))
                            == Data(contentsOf: two.appendingPathComponent(name)))
                }
                let normalized = try self.recipe(corpus, []).json
                #expect(String(decoding: normalized, as: UTF8.self).contains("array_scales"))
            }
        }
        #expect(refusal(corpus, ["model.model.normalize=true"]).contains("--set model.model.normalize=false"))
    }

    @Test(
        "a CNN's accuracy is learned by every kind of predictor, and the model is served",
        arguments: ["cnn-stat", "cnn-np", "cnn-hnp", "cnn-nft"])
    func predictsAccuracy(name: String) throws {
        let corpus = try CorpusSamples.corpus(
            CorpusSamples.cnns(.relu, count: 30), CorpusSamples.cnns(.tanh, count: 30, first: 30))
        let small = name == "cnn-nft" ? ["model.model.mapping_size=4", "model.model.num_blocks=1"] : []
        let recipe = try recipe(
            corpus,
            [
                "optimization.epochs=40", "optimization.batch=8", "optimization.rate=0.01", "model.model.h_size=16",
                "test_share=0.2", "validation_share=0.3",
            ] + (name.contains("np") ? ["model.model.hchannels=[6]"] : []) + small, json: embedded(name))
        #expect(recipe.objective.tasks.map(\.output) == [.scalars])
        try withFolder { folder in
            let (run, reports) = try train(recipe, corpus, in: folder)
            let report = try #require((reports.first as? RegressionReports)?.targets.first)
            #expect(report.tau.value > 0.4, "\(report.text)")
            #expect(run.validation.count == report.count)
            let served = try ModelFolder.load(folder.appendingPathComponent("model"))
            #expect(served.outputs.map(\.output) == [.scalars])
            #expect(served.configuration.card["targets"] == .text("test_accuracy"))
            #expect(served.configuration.card["test_share"] == .number(0.2))
        }
    }

    @Test("a chain of layers learns classes and numbers; the data decides its outputs")
    func chains() throws {
        let json = """
            {"name": "chain", "model": {"model": {"type": "Sequential", "file": "network.safetensors", "layers": [
              {"type": "NPLinear", "out_channels": 4, "io_embed": true}, {"type": "TupleOp", "op": "ReLU"},
              {"type": "HNPPool"}, {"type": "Flatten"}, {"type": "Linear", "out_features": 8}, {"type": "ReLU"},
              {"type": "Linear"}]}}, "optimization": {"epochs": 30, "batch": 8, "rate": 0.01}}
            """
        let classes = try CorpusSamples.corpus(CorpusSamples.inrs([2, 4, 4, 1], count: 40))
        try withFolder { folder in
            let (_, reports) = try train(try recipe(classes, json: json), classes, in: folder)
            #expect(try #require(reports.first as? ClassificationReport).accuracy == 1)
            let served = try ModelFolder.load(folder.appendingPathComponent("model"))
            #expect(served.outputs.map(\.output) == [.classes] && served.labels == ["dark", "light"])
        }
        let numbers = try CorpusSamples.corpus(
            CorpusSamples.inrs([2, 5, 5, 1], count: 48, classes: nil, columns: ["size"]))
        try withFolder { folder in
            let (_, reports) = try train(try recipe(numbers, json: json), numbers, in: folder)
            let report = try #require((reports.first as? RegressionReports)?.targets.first)
            #expect(report.determination > 0.9, "\(report.text)")
        }
        let wrong = json.replacing(#"{"type": "Linear"}"#, with: #"{"type": "Linear", "out_features": 5}"#)
        #expect(
            refusal(classes, [], json: wrong).contains(
                "model.model.layers[6].out_features: the number of the data's classes is 2, the recipe says 5"))
        let sigmoid = json.replacing(#"{"type": "Linear"}"#, with: #"{"type": "Linear"}, {"type": "Sigmoid"}"#)
        #expect(refusal(numbers, [], json: sigmoid).contains("targets are not all from 0 to 1"))
        #expect(
            refusal(classes, [], json: json.replacing("Linear", with: "Identity")).contains("no layer makes 2 outputs"))
    }

    @Test("free targets of any size are learned, and the finished model computes the numbers themselves")
    func freeTargets() throws {
        let corpus = try CorpusSamples.corpus(
            CorpusSamples.inrs([2, 5, 5, 1], count: 48, classes: nil, columns: ["size"]))
        let recipe = try recipe(corpus, ["optimization.epochs=60"])
        try withFolder { folder in
            let (run, reports) = try train(recipe, corpus, in: folder)
            let report = try #require((reports.first as? RegressionReports)?.targets.first)
            #expect(report.determination > 0.9, "\(report.text)")
            let served = try ModelFolder.load(folder.appendingPathComponent("model"))
            let index = try #require(run.validation.first)
            let content = try served.prepare(corpus[index], NotationClaims(.nfn)).content
            let values = try served.run(.scalars, [content], WorkerPool(threads: 1))[0].values
            let wanted = try #require(corpus.column("size"))[index]
            #expect(abs(values[0] - wanted) < 60, "\(values) for \(wanted)")
        }
    }
}
