import Datasets
import Engine
import Foundation
import Networks
import SIREN
import Tensors
import Testing
import WeightFormats

@Suite struct CorpusFolderTests {
    private let folder = CorpusFolder(
        FileManager.default.temporaryDirectory.appendingPathComponent("corpus-\(UUID().uuidString)").path)

    /// Writes a file of these tensors and metadata, which a shard may or may not be.
    private func write(_ entries: [NamedTensor], _ metadata: [String: String], as name: String) throws {
        try folder.create()
        var state = StateDict(entries)
        state.metadata = metadata
        try Data(SafetensorsWriter.write(state)).write(to: URL(fileURLWithPath: folder.file(name)))
    }

    private func tensor(_ name: String, _ shape: [Int], _ values: [Float]) -> NamedTensor {
        NamedTensor(name: name, tensor: Tensor(shape: shape, values: values))
    }

    @Test("a shard of CNNs with every column is read as it was written")
    func roundTripsConvolutions() throws {
        let spec = NetworkSpec(sizes: [1, 2, 3], kernels: [[3, 3], []])
        let shard = CorpusShard(
            header: ShardHeader(
                spec: spec, notation: Notation(activation: .tanh, omega0: 1), targets: ["test_accuracy"],
                recipe: "by hand"),
            weights: (0..<2 * spec.parameterCount).map { Float($0) / 7 }, sources: [4, 4], views: [0, 1],
            splits: [.training, .test],
            columns: [
                ShardColumn(name: "test_accuracy", values: [0.5, 0.75]), ShardColumn(name: "step", values: [1, 18]),
            ], files: ["a.pt", "b \"quoted\".pt"])
        try folder.create()
        try folder.write(shard, as: "one.safetensors")
        #expect(try folder.names() == ["one.safetensors"])
        #expect(try folder.read("one.safetensors") == shard)
        #expect(try folder.header("one.safetensors").family == .cnn)
        #expect(shard.column("step") == [1, 18] && shard.column("other") == nil)
    }

    @Test("a shard of INRs keeps its notation, picture and classes")
    func roundTripsNotations() throws {
        let notation = Notation(
            activation: .sine, omega0: 20, hiddenOmega0: 1.5, order: .columnsFirst, coordinates: .unit,
            values: Interval(0, 255))
        let shard = CorpusShard(
            header: ShardHeader(
                spec: NetworkSpec(sizes: [2, 3, 3]), notation: notation,
                image: ImageShape(height: 32, width: 24, channels: 3), classes: ["cat", "dog"]),
            weights: [Float](repeating: 0.25, count: 21), labels: [1], psnr: [31.5])
        try folder.create()
        try folder.write(shard, as: "s.safetensors")
        let read = try folder.read("s.safetensors")
        #expect(read == shard)
        #expect(read.header.notation == notation && read.sources == [0] && read.views == [0])
    }

    @Test("only weights and sizes are required; a convention names the whole notation")
    func readsMinimalShards() throws {
        let weights = tensor("weights", [2, 5], (0..<10).map { Float($0) })
        try write([weights], ["sizes": "2-1-1", "convention": "dws"], as: "a.safetensors")
        let shard = try folder.read("a.safetensors")
        #expect(shard.header.family == .inr && shard.header.notation == .dws)
        #expect(shard.count == 2 && shard.sources == [0, 1] && shard.labels == nil && shard.splits == nil)
    }

    @Test(
        "metadata that do not fit are refused with the member and an example",
        arguments: [
            (["sizes": "2-x-1"], "metadata 'sizes': expected neurons"),
            ([:], "metadata 'sizes': expected neurons or channels of every layer as in 2-32-32-1, received ''"),
            (["sizes": "2-1-1", "kernels": "3x3"], "metadata 'kernels': expected 2 kernels"),
            (["sizes": "2-1-1", "family": "rnn"], "metadata 'family': expected inr or cnn, received 'rnn'"),
            (["sizes": "2-1-1", "omega0": "fast"], "metadata 'omega0': expected a number"),
            (["sizes": "2-1-1", "image": "28"], "metadata 'image': expected height, width and channels as in 28x28x1"),
            (["sizes": "2-1-1", "classes": "cat"], "metadata 'classes': expected a JSON array of texts"),
            (["sizes": "2-1-1", "targets": "[\"acc\"]"], "tensor 'column.acc' is missing"),
            (["sizes": "2-1-1", "files": "[\"a\"]"], "metadata 'files': expected 2 names, received 1"),
            (
                ["sizes": "2-2-1"],
                "tensor 'weights': expected shape [networks, 9], the parameters of 2-2-1, received [2, 5]"
            ),
        ])
    func refusesMetadata(metadata: [String: String], message: String) throws {
        try write([tensor("weights", [2, 5], [Float](repeating: 0, count: 10))], metadata, as: "a.safetensors")
        #expect { try folder.read("a.safetensors") } throws: {
            let text = String(describing: $0)
            return text.contains("a.safetensors': ") && text.contains(message)
        }
    }

    @Test("columns of another length, unknown splits and labels beyond the classes are refused")
    func refusesColumns() throws {
        let weights = tensor("weights", [2, 5], [Float](repeating: 0, count: 10))
        for (name, values, message) in [
            ("column.acc", [1, 2, 3], "tensor 'column.acc': expected shape [2], received [3]"),
            ("split", [0, 3], "tensor 'split': expected 0 (training), 1 (validation) or 2 (test), received 3"),
            ("label", [0, 2], "tensor 'label': expected at most 1, the last class, received 2"),
        ] as [(String, [Float], String)] {
            try write(
                [weights, tensor(name, [values.count], values)], ["sizes": "2-1-1", "classes": "[\"a\",\"b\"]"],
                as: "a.safetensors")
            #expect { try folder.read("a.safetensors") } throws: { String(describing: $0).contains(message) }
        }
    }

    @Test("a missing folder is named")
    func namesMissingFolders() {
        #expect { try folder.names() } throws: { String(describing: $0).contains(folder.path) }
    }
}
