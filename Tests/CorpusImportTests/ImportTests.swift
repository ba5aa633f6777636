import Datasets
import Engine
import Foundation
import Networks
import SIREN
import Tensors
import Testing
import WeightFormats

@testable import CorpusImport

/// A folder that goes with the test.
final class TemporaryFolder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("import-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let url = URL(fileURLWithPath: file(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
        return file(name)
    }

    func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }
    func read(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: file(name)))) }
}

/// Networks of numbers that follow from their seed.
enum Made {
    static func weights(_ spec: NetworkSpec, _ seed: Int) -> [Float] {
        (0..<spec.parameterCount).map { Float(($0 * 7 + seed * 13) % 41 - 20) / 64 + Float(seed) / 1024 }
    }

    static func file(_ sizes: [Int], _ seed: Int) throws -> [UInt8] {
        let spec = NetworkSpec(sizes: sizes)
        return SafetensorsWriter.write(try NetworkWeights(spec: spec, flat: weights(spec, seed)).stateDict)
    }
}

@Suite struct ImportTests {
    private let scratch: TemporaryFolder
    init() throws { scratch = try TemporaryFolder() }

    private func options(_ paths: String...) -> ImportOptions {
        var options = ImportOptions(paths: paths.map(scratch.file))
        options.claims = NotationClaims(.nfn)
        return options
    }

    private func run(
        _ options: ImportOptions, to output: String = "corpus", threads: Int = 2, stopAfter: Int = .max
    ) throws -> CorpusImporter.Outcome {
        var importer = try CorpusImporter(options, output: scratch.file(output), pool: WorkerPool(threads: threads))
        var done = 0
        return try importer.run(
            shouldStop: {
                done += 1
                return done > stopAfter
            })
    }

    private func corpus(_ name: String = "corpus") throws -> [CorpusShard] {
        let folder = CorpusFolder(scratch.file(name))
        return try folder.names().map { try folder.read($0) }
    }

    @Test("files and a table become shards of one shape each, with labels, sources, views and columns")
    func importsFiles() throws {
        for index in 0..<6 {
            let sizes = index == 4 ? [2, 4, 1] : [2, 3, 1]
            try scratch.write("nets/a/net\(index).safetensors", try Made.file(sizes, index))
        }
        try scratch.write("nets/README.md", [65])
        var options = options("nets")
        options.tablePath = try scratch.write(
            "labels.csv",
            "file,label,source,split,step\n"
                + [5, 4, 3, 2, 1, 0].map {
                    "net\($0).safetensors,\($0 % 2 == 0 ? "even" : "odd"),p\($0 / 2),\($0 < 2 ? "test" : "train"),\($0)"
                }.joined(separator: "\n"))
        let outcome = try run(options)
        #expect(outcome.isComplete && outcome.isFlawless && outcome.counts.networks == 6 && outcome.shards == 2)
        let shards = try corpus()
        let first = try #require(shards.first)
        #expect(shards.map(\.header.spec.summary) == ["2-3-1", "2-4-1"])
        #expect(first.files == [0, 1, 2, 3, 5].map { "a/net\($0).safetensors" })
        #expect(first.header.classes == ["even", "odd"] && first.labels == [0, 1, 0, 1, 1])
        #expect(first.sources == [2, 2, 1, 1, 0] && first.views == [1, 0, 1, 0, 0])
        #expect(first.splits == [.test, .test, .training, .training, .training])
        #expect(first.column("step") == [0, 1, 2, 3, 5])
        #expect(Array(first.weights.prefix(13)) == Made.weights(NetworkSpec(sizes: [2, 3, 1]), 0))
    }

    @Test("a stopped import goes on to the same bytes, at any number of threads")
    func resumes() throws {
        for index in 0..<150 {
            try scratch.write(
                "nets/net\(index).safetensors", try Made.file(index % 3 == 0 ? [2, 4, 1] : [2, 3, 1], index))
        }
        try scratch.write("nets/bad.safetensors", [8, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7b])
        var options = options("nets")
        options.shardSize = 35
        #expect(try run(options, to: "whole", threads: 1).counts.networks == 150)
        for _ in 0..<20 where try run(options, stopAfter: 1).isComplete { break }
        let outcome = try run(options)
        #expect(outcome.isComplete && outcome.counts.networks == 150 && outcome.counts.problems == 1)
        let names = try CorpusFolder(scratch.file("whole")).names()
        #expect(names.count == 5)
        for name in names + ["import.json", "problems.jsonl"] {
            #expect(try scratch.read("whole/\(name)") == scratch.read("corpus/\(name)"), "\(name)")
        }
        // An end between a shard and the note of it.
        try scratch.write("corpus/networks-00009.safetensors", [1])
        options.shardSize = 36
        let error = #expect(throws: DatasetError.self) { try run(options) }
        #expect(error?.description.contains("with other options") == true)
    }

    @Test("files that cannot be read, and rows and networks without each other, are listed")
    func listsProblems() throws {
        try scratch.write("nets/good.safetensors", try Made.file([2, 3, 1], 1))
        try scratch.write("nets/other.safetensors", try Made.file([2, 3, 1], 2))
        try scratch.write("nets/cut.safetensors", Array(try Made.file([2, 3, 1], 3).prefix(200)))
        var weights = Made.weights(NetworkSpec(sizes: [2, 3, 1]), 4)
        weights[3] = .nan
        try scratch.write(
            "nets/nan.safetensors",
            SafetensorsWriter.write(try NetworkWeights(spec: NetworkSpec(sizes: [2, 3, 1]), flat: weights).stateDict))
        var options = options("nets")
        options.tablePath = try scratch.write(
            "t.csv", "file,label\ngood.safetensors,0\ncut.safetensors,1\nnan.safetensors,1\ngone.pth,1\n")
        let outcome = try run(options)
        #expect(outcome.counts.networks == 1 && outcome.counts.problems == 2 && outcome.counts.unlisted == 1)
        #expect(outcome.unusedRows.count == 1 && outcome.unusedRows.first == ["line 5 (gone.pth)"])
        #expect(!outcome.isFlawless)
        let lines = String(decoding: try scratch.read("corpus/problems.jsonl"), as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 2 && lines[0].contains("cut.safetensors") && lines[1].contains("non_finite"))
        options.keepsUnlisted = true
        #expect(try run(options, to: "all").counts.networks == 2)
        #expect(try corpus("all").first?.labels == [0, -1])
    }

    @Test("a loop of symbolic links and a path out of the folder do no harm")
    func survivesLoops() throws {
        try scratch.write("nets/a/n.safetensors", try Made.file([2, 3, 1], 1))
        try FileManager.default.createSymbolicLink(
            atPath: scratch.file("nets/a/loop"), withDestinationPath: scratch.file("nets"))
        var options = options("nets")
        options.tablePath = try scratch.write("t.csv", "file,label\n../../../../etc/passwd,1\nn.safetensors,0\n")
        let outcome = try run(options)
        #expect(outcome.counts.networks == 1 && outcome.unusedRows.count == 1)
    }

    @Test("rows of a matrix and stacks of arrays are cut into networks by the given sizes")
    func importsStacks() throws {
        let spec = NetworkSpec(sizes: [2, 3, 1])
        let rows = (0..<300).map { Made.weights(spec, $0) }
        try scratch.write(
            "all.npy", NPYWriter.write(Tensor(shape: [300, spec.parameterCount], values: rows.flatMap(\.self))))
        var options = options("all.npy")
        options.spec = spec
        options.tablePath = try scratch.write(
            "t.csv", "position,label\n" + (0..<300).reversed().map { "\($0),\($0 % 7)" }.joined(separator: "\n"))
        #expect(try run(options).isFlawless)
        let shard = try #require(try corpus().first)
        #expect(shard.count == 300 && shard.labels == (0..<300).map { $0 % 7 })
        #expect(Array(shard.weights[spec.parameterCount * 299..<spec.parameterCount * 300]) == rows[299])

        var stack: [NamedTensor] = []
        for (index, layer) in try NetworkWeights(spec: spec, flat: rows[0]).layers.enumerated() {
            let others = try rows.prefix(4).map { try NetworkWeights(spec: spec, flat: $0).layers[index] }
            stack.append(
                NamedTensor(
                    name: layer.weightName,
                    tensor: Tensor(shape: [4] + layer.weight.shape, values: others.flatMap(\.weight.values))))
            stack.append(
                NamedTensor(
                    name: layer.biasName,
                    tensor: Tensor(shape: [4] + layer.bias.shape, values: others.flatMap(\.bias.values))))
        }
        try scratch.write("stack.npz", try NPZWriter.write(StateDict(stack)))
        #expect(try run(self.options("stack.npz"), to: "stacked").counts.networks == 4)
        #expect(try corpus("stacked").first?.weights == Array(shard.weights.prefix(4 * spec.parameterCount)))
    }

    @Test("the files of a zip archive are networks, and rows name them")
    func importsArchives() throws {
        var zip = ZipWriter()
        for index in 0..<3 { try zip.add("nets/\(index)/net.safetensors", try Made.file([2, 3, 1], index)) }
        try scratch.write("nets.zip", try zip.finish())
        var options = options("nets.zip")
        options.tablePath = try scratch.write(
            "t.json", #"{"1/net.safetensors": 5, "0/net.safetensors": 4, "2/net.safetensors": 6}"#)
        #expect(try run(options).isFlawless)
        #expect(try corpus().first?.labels == [4, 5, 6])
    }

    @Test("folders and patterns give labels and sources")
    func labelsByPath() throws {
        for (index, name) in ["x_3s/net7", "x_3s/net8", "x_12s/net7"].enumerated() {
            try scratch.write("nets/\(name).safetensors", try Made.file([2, 3, 1], index))
        }
        var options = options("nets")
        options.labelPattern = #"_(\d+)s/"#
        options.sourcePattern = #"net(\d+)"#
        _ = try run(options)
        #expect(try corpus().first?.labels == [3, 3, 12])
        #expect(try corpus().first?.sources == [7, 8, 7])
        var byFolder = self.options("nets")
        byFolder.labelsFrom = .folders
        _ = try run(byFolder, to: "folders")
        #expect(try corpus("folders").first?.header.classes == ["x_3s", "x_12s"])
        #expect(try corpus("folders").first?.labels == [0, 0, 1])
    }

    @Test("sines of several notations are converted to the commonest one and draw the same")
    func convertsNotations() throws {
        let spec = NetworkSpec(sizes: [2, 3, 1])
        for index in 0..<3 {
            let network = try NetworkWeights(spec: spec, flat: Made.weights(spec, index))
            var state = try (index == 1 ? network.converted(from: .nfn, to: .dws) : network).stateDict
            state.metadata = ["convention": index == 1 ? "dws" : "nfn"]
            try scratch.write("nets/\(index).safetensors", SafetensorsWriter.write(state))
        }
        var options = options("nets")
        options.claims = NotationClaims()
        let outcome = try run(options)
        #expect(outcome.counts.converted == 1 && outcome.counts.doubtful == 0)
        let shards = try corpus()
        let shard = try #require(shards.first)
        #expect(shards.count == 1 && shard.header.notation == .nfn && shard.count == 3)
        let middle = shard.weights[spec.parameterCount..<2 * spec.parameterCount]
        for (found, wanted) in zip(middle, Made.weights(spec, 1)) { #expect(abs(found - wanted) < 1e-5) }
    }

    @Test("corpora are merged, and their sources kept apart")
    func mergesCorpora() throws {
        let spec = NetworkSpec(sizes: [2, 3, 1])
        for name in ["one", "two"] {
            let folder = CorpusFolder(scratch.file(name))
            try folder.create()
            let shard = CorpusShard(
                header: ShardHeader(spec: spec, classes: ["a", "b"], recipe: "by hand"),
                weights: Made.weights(spec, 1) + Made.weights(spec, name == "one" ? 2 : 3), labels: [0, 1],
                sources: [0, 5])
            try folder.write(shard, as: "s.safetensors")
        }
        #expect(try run(options("one", "two")).isFlawless)
        let shard = try #require(try corpus().first)
        #expect(shard.sources == [0, 5, 6, 11] && shard.labels == [0, 1, 0, 1] && shard.header.recipe == "by hand")
        let summary = try CorpusSummary(CorpusFolder(scratch.file("corpus")), readsPictures: true)
        #expect(summary.networks == 4 && summary.duplicates == 1 && summary.nonFinite == 0 && summary.sources == 4)
        #expect(summary.labelCounts == [0: 2, 1: 2])
        #expect(
            summary.text.contains("classes: a 2, b 2") && summary.text.contains("4 × 2-3-1 inr, 13 parameters, sine"))
        #expect(try JSONValue.parse(Array(summary.json.utf8))["kinds"]?.array?.first?["networks"]?.int == 4)
        let pictures = CorpusPictures(summary)
        #expect(try pictures.sheet().starts(with: [0x89, 0x50, 0x4e, 0x47]))
        #expect(pictures.svg.contains("weight0") && pictures.svg.contains("data:image/png;base64"))
        let first = try #require(summary.kinds.first)
        #expect(first.histograms[0].counts.reduce(0, +) == 4 * 6)
    }

    @Test("the layout of the Small CNN Zoo gives the same networks as PyTorch's order")
    func importsZoo() throws {
        let spec = NetworkSpec(sizes: [1, 2, 3], kernels: [[3, 2], []])
        var rows: [Float] = []
        for index in 0..<3 {
            let network = try NetworkWeights(spec: spec, flat: Made.weights(spec, index))
            for layer in network.layers {
                rows += layer.bias.values
                let (shape, values) = (layer.weight.shape + [1, 1], layer.weight.values)
                for y in 0..<shape[2] {
                    for x in 0..<shape[3] {
                        for input in 0..<shape[1] {
                            for output in 0..<shape[0] {
                                rows.append(values[((output * shape[1] + input) * shape[2] + y) * shape[3] + x])
                            }
                        }
                    }
                }
            }
        }
        try scratch.write("zoo/weights.npy", NPYWriter.write(Tensor(shape: [3, spec.parameterCount], values: rows)))
        _ = try scratch.write(
            "zoo/layout.csv",
            """
            varname,start_idx,end_idx,size,shape
            sequential/conv2d/bias:0,0,2,2,"(2,)"
            sequential/conv2d/kernel:0,2,14,12,"(3, 2, 1, 2)"
            sequential/dense/bias:0,14,17,3,"(3,)"
            sequential/dense/kernel:0,17,23,6,"(2, 3)"

            """)
        let metrics = """
            ,config.activation,config.l2reg,config.w_init,modeldir,step,test_accuracy,train_accuracy
            0,relu,0.001,normal,d/1,0,0.1,0.1
            1,relu,0.001,normal,d/1,86,0.5,0.6
            2,tanh,0.01,normal,d/2,86,0.7,0.8

            """
        try scratch.write("zoo/metrics.csv.gz", try CompressedStream.gzip.encode(Array(metrics.utf8)))
        var options = ImportOptions(paths: [scratch.file("zoo")])
        options.layout = .cnnZoo
        let outcome = try run(options)
        #expect(outcome.isFlawless && outcome.counts.assumed == 0 && outcome.targets == ["test_accuracy"])
        let shards = try corpus()
        #expect(shards.map(\.header.notation.activation) == [.relu, .tanh] && shards.map(\.count) == [2, 1])
        #expect(shards[0].header.spec == spec && shards[0].header.family == .cnn)
        #expect(shards.flatMap(\.weights) == (0..<3).flatMap { Made.weights(spec, $0) })
        #expect(shards[0].sources == [0, 0] && shards[0].views == [0, 1] && shards[1].sources == [1])
        #expect(shards[0].column("test_accuracy") == [0.1, 0.5] && shards[0].column("l2") == [0.001, 0.001])
        options.table.conditions = [try #require(ColumnCondition("step=86"))]
        let last = try run(options, to: "last")
        #expect(last.counts.networks == 2 && last.counts.unlisted == 1)
        #expect(try corpus("last").flatMap { $0.column("step") ?? [] } == [86, 86])
    }
}
