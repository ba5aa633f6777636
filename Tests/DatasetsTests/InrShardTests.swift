import Datasets
import Foundation
import Networks
import Tensors
import Testing
import WeightFormats

@Suite struct InrShardTests {
    private let shards = InrShards(
        FileManager.default.temporaryDirectory.appendingPathComponent("shards-\(UUID().uuidString)").path)
    private let header = ShardHeader(spec: NetworkSpec(sizes: [2, 1, 1]), recipe: "by hand")

    private func networks(_ count: Int) -> [FittedInr] {
        (0..<count).map { index in
            FittedInr(
                weights: (0..<5).map { Float(index) + Float($0) / 10 }, label: index % 3, source: 100_000 + index,
                restart: 2, psnr: 39.5)
        }
    }

    @Test("what is written is read again, integers as integers")
    func roundTrips() throws {
        try shards.prepare(recipe: "by hand")
        try shards.write(networks(4), restart: 2, shard: 7, header)
        #expect(try shards.folder.names() == ["view-002-shard-00007.safetensors"])
        #expect(shards.exists(restart: 2, shard: 7) && !shards.exists(restart: 2, shard: 8))
        #expect(try shards.read(restart: 2, shard: 7) == networks(4))
        let file = shards.folder.path + "/view-002-shard-00007.safetensors"
        let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: file)).prefix(600), as: UTF8.self)
        #expect(text.contains(#""label":{"dtype":"I64","shape":[4]"#))
        try FileManager.default.removeItem(atPath: shards.folder.path)
    }

    @Test("a folder of another recipe is refused")
    func refusesOtherRecipes() throws {
        try shards.prepare(recipe: "by hand")
        try shards.write(networks(1), restart: 0, shard: 0, header)
        try shards.prepare(recipe: "by hand")
        #expect { try shards.prepare(recipe: "by machine") } throws: {
            String(describing: $0).contains("expected by machine, found by hand")
        }
        try FileManager.default.removeItem(atPath: shards.folder.path)
    }

    @Test("a shard that is cut short is refused")
    func refusesDamage() throws {
        try shards.prepare(recipe: "by hand")
        try shards.write(networks(2), restart: 0, shard: 0, header)
        let path = shards.folder.path + "/view-000-shard-00000.safetensors"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        try bytes.prefix(bytes.count - 3).write(to: URL(fileURLWithPath: path))
        #expect(throws: DatasetError.self) { try shards.folder.read("view-000-shard-00000.safetensors") }
        try FileManager.default.removeItem(atPath: shards.folder.path)
    }

    @Test(
        "a label that is no whole number is refused with its shard, tensor and element",
        arguments: [Float.nan, .infinity, 1.5, 3e38, -1e10])
    func refusesUnusableLabels(value: Float) throws {
        try shards.prepare(recipe: "by hand")
        defer { try? FileManager.default.removeItem(atPath: shards.folder.path) }
        try shards.write(networks(3), restart: 0, shard: 0, header)
        let name = "view-000-shard-00000.safetensors"
        let file = URL(fileURLWithPath: shards.folder.path + "/" + name)
        for key in ["label", "source", "view"] {
            var state = try WeightFile.read([UInt8](try Data(contentsOf: file)), limits: .checkpoint).stateDict()
            state.set(NamedTensor(name: key, tensor: Tensor(shape: [3], values: [0, value, 1])))
            let damaged = URL(fileURLWithPath: shards.folder.path + "/view-001-shard-00000.safetensors")
            try Data(SafetensorsWriter.write(state)).write(to: damaged)
            #expect { try shards.folder.read("view-001-shard-00000.safetensors") } throws: {
                let text = String(describing: $0)
                return text.contains("view-001-shard-00000.safetensors': tensor '\(key)', element 1: expected a whole")
            }
        }
    }
}
