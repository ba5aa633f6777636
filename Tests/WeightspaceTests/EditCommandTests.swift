import Foundation
import Tensors
import Testing
import WeightFormats

@Suite("Program: edit")
struct EditCommandTests {
    private func state(_ url: URL) throws -> StateDict {
        try WeightFile.read([UInt8](try Data(contentsOf: url))).stateDict()
    }

    @Test("the format of the file follows from its ending, and the arrays keep their names and shapes")
    func formats() throws {
        let scratch = try Scratch()
        let source = try WeightFile.read(try Sample.bytes("net0.pth")).stateDict()
        for ending in ["safetensors", "npz", "pt", "pth"] {
            let path = scratch.path("out.\(ending)")
            let outcome = try Program.run(
                ["edit", Sample.path("net0.pth"), "--edits", "mirror:x,mirror:x", "--output", path])
            #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
            let result = try state(URL(filePath: path))
            #expect(result.names == source.names)
            #expect(result.entries.map(\.tensor) == source.entries.map(\.tensor))
        }
        let png = scratch.path("out.png")
        let drawn = try Program.run(
            ["edit", Sample.path("net0.pth"), "--edits", "invert", "--size", "9", "--output", png])
        #expect(drawn.status == 0)
        #expect(try Data(contentsOf: URL(filePath: png)).starts(with: [0x89, 0x50, 0x4e, 0x47]))
    }

    @Test("without a file to write, a JSON object for each network is printed")
    func printed() throws {
        let outcome = try Program.run(
            [
                "edit", Sample.path("net0.pth"), Sample.path("net1.safetensors"), "--edits", "rotate:30",
                "--convention", "nfn",
            ])
        #expect(outcome.status == 0 && outcome.lines.count == 2)
        for line in outcome.lines {
            let item = try JSONValue.parse(Array(line.utf8))
            #expect(
                item.members?.map(\.name) == ["file", "index", "weights", "edits", "convention", "notation"])
            #expect(item["edits"]?.array?.first?["exact"]?.bool == true)
        }
    }

    @Test("several files are written to a folder under their names, and two become one where they are blended")
    func folders() throws {
        let scratch = try Scratch()
        let files = [0, 1].map { Sample.path("net\($0).safetensors") }
        let folder = scratch.path("out")
        let outcome = try Program.run(["edit"] + files + ["--edits", "invert", "--output", folder, "--format", "npz"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["net0.npz", "net1.npz"])
        let same = try Program.run(
            ["edit", files[0], Sample.path("net0.npz"), "--edits", "invert", "--output", scratch.path("same")])
        #expect(same.status == 1 && same.errors.contains("would both be written to"), "\(same.errors)")
        #expect(!FileManager.default.fileExists(atPath: scratch.path("same")))
        let alike = try Program.run(
            ["edit", files[0], Sample.path("net0.npz"), "--edits", "blend:0.5", "--output", scratch.path("alike")])
        #expect(alike.status == 0, "\(alike.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path("alike")).count == 1)
        let blended = scratch.path("mean.pt")
        let mean = try Program.run(
            ["edit"] + files + ["--edits", "blend:0.5", "--output", blended, "--convention", "nfn"])
        #expect(mean.status == 0, "\(mean.errors)")
        #expect(
            try state(URL(filePath: blended)).entries.map(\.tensor.shape) == [
                [64], [64, 2], [64], [64, 64], [1], [1, 64],
            ])
        let one = try Program.run(["edit", files[0], "--edits", "blend:0.5"])
        #expect(one.status == 1 && one.errors.contains("exactly two networks, received 1"))
    }

    @Test("a network that cannot be edited fails with its code, and the exit code is 1")
    func failures() throws {
        let scratch = try Scratch()
        try scratch.write("cut.pth", Array(try Sample.bytes("net0.pth").prefix(300)))
        let outcome = try Program.run(
            ["edit", scratch.path("cut.pth"), Sample.path("net0.pth"), "--edits", "invert", "--convention", "nfn"])
        #expect(outcome.status == 1 && outcome.lines.count == 1 && outcome.errors.contains("cut.pth: "))
        let relu = try Program.run(["edit", Sample.path("net0.pth"), "--edits", "convert:relu", "--convention", "nfn"])
        #expect(relu.status == 1 && relu.errors.contains("not_editable"))
        let learned = try Program.run(["edit", Sample.path("net0.pth"), "--edits", "sharpen"])
        #expect(learned.status == 1 && learned.errors.contains("no edit is named 'sharpen'"))
    }

    @Test(
        "a command line that asks wrongly exits with 2",
        arguments: [
            (["--edits", "rotate"], "rotate:DEGREES"), ([], "--edits"),
            (["--edits", "invert", "--size", "0"], "--size"),
            (["--edits", "invert", "--output", "x.npz", "other.pth"], "folder for 2 files"),
            (["--edits", "invert", "--format", "gif"], "--format"),
            (["--edits", "invert", "--omega0", "x"], "--omega0"),
        ])
    func usage(_ arguments: [String], _ reason: String) throws {
        let outcome = try Program.run(["edit", Sample.path("net0.pth")] + arguments)
        #expect(outcome.status == 2 && outcome.errors.contains(reason), "\(outcome.errors)")
    }
}
