import Foundation
import Tensors
import Testing
import WeightFormats

@Suite("Program: commands on files")
struct CommandTests {
    private func json(_ outcome: Command.Outcome) throws -> [JSONValue] {
        try outcome.lines.map { try JSONValue.parse(Array($0.utf8)) }
    }

    @Test("classify names the class of every file")
    func classify() throws {
        let files = [0, 1].map { Sample.path("net\($0).pth") }
        let text = try Program.run(["classify"] + files)
        #expect(text.status == 0 && text.lines.count == 2 && text.errors.isEmpty)
        let outcome = try Program.run(["classify", "--json", "--top-k", "3"] + files)
        let items = try json(outcome)
        #expect(outcome.status == 0 && items.count == 2)
        for (index, item) in items.enumerated() {
            #expect(
                item.members?.map(\.name) == [
                    "file", "index", "class_id", "label", "score", "top_k", "agreement", "opinions", "convention",
                    "notation",
                ])
            #expect(item["file"]?.string == files[index] && item["index"]?.int == 0)
            #expect(item["top_k"]?.array?.count == 3)
            let label = try #require(item["label"]?.string)
            #expect(text.lines[index].hasPrefix("\(files[index])  \(label)  "))
            #expect(text.lines[index].contains(" %"))
        }
    }

    @Test("classify reads folders, and skips files there that hold no network")
    func classifyFolder() throws {
        let scratch = try Scratch()
        for name in ["net10.npz", "net2.npz"] { try scratch.write("f/\(name)", try Sample.bytes("net0.npz")) }
        try scratch.write("f/README.md", Array("networks".utf8))
        try scratch.write("f/settings.json", Array("{\"a\":1}".utf8))
        try scratch.write("f/inner/net3.npz", try Sample.bytes("net0.npz"))
        let outcome = try Program.run(["classify", scratch.path("f")])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
            outcome.lines.map { $0.split(separator: " ")[0] }
                == ["net2", "net10"].map { "\(scratch.path("f"))/\($0).npz" })
        let notes = outcome.errors.split(separator: "\n")
        #expect(notes.count == 2 && notes.allSatisfy { $0.contains(": skipped, no network: ") }, "\(notes)")
        let named = try Program.run(["classify", scratch.path("f/README.md")])
        #expect(named.status == 1 && named.errors.contains("README.md: unknown_format: "))
        try scratch.write("f/cut.pth", Array(try Sample.bytes("net0.pth").prefix(300)))
        #expect(try Program.run(["classify", scratch.path("f")]).status == 1)
        let none = try Program.run(["classify", try scratch.write("g/README", [65]).deletingLastPathComponent().path])
        #expect(none.status == 1 && none.errors.contains("no networks are in"))
    }

    @Test("classify shows where weights and probes disagree")
    func disagreement() throws {
        let scratch = try Scratch()
        // Of networks that draw noise, the parts often say different things.
        var random = RandomSource(seed: 1)
        let noise = try (0..<12).map { index in
            let tensors = zip([2, 32, 32], [32, 32, 1]).enumerated().flatMap { layer, sizes in
                [("weight", [sizes.1, sizes.0]), ("bias", [sizes.1])].map { name, shape in
                    let values = (0..<shape.reduce(1, *)).map { _ in random.uniform(in: -0.3...0.3) }
                    return NamedTensor(name: "net.\(layer).\(name)", tensor: Tensor(shape: shape, values: values))
                }
            }
            return try scratch.write("noise\(index).safetensors", SafetensorsWriter.write(StateDict(tensors))).path
        }
        let files = [Sample.path("net0.npz")] + noise
        let text = try Program.run(["classify", "--convention", "nfn"] + files)
        let items = try json(try Program.run(["classify", "--convention", "nfn", "--json"] + files))
        #expect(text.status == 0 && text.lines.count == files.count)
        let disagreements = items.map { $0["agreement"]?.bool == false }
        #expect(disagreements.contains(true) && disagreements.contains(false))
        for (line, isDisagreement) in zip(text.lines, disagreements) {
            let marked = line.firstMatch(of: /\(disagreement: weights [A-Z].* +.*%, probes [A-Z].* +.*%\)$/) != nil
            #expect(marked == isDisagreement, "\(line)")
        }
        let count = disagreements.count { $0 }
        #expect(text.errors == "weights and probes disagree on \(count) of \(files.count) networks\n")
    }

    @Test(
        "a failed file operation is reported with its path and the system's reason",
        arguments: [
            ["classify", "/nowhere/x"], ["inspect", "/nowhere/x"], ["render", "/nowhere/x", "--output", "x.png"],
            ["verify", "/nowhere/x"], ["models", "--models", "/nowhere/x"],
            ["encode", Sample.path("net0.pth"), "--output", "/nowhere/x.npy"],
            ["render", Sample.path("net0.pth"), "--output", "/nowhere/x.png"],
            ["bench", "model", "--model", "small", "--write", "/dev/null/x"],
            ["fit", "--images", "/nowhere/x", "--output", "x"], ["import", "/nowhere/x", "--output", "x"],
            ["evaluate", "fashion-mnist", "/nowhere/x"],
            ["serve", "--keys", "/nowhere/x"], ["bench", "formats", "/nowhere/x"],
            ["bench", "server", "http://127.0.0.1:1/", "--body", "/nowhere/x"],
        ])
    func fileErrors(_ arguments: [String]) throws {
        let outcome = try Program.run(arguments)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("/nowhere/x") || outcome.errors.contains("/dev/null/x"), "\(outcome.errors)")
        #expect(!outcome.errors.contains("NSCocoaErrorDomain"), "\(outcome.errors)")
        let reasons = ["No such file or directory", "Not a directory"]
        #expect(reasons.contains(where: outcome.errors.contains), "\(outcome.errors)")
    }

    @Test("the embedded model classifies the sample networks correctly")
    func embeddedModel() throws {
        let outcome = try Program.run(["classify", "--json"] + (0..<4).map { Sample.path("net\($0).pth") })
        #expect(try json(outcome).map { $0["label"]?.string } == ["Ankle boot", "Pullover", "Trouser", "Trouser"])
    }

    @Test("classify gives the same answer for every format and thread count, and for standard input")
    func formats() throws {
        let outcome = try Program.run(
            ["classify", "--json"] + Sample.formats.map { Sample.path("net2." + $0) })
        let items = try json(outcome).map { [$0["class_id"], $0["score"]] }
        #expect(items.count == 4 && items.allSatisfy { $0 == items[0] })
        let input = try Program.run(
            ["classify", "--json", "--threads", "3", "-"], input: try Sample.bytes("net2.npz"))
        #expect(try json(input).map { [$0["class_id"], $0["score"]] } == [items[0]])
    }

    @Test("an unreadable file fails alone, and the exit code is 1")
    func missingFile() throws {
        let outcome = try Program.run([
            "classify", "--json", "/nowhere/net.pth", Sample.path("net0.legacy.pth"), Sample.path("net0.pth"),
        ])
        #expect(outcome.status == 1)
        let items = try json(outcome)
        #expect(items.map { $0["error"]?["code"]?.string } == ["unreadable_file", "legacy_torch_format", nil])
        #expect(outcome.errors.contains("/nowhere/net.pth") && outcome.errors.contains("unreadable_file"))
        #expect(outcome.errors.contains("re-save"))
    }

    @Test("encode writes one array for all files")
    func encode() throws {
        let scratch = try Scratch()
        let files = [0, 1, 2].map { Sample.path("net\($0).safetensors") }
        let npy = try Program.run(["encode", "--output", scratch.path("z.npy")] + files)
        #expect(npy.status == 0, "\(npy.errors)")
        let array = try WeightFile.read(try scratch.read("z.npy")).stateDict()
        let latents = try #require(array.entries.first?.tensor)
        #expect(latents.shape.count == 3 && latents.shape[0] == 3 && latents.values.allSatisfy(\.isFinite))
        let safetensors = try Program.run(["encode", "--output", scratch.path("z.safetensors")] + files)
        #expect(safetensors.status == 0)
        let state = try WeightFile.read(try scratch.read("z.safetensors")).stateDict()
        #expect(state["latents"] == latents)
        let names = try JSONValue.parse(Array((state.metadata["files"] ?? "").utf8)).strings
        #expect(names == files)
        #expect(state.metadata["model"] != nil && state.metadata["sha256"]?.count == 64)
    }

    @Test("shards together hold all latents, and a complete shard is not encoded again")
    func shards() throws {
        let scratch = try Scratch()
        for index in 0..<5 { try scratch.write("n/net\(index).npz", try Sample.bytes("net\(index % 4).npz")) }
        func encode(_ shard: String, _ files: String...) throws -> Command.Outcome {
            try Program.run(["encode", "--shard", shard, "--output", scratch.path("z")] + files)
        }
        for index in 0..<2 { #expect(try encode("\(index)/2", scratch.path("n")).status == 0) }
        #expect(
            try Program.run(["encode", "--output", scratch.path("all.safetensors"), scratch.path("n")]).status == 0)
        func latents(_ name: String) throws -> Tensor {
            try #require(try WeightFile.read(try scratch.read(name)).stateDict()["latents"])
        }
        let parts = try (0..<2).map { try latents("z/latents-0000\($0)-of-00002.safetensors") }
        #expect(parts.map { $0.shape[0] } == [2, 3])
        #expect(parts.flatMap(\.values) == (try latents("all.safetensors")).values)
        let before = try scratch.modified("z/latents-00000-of-00002.safetensors")
        #expect(try encode("0/2", scratch.path("n")).status == 0)
        #expect(try scratch.modified("z/latents-00000-of-00002.safetensors") == before)
        let other = try encode("0/2", scratch.path("n/net3.npz"), scratch.path("n/net4.npz"))
        #expect(other.status == 1 && other.errors.contains("other files"), "\(other.errors)")
        for option in [["--member", "a"], ["--layout", "pytorch"], ["--batch-norm-eps", "0.1"], ["--omega0", "30"]] {
            let other = try Program.run(
                ["encode", "--shard", "0/2", "--output", scratch.path("z"), scratch.path("n")] + option)
            #expect(other.status == 1 && other.errors.contains("other options"), "\(option): \(other.errors)")
        }
    }

    @Test("a killed shard continues after the part that it had saved")
    func partialShard() throws {
        let scratch = try Scratch()
        for index in 0..<2 { try scratch.write("n/net\(index).npz", try Sample.bytes("net\(index).npz")) }
        let command = ["encode", "--shard", "0/1", "--output", scratch.path("z"), scratch.path("n")]
        #expect(try Program.run(command).status == 0)
        // The state after the first file, with values by which its rows are recognised.
        let whole = "z/latents-00000-of-00001.safetensors"
        var state = try WeightFile.read(try scratch.read(whole)).stateDict()
        let latents = try #require(state["latents"])
        let marked = Tensor(shape: [1] + latents.shape.dropFirst(), values: latents.slice(0).values.map { _ in 7 })
        state.set(NamedTensor(name: "latents", tensor: marked))
        state.metadata["files"] = "[\"\(scratch.path("n/net0.npz"))\"]"
        state.metadata["next"] = "1"
        let partial = "z/.latents-00000-of-00001.partial"
        try scratch.write(partial, SafetensorsWriter.write(state))
        try FileManager.default.removeItem(atPath: scratch.path(whole))
        #expect(try Program.run(command).status == 0)
        let resumed = try #require(try WeightFile.read(try scratch.read(whole)).stateDict()["latents"])
        #expect(resumed.slice(0).values.allSatisfy { $0 == 7 } && resumed.slice(1) == latents.slice(1))
        #expect(!FileManager.default.fileExists(atPath: scratch.path(partial)))
        // As if killed before the partial file was removed.
        try scratch.write(partial, SafetensorsWriter.write(state))
        #expect(try Program.run(command).status == 0)
        #expect(!FileManager.default.fileExists(atPath: scratch.path(partial)))
        let otherwise = try Program.run(command + ["--convention", "dws"])
        #expect(otherwise.status == 1 && otherwise.errors.contains("other options"))
    }

    @Test("a malformed or impossible shard is a usage error", arguments: ["1/1", "-1/2", "0/0", "1", "a/b", "0/2/3"])
    func badShard(_ shard: String) throws {
        let outcome = try Program.run(["encode", "--shard=\(shard)", "--output", "z", "x"])
        #expect(outcome.status == 2 && outcome.errors.contains("--shard"))
    }

    @Test(
        "an unknown command is a usage error that names the nearest",
        arguments: [
            (["clasify", "a.npz"], "unknown command 'clasify'; did you mean 'classify'?"),
            (["help", "servr"], "unknown command 'servr'; did you mean 'serve'?"),
            (["nonsense"], "unknown command 'nonsense'; expected one of serve, classify, "),
        ])
    func unknownCommand(arguments: [String], expected: String) throws {
        let run = try Program.run(arguments)
        #expect(run.status == 2 && run.errors.contains(expected), "\(run.errors)")
    }

    @Test("encode writes rows of NaN for a file that cannot be read")
    func encodeFailure() throws {
        let scratch = try Scratch()
        let outcome = try Program.run([
            "encode", "--output", scratch.path("z.npy"), Sample.path("net0.pth"), "/nowhere/net.pth",
        ])
        #expect(outcome.status == 1)
        var limits = FormatLimits()
        limits.requiresFinite = false
        let array = try WeightFile.read(try scratch.read("z.npy"), limits: limits).stateDict()
        let latents = try #require(array.entries.first?.tensor)
        #expect(latents.shape[0] == 2)
        #expect(latents.slice(0).values.allSatisfy(\.isFinite) && latents.slice(1).values.allSatisfy(\.isNaN))
        #expect(try Program.run(["encode", "--output", "/nowhere/z.npy", Sample.path("net0.pth")]).status == 1)
        #expect(try Program.run(["encode", "--output", "z.txt", Sample.path("net0.pth")]).status == 2)
        #expect(
            try Program.run(["encode", "--shard", "0/1", "--output", "z.npy", Sample.path("net0.pth")]).status == 2)
    }

    @Test("errors tell empty folders, folders and unwritable outputs apart")
    func noFiles() throws {
        let scratch = try Scratch()
        try FileManager.default.createDirectory(atPath: scratch.path("empty"), withIntermediateDirectories: true)
        let none = try Program.run(["encode", "--output", scratch.path("z.npy"), scratch.path("empty")])
        #expect(none.status == 1 && none.errors.contains("no files are in"))
        let folder = try Program.run(["classify", scratch.path("empty")])
        #expect(folder.status == 1 && folder.errors.contains("no files are in"))
        let inspected = try Program.run(["inspect", scratch.path("empty")])
        #expect(inspected.status == 1 && inspected.errors.contains("holds no shards"))
        let device = try Program.run(["classify", "/dev/null"])
        #expect(device.status == 1 && !device.errors.contains("permission"), "\(device.errors)")
        let picture = try Program.run(["render", Sample.path("net0.npz"), "--output", scratch.path("none/net.png")])
        #expect(picture.status == 1 && picture.errors.contains("cannot write '"))
        #expect(try Program.run(["render", Sample.path("net0.npz"), "--output", scratch.path("net.jpg")]).status == 2)
    }

    @Test("render writes a PNG of the requested size")
    func render() throws {
        let scratch = try Scratch()
        let outcome = try Program.run([
            "render", Sample.path("net0.npz"), "--output", scratch.path("net.png"), "--height", "12", "--width", "34",
        ])
        #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.errors)")
        let png = try scratch.read("net.png")
        #expect(png.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))
        #expect(Array(png[16..<24]) == [0, 0, 0, 34, 0, 0, 0, 12])
        let size = try Program.run([
            "render", Sample.path("net0.npz"), "--output", scratch.path("x.png"), "--height", "0",
        ])
        #expect(size.status == 2 && size.errors.contains("expected 1 to 4096"))
        let missing = try Program.run(["render", "/nowhere/net.pth", "--output", scratch.path("x.png")])
        #expect(missing.status == 1 && missing.errors.contains("unreadable_file"))
    }

    @Test("of two copies in a file, --member picks the one to read")
    func member() throws {
        let scratch = try Scratch()
        let one = String(decoding: try Sample.bytes("net0.json"), as: UTF8.self)
        let other = String(decoding: try Sample.bytes("net1.json"), as: UTF8.self)
        try scratch.write("two.json", Array(#"{"model":\#(one),"ema":\#(other)}"#.utf8))
        let both = try Program.run(["classify", scratch.path("two.json")])
        #expect(both.status == 1 && both.errors.contains("ambiguous_network") && both.errors.contains("'model', 'ema'"))
        let picked = try Program.run(["classify", scratch.path("two.json"), "--member", "ema"])
        #expect(picked.status == 0 && picked.output.contains("Pullover"), "\(picked.errors)")
    }

    @Test("inspect lists arrays, sizes and the convention")
    func inspect() throws {
        let text = try Program.run(["inspect", Sample.path("net0.pth")])
        #expect(text.status == 0)
        #expect(text.output.contains("torch, 2-32-32-1, 1185 parameters"))
        #expect(text.output.contains("32 × 32") && text.output.contains("notation: nfn"))
        let items = try json(try Program.run(["inspect", "--json", Sample.path("net0.npz"), Sample.path("net1.json")]))
        #expect(items.map { $0["format"]?.string } == ["npz", "json"])
        for item in items {
            #expect(item["parameters"]?.int == 1185 && item["sizes"]?.string == "2-32-32-1")
            let arrays = try #require(item["arrays"]?.array)
            #expect(arrays.count == 6 && arrays[0]["shape"]?.ints == [32, 2])
            #expect(try #require(arrays[0]["std"]?.double) > 0)
        }
        let legacy = try Program.run(["inspect", Sample.path("net0.legacy.pth")])
        #expect(legacy.status == 1 && legacy.errors.contains("legacy_torch_format"))
    }

    @Test("verify accepts a reference file and rejects a damaged one")
    func verify() throws {
        let good = try Program.run(["verify", Sample.path(Sample.golden)])
        #expect(good.status == 0, "\(good.errors)")
        #expect(good.lines.last?.hasPrefix("1 of 1 files agree") == true)
        let outputs = try json(try Program.run(["verify", "--json", Sample.path(Sample.golden)]))
        #expect(outputs.allSatisfy { $0["agrees"]?.bool == true })
        let names = outputs.compactMap { $0["name"]?.string ?? $0["output"]?.string }
        #expect(names.count { !$0.hasPrefix("grad.") } == 4 && names.contains { $0.hasPrefix("grad.param.") })

        let scratch = try Scratch()
        var state = try WeightFile.read(try Sample.bytes(Sample.golden), limits: .checkpoint).stateDict()
        let output = try #require(state.entries.first { $0.name.hasPrefix("output") })
        var damaged = output.tensor
        damaged.values[3] += 0.01
        state.set(.init(name: output.name, tensor: damaged))
        try scratch.write("damaged.safetensors", SafetensorsWriter.write(state))
        let bad = try Program.run(["verify", scratch.path("damaged.safetensors"), Sample.path(Sample.golden)])
        #expect(bad.status == 1)
        #expect(bad.output.contains("OUT OF TOLERANCE") && bad.lines.last?.hasPrefix("1 of 2 files agree") == true)
        try scratch.write("cut.safetensors", Array(try Sample.bytes(Sample.golden).dropLast(100)))
        let cut = try Program.run(["verify", scratch.path("cut.safetensors")])
        #expect(cut.status == 1 && cut.errors.contains("cut.safetensors"))
        let other = try Program.run(["verify", Sample.path("net0.safetensors")])
        #expect(other.status == 1 && !other.errors.isEmpty)
    }

    @Test("models lists the models that serve would serve")
    func models() throws {
        let outcome = try Program.run(["models", "--json"])
        #expect(outcome.status == 0)
        let models = try json(outcome)
        #expect(!models.isEmpty)
        for model in models {
            #expect(model.members?.map(\.name) == ["name", "version", "sha256", "task", "networks", "operations"])
            #expect(model["sha256"]?.string?.count == 64)
        }
        let text = try Program.run(["models"])
        #expect(text.output.contains(try #require(models[0]["sha256"]?.string)))
        let unknown = try Program.run(["classify", "--model", "another", Sample.path("net0.pth")])
        #expect(unknown.status == 1 && unknown.errors.contains("'another'"))
        #expect(unknown.errors.contains(try #require(models[0]["name"]?.string)))
    }

    @Test("bench model --write writes a model folder that can be served")
    func writtenBenchmarkModel() throws {
        let scratch = try Scratch()
        let folder = scratch.path("small")
        let written = try Program.run(["bench", "model", "--model", "small", "--write", folder])
        #expect(written.status == 0 && written.errors.isEmpty, "\(written.errors)")
        let models = try json(try Program.run(["models", "--json", "--no-embedded", "--models", folder]))
        #expect(models.count == 1)
        #expect(models.first?["name"]?.string == "small")
        #expect(models.first?["operations"]?.strings == ["encode", "reconstruct"])

        let trained = try Program.run(["bench", "model", "--model", "fashion-mnist", "--write", folder])
        #expect(trained.status == 2 && trained.errors.contains("--write: expected the model 'paper' or 'small'"))
        let several = try Program.run(["bench", "model", "--model", "small", "--width", "16,32", "--write", folder])
        #expect(several.status == 2 && several.errors.contains("one --width"))
    }

    @Test(
        "help and version are printed on standard output, with exit code 0",
        arguments: [
            ["--help"], ["serve", "--help"], ["classify", "-h"], ["help", "verify"], ["--version"],
        ])
    func help(_ arguments: [String]) throws {
        let outcome = try Program.run(arguments)
        #expect(outcome.status == 0 && !outcome.bytes.isEmpty && outcome.errors.isEmpty)
    }

    @Test(
        "a usage error ends with 2",
        arguments: [
            ["--nonsense"], ["classify"], ["classify", "--nonsense", "x"], ["classify", "--top-k", "0", "x"],
            ["classify", "--convention", "mlp", "x"], ["classify", "--omega0", "-3", "x"],
            ["classify", "--threads", "0", "x"], ["render", "x"], ["encode", "x"], ["nonsense"],
        ])
    func misuse(_ arguments: [String]) throws {
        let outcome = try Program.run(arguments)
        #expect(outcome.status == 2, "\(outcome.errors)")
        #expect(outcome.bytes.isEmpty && outcome.errors.contains("Usage:"))
    }

    @Test("a value that a command refuses after parsing is answered with that command's usage")
    func refusedValue() throws {
        for (arguments, usage) in [
            (["serve", "--port", "65536"], "Usage: weightspace serve "),
            (["bench", "server", "--connections", "0", "http://127.0.0.1:1/"], "Usage: weightspace bench server "),
        ] {
            let outcome = try Program.run(arguments)
            #expect(outcome.status == 2 && outcome.errors.contains(usage), "\(outcome.errors)")
        }
    }
}
