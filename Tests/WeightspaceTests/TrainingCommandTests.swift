import Foundation
import Glibc
import Testing
import WeightFormats

/// From pictures to a model and its figures, on the command line.
@Suite("Program: fit, train, evaluate")
struct TrainingCommandTests {
    private static let recipe = """
        {"name": "corners", "validation_pictures": 6, "seed": 1,
         "model": {"name": "corners", "version": "1", "task": "classify", "labels": ["first", "second"],
          "input": {"sizes": [2, 6, 6, 1], "image": [6, 6, 1], "omega0": 30, "convention": "nfn", "canonicalize": false,
           "array_scales": null},
          "probe": {"model": "ProbeClassifier", "file": "probe.safetensors", "n_classes": 2, "n_probes": 12,
           "hidden": [16]}},
         "optimization": {"epochs": 200, "batch": 6, "microbatch": 3, "rate": 0.01, "warm_up_steps": 5,
          "average_decay": 0.95, "decay": 0}}
        """

    /// Pictures of 6 × 6 pixels, light above the diagonal or below it.
    private func makePictures(_ scratch: Scratch) throws -> (images: String, labels: String) {
        var images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 24, 0, 0, 0, 6, 0, 0, 0, 6]
        for index in 0..<24 {
            for place in 0..<36 {
                let isAbove = place / 6 < place % 6
                images.append(isAbove == (index % 2 == 0) ? UInt8(200 + index) : UInt8(index))
            }
        }
        let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 24] + (0..<24).map { UInt8($0 % 2) }
        return (
            try scratch.write("images.idx", images).path,
            try scratch.write("labels.gz", CompressedStream.gzip.encode(labels)).path
        )
    }

    private func fit(_ scratch: Scratch, _ more: [String] = []) throws -> (outcome: Command.Outcome, folder: String) {
        let (images, labels) = try makePictures(scratch)
        let folder = scratch.path("data")
        let outcome = try Program.run(
            [
                "fit", "--images", images, "--labels", labels, "--output", folder, "--hidden", "6", "--steps", "60",
                "--shard-size", "10",
            ] + more)
        return (outcome, folder)
    }

    @Test("fit, train and evaluate lead from pictures to a model with the right figures")
    func wholeChain() throws {
        let scratch = try Scratch()
        let (fitted, data) = try fit(scratch)
        #expect(fitted.status == 0, "\(fitted.errors)")
        #expect(fitted.output.hasPrefix("24 networks, mean PSNR "))
        #expect(try FileManager.default.contentsOfDirectory(atPath: data).count == 3)

        let recipe = try scratch.write("recipe.json", Array(Self.recipe.utf8)).path
        let run = data + "-run"
        let trained = try Program.run(["train", recipe, "--data", data, "--output", run, "--threads", "2"])
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(trained.output.contains("validation accuracy 100.00 %"))

        let evaluated = try Program.run(["evaluate", run + "/model", data])
        #expect(evaluated.status == 0, "\(evaluated.errors)")
        #expect(evaluated.output.hasPrefix("corners 1 on 24 networks\naccuracy 100.00 %"))
        let json = try Program.run(["evaluate", "--json", run + "/model", data]).output
        #expect(try Program.run(["evaluate", "--record", run + "/model", data]).status == 0)
        let card = try String(contentsOf: URL(filePath: run + "/model/config.json"), encoding: .utf8)
        #expect(card.contains(#""test_networks" : 24"#) && card.contains(#""test_accuracy" : 1"#))
        #expect(try Program.run(["evaluate", run + "/model", data]).status == 0)
        #expect(json.contains(#""accuracy":1"#) && json.contains(#""confusion":[[12,0],[0,12]]"#))
    }

    /// Pictures in colours, the red above the diagonal or below it.
    private func makeColours(_ scratch: Scratch) throws -> (images: String, labels: String) {
        for index in 0..<24 {
            var pixels = Array("P6 6 6 255\n".utf8)
            for place in 0..<36 {
                let isAbove = place / 6 < place % 6
                let red: UInt8 = isAbove == (index % 2 == 0) ? UInt8(200 + index) : UInt8(index)
                pixels += [red, 255 - red, 60]
            }
            _ = try scratch.write("colours/\(100 + index).ppm", pixels)
        }
        let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 24] + (0..<24).map { UInt8($0 % 2) }
        return (scratch.path("colours"), try scratch.write("colour-labels", labels).path)
    }

    @Test(
        "SIRENs of other depths, widths and of colours lead to a model by the recipe that the data chooses",
        arguments: [(["--hidden", "6"], true), (["--hidden", "8", "--layers", "3"], false)])
    func otherShapes(shape: [String], isColoured: Bool) throws {
        let scratch = try Scratch()
        let (images, labels) = try isColoured ? makeColours(scratch) : makePictures(scratch)
        let data = scratch.path("data")
        let fitted = try Program.run(
            ["fit", "--images", images, "--labels", labels, "--output", data, "--steps", "60"] + shape)
        #expect(fitted.status == 0, "\(fitted.errors)")
        let run = scratch.path("run")
        let trained = try Program.run(
            [
                "train", "--data", data, "--output", run, "--set", "optimization.epochs=20", "--set",
                "validation_pictures=6", "--set", "model.model.channels=[4,4,6,6]",
            ])
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(trained.errors.contains("recipe probe-conv, for SIRENs that draw pictures, with classes"))
        #expect(trained.errors.contains("warning: 80 steps are few"), "\(trained.errors)")
        let evaluated = try Program.run(["evaluate", run, data, "--json"])
        #expect(evaluated.status == 0 && evaluated.output.contains(#""networks":24"#), "\(evaluated.errors)")
    }

    @Test("fit continues an interrupted run, and refuses the folder of another recipe")
    func fitGoesOn() throws {
        let scratch = try Scratch()
        let (_, data) = try fit(scratch)
        let shard = data + "/view-000-shard-00001.safetensors"
        let before = try Data(contentsOf: URL(filePath: shard))
        try FileManager.default.removeItem(atPath: shard)
        #expect(try fit(scratch).outcome.status == 0)
        #expect(try Data(contentsOf: URL(filePath: shard)) == before)
        let other = try fit(scratch, ["--seed", "9"]).outcome
        #expect(other.status == 1 && other.errors.contains("networks of another recipe"))
    }

    @Test("each restart has its own shards, and the flags' former names are accepted", arguments: ["restart", "view"])
    func restarts(name: String) throws {
        let scratch = try Scratch()
        let (outcome, data) = try fit(scratch, ["--count", "2", "--\(name)s", "2", "--first-\(name)", "1"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: data).sorted()
                == ["view-001-shard-00000.safetensors", "view-002-shard-00000.safetensors"])
    }

    @Test("exported networks are readable by the other commands")
    func exports() throws {
        let scratch = try Scratch()
        let (_, data) = try fit(scratch)
        for format in ["safetensors", "npz"] {
            let folder = data + "-" + format
            #expect(try fit(scratch, ["--export", folder, "--export-format", format]).outcome.status == 0)
            let inspected = try Program.run(["inspect", folder + "/net7-view0-label1.\(format)"])
            #expect(inspected.status == 0 && inspected.output.contains("2-6-6-1"), "\(inspected.errors)")
        }
    }

    @Test("a run that is killed repeatedly has the same result, bit for bit, as an uninterrupted one")
    func killed() throws {
        let scratch = try Scratch()
        let (_, data) = try fit(scratch)
        let recipe = try scratch.write("recipe.json", Array(Self.recipe.utf8)).path
        func arguments(_ run: String) -> [String] {
            ["train", recipe, "--data", data, "--output", scratch.path(run), "--checkpoint-seconds", "0"]
        }
        #expect(try Program.run(arguments("whole")).status == 0)
        let folder = scratch.path("killed")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for kill in 1...6 {
            let checkpoints = try FileArrivals(of: "checkpoint.safetensors", in: folder)
            let command = try Command(try #require(Program.url), arguments("killed"))
            // Killed at whatever point it has reached after so many checkpoints.
            for _ in 0..<kill { try checkpoints.wait() }
            command.signal(SIGKILL)
            _ = try command.outcome()
        }
        #expect(try Program.run(arguments("killed")).status == 0)
        for name in ["model/probe.safetensors", "model/config.json", "metrics.csv", "checkpoint.safetensors"] {
            let files = try ["whole", "killed"].map {
                try Data(contentsOf: scratch.url.appending(path: "\($0)/\(name)"))
            }
            #expect(files[0] == files[1], "\(name)")
        }
    }

    @Test("networks without labels are evaluated by the model's confidence; labels that are no class are refused")
    func evaluatesWithoutLabels() throws {
        let scratch = try Scratch()
        let (images, _) = try makePictures(scratch)
        func fit(_ output: String, _ more: [String]) throws -> String {
            let common = [
                "fit", "--images", images, "--hidden", "32", "--steps", "2", "--output", scratch.path(output),
            ]
            #expect(try Program.run(common + more).status == 0)
            return scratch.path(output)
        }
        let bare = try Program.run(["evaluate", "fashion-mnist", fit("bare", []), "--json"])
        #expect(bare.status == 0, "\(bare.errors)")
        #expect(bare.output.contains(#""mean_probability":"#) && !bare.output.contains(#""accuracy""#))
        #expect(bare.output.contains(#""agreement":"#))
        let labels = try scratch.write("labels", [0, 0, 8, 1, 0, 0, 0, 24] + [UInt8](repeating: 10, count: 24)).path
        let wrong = try Program.run(["evaluate", "fashion-mnist", fit("wrong", ["--labels", labels])])
        #expect(wrong.status == 1 && wrong.errors.contains("expected labels from 0 to 9, received 10"))
    }

    @Test("mistakes end with an error that names the cause")
    func mistakes() throws {
        let scratch = try Scratch()
        let (_, data) = try fit(scratch)
        func errors(_ arguments: [String], status: Int32 = 1) throws -> String {
            let outcome = try Program.run(arguments)
            #expect(outcome.status == status)
            return outcome.errors
        }
        #expect(
            try errors(["train", "no-such-recipe", "--data", data, "--output", data + "-x"]).contains("probe-conv"))
        let sizes = ["--set", "model.input.sizes=[2,32,32,1]", "--set", "model.model.n_classes=10"]
        let conflicts = try errors(["train", "probe", "--data", data, "--output", data + "-x"] + sizes)
        #expect(conflicts.contains("--set 'model.input.sizes=[2,6,6,1]'"))
        #expect(conflicts.contains("--set model.model.n_classes=2"))
        let empty = try scratch.write("empty/readme.txt", [65]).deletingLastPathComponent().path
        #expect(try errors(["train", "--data", empty, "--output", data + "-x"]).contains("weightspace import"))
        #expect(try errors(["evaluate", "no-such-model", data]).contains("no-such-model"))
        #expect(try errors(["fit", "--images", data, "--output", data + "-x"]).contains("no .png, .pgm or .ppm"))
        #expect(
            try errors(["fit", "--images", data, "--output", data, "--steps", "0"], status: 2).contains("--steps"))
    }
}
