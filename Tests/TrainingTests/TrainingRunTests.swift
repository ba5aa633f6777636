import Engine
import Foundation
import ModelStore
import Models
import Networks
import SIREN
import Tensors
import Testing
import WeightFormats

@testable import Training

@Suite struct TrainingRunTests {
    private func run(
        _ folder: URL, _ changes: [String] = [], threads: Int = 1, stopAfter: Int = .max
    ) throws -> TrainingRun {
        let run = try TrainingRun(
            try SampleCorpus.recipe(changes), corpus: SampleCorpus.make(), folder: folder, initial: [],
            threads: threads)
        var steps = 0
        _ = try run.run(
            checkpointSeconds: 1e9,
            shouldStop: {
                steps += 1
                return steps >= stopAfter
            }, report: { _ in })
        return run
    }

    private func contents(_ folder: URL, _ name: String) throws -> Data {
        try Data(contentsOf: folder.appendingPathComponent(name))
    }

    @Test("a run that was stopped goes on to the bits of one that was not, at any number of threads")
    func resumesExactly() throws {
        try withFolder { whole in
            try withFolder { parts in
                let unbroken = try run(whole)
                _ = try unbroken.writeModel()
                for stop in [3, 8, 1] { _ = try run(parts, threads: 3, stopAfter: stop) }
                let last = try run(parts, threads: 2)
                #expect(last.stepsDone == last.plan.steps)
                _ = try last.writeModel()
                for name in [
                    "metrics.csv", "loss.svg", "accuracy.svg", "checkpoint.safetensors", "model/config.json",
                    "model/encoder.safetensors", "model/classifier.safetensors", "model/probe.safetensors",
                ] {
                    #expect(try contents(whole, name) == contents(parts, name), "\(name)")
                }
            }
        }
    }

    @Test("storage float16 halves large arrays and leaves small ones as they were")
    func halfStorage() throws {
        func tensor(_ name: String, _ count: Int) -> NamedTensor {
            NamedTensor(name: name, tensor: Tensor(shape: [count], values: (0..<count).map { Float($0) / 3 }))
        }
        let state = StateDict([tensor("large", 4096), tensor("small", 4095)])
        let typed = ParameterStorage.float16.typed(state)
        #expect(typed.entries.map(\.elementType) == [.float16, .float32])
        let read = try WeightFile.read(SafetensorsWriter.write(typed: typed), limits: .checkpoint).stateDict()
        #expect(read["small"] == state["small"])
        let errors = zip(try #require(read["large"]).values, try #require(state["large"]).values)
            .map { abs($0 - $1) / max(1, abs($1)) }
        #expect((errors.max() ?? 1) < 0.0005 && errors.contains { $0 > 0 })
        #expect(ParameterStorage.float32.typed(state) == state)
    }

    @Test("what happened after the last checkpoint is done again, not twice")
    func forgetsWhatWasNotKept() throws {
        try withFolder { whole in
            try withFolder { killed in
                _ = try run(whole)
                _ = try run(killed, stopAfter: 6)
                let kept = try contents(killed, "checkpoint.safetensors")
                // Killed at step 20: metrics are ahead of the checkpoint, and a row is cut short.
                _ = try run(killed, stopAfter: 14)
                try kept.write(to: killed.appendingPathComponent("checkpoint.safetensors"))
                let metrics = try contents(killed, "metrics.csv")
                try metrics.dropLast(5).write(to: killed.appendingPathComponent("metrics.csv"))
                _ = try run(killed)
                #expect(try contents(whole, "metrics.csv") == contents(killed, "metrics.csv"))
                #expect(try contents(whole, "checkpoint.safetensors") == contents(killed, "checkpoint.safetensors"))
            }
        }
    }

    @Test("the loss falls, the classes are learned and the model can be served")
    func learns() throws {
        try withFolder { folder in
            let run = try run(folder, ["optimization.epochs=30"])
            let (model, report) = try run.writeModel()
            #expect(try #require(report.compactMap { $0 as? ClassificationReport }.first).accuracy == 1)
            let served = try ModelFolder.load(model)
            #expect(served.outputs.map(\.output) == [.classes, .latents, .picture])
            let corpus = SampleCorpus.make()
            let features = try served.prepare(corpus[1], NotationClaims(.nfn)).content
            var answers: [Classification] = []
            for case .classes(let classes) in try served.run(.classes, [features], .init(threads: 1)) {
                answers.append(classes)
            }
            let answer = try #require(answers.first)
            #expect(answer.scores.best == corpus.labels[1])
            #expect(answer.agrees != nil)
            let sheet = try #require(try run.writePictures(count: 3))
            #expect(try Data(contentsOf: sheet).starts(with: [0x89, 0x50, 0x4e, 0x47]))
            let rows = try String(decoding: contents(folder, "metrics.csv"), as: UTF8.self).split(separator: "\n")
            #expect(rows[0].hasPrefix("step,epoch,rate,gradient_norm,loss_weights,loss_probes,loss_reconstruction,"))
            let first = rows[1].split(separator: ",").compactMap { Double($0) }
            let last = try #require(rows.last).split(separator: ",").compactMap { Double($0) }
            #expect(last[4] < first[4] && last[5] < first[5])
        }
    }

    @Test("frozen files stay as they were given, and the rest begins where it was left")
    func freezes() throws {
        try withFolder { first in
            try withFolder { second in
                let (model, _) = try run(first).writeModel()
                let run = try TrainingRun(
                    try SampleCorpus.recipe([#"frozen=["encoder.safetensors","probe.safetensors"]"#]),
                    corpus: SampleCorpus.make(), folder: second, initial: [model], threads: 1)
                _ = try run.run(checkpointSeconds: 1e9, shouldStop: { false }, report: { _ in })
                let (result, _) = try run.writeModel()
                for (name, isSame) in [("encoder", true), ("probe", true), ("classifier", false)] {
                    let file = "\(name).safetensors"
                    #expect(try contents(model, file) == contents(result, file) ? isSame : !isSame, "\(name)")
                }
            }
        }
    }

    @Test("a run from other initial parameters is another run, also where their folder has the same name")
    func refusesOtherStart() throws {
        try withFolder { folder in
            let models = try ["a", "b"].enumerated().map { index, name in
                try run(folder.appendingPathComponent(name), ["seed=\(index)"], stopAfter: 1).writeModel().0
            }
            #expect(models[0].lastPathComponent == models[1].lastPathComponent)
            func start(_ model: URL) throws {
                let run = try TrainingRun(
                    SampleCorpus.recipe(), corpus: SampleCorpus.make(),
                    folder: folder.appendingPathComponent("next"), initial: [model], threads: 1)
                _ = try run.run(checkpointSeconds: 1e9, shouldStop: { true }, report: { _ in })
            }
            try start(models[0])
            try start(models[0])
            #expect { try start(models[1]) } throws: {
                String(describing: $0).contains("other initial parameters")
            }
        }
    }

    @Test("a folder of another run is refused")
    func refusesOtherRuns() throws {
        try withFolder { folder in
            _ = try run(folder, stopAfter: 2)
            #expect { _ = try self.run(folder, ["seed=6"]) } throws: {
                String(describing: $0).contains("another recipe, other data")
            }
        }
    }

    @Test("a damaged checkpoint is an error that names it")
    func refusesDamage() throws {
        try withFolder { folder in
            _ = try run(folder, stopAfter: 2)
            let path = folder.appendingPathComponent("checkpoint.safetensors")
            let bytes = try Data(contentsOf: path)
            try bytes.prefix(bytes.count / 2).write(to: path)
            #expect { _ = try self.run(folder) } throws: { String(describing: $0).contains("checkpoint.safetensors") }
        }
    }

    @Test(
        "runs that cannot be are refused before they start",
        arguments: [
            ("validation_pictures=48", "48 pictures"), ("optimization.microbatch=3", "multiple of microbatch 3"),
            ("optimization.batch=64", "fewer than a batch"), (#"frozen=["other"]"#, "no file 'other'"),
            ("model.encoder.num_heads=3", "heads"),
        ])
    func refusesImpossibleRuns(change: String, reason: String) throws {
        try withFolder { folder in
            #expect { _ = try self.run(folder, [change]) } throws: { String(describing: $0).contains(reason) }
        }
    }

    @Test("mixtures need micro-batches of two networks")
    func refusesMixturesOfOne() throws {
        try withFolder { folder in
            let changes = ["objective.mixup=0.2", "optimization.microbatch=1"]
            #expect { _ = try self.run(folder, changes) } throws: {
                String(describing: $0).contains("microbatch of at least 2")
            }
        }
    }

    @Test("data of fewer classes than the model names is refused before the first step, with the way out")
    func refusesForeignNames() throws {
        try withFolder { folder in
            let changes = [
                #"model.labels=["a","b","c"]"#, "model.classifier.n_classes=3", "model.probe.n_classes=3",
            ]
            #expect { _ = try self.run(folder, changes) } throws: {
                let text = String(describing: $0)
                return text.contains("labels 0 to 1") && text.contains("3 classes (a, b, c)")
                    && text.contains("--set 'model.labels=")
            }
        }
    }

    @Test("a model that standardises its inputs takes the statistics of the networks to learn from")
    func fitsStandardization() throws {
        let recipe = """
            {"name": "standardized", "validation_pictures": 8, "seed": 5,
             "model": {"name": "sample", "version": "1", "task": "classify", "labels": ["dark", "light"],
              "input": {"family": "siren", "sizes": [2, 5, 5, 1], "omega0": 30, "convention": "nfn",
               "canonicalize": false, "array_scales": [2, 1, 1, 1, 1, 1]},
              "network": {"model": "InvariantNFN", "file": "network.safetensors", "hchannels": [3], "h_size": 4,
               "num_out": 2, "normalize": true}},
             "optimization": {"epochs": 1, "batch": 8, "microbatch": 2, "rate": 0.01, "warm_up_steps": 4}}
            """
        let corpus = SampleCorpus.make()
        try withFolder { folder in
            let run = try TrainingRun(
                try TrainingRecipe(Data(recipe.utf8)), corpus: corpus, folder: folder, initial: [], threads: 1)
            _ = try run.run(checkpointSeconds: 1e9, shouldStop: { false }, report: { _ in })
            let (model, _) = try run.writeModel()
            let bytes = [UInt8](try Data(contentsOf: model.appendingPathComponent("network.safetensors")))
            let parameters = try WeightFile.read(bytes, limits: .checkpoint).stateDict()
            // The last 8 pictures are kept for validation.
            let learned = (0..<corpus.count).filter { corpus.sources[$0] < 40 }.map { corpus[$0] }
            let values = learned.map { 2 * Double($0.layers[0].weight.values[3]) }
            let mean = values.reduce(0, +) / Double(values.count)
            let std = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
            let (means, deviations) = (parameters["mean_weights_0"], parameters["std_weights_0"])
            #expect(abs(Double(try #require(means).values[3]) - mean) < 1e-5)
            #expect(abs(Double(try #require(deviations).values[3]) - std) < 1e-5)
        }
    }
}
