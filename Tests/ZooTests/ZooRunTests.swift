import Datasets
import Engine
import Foundation
import Networks
import SIREN
import Synchronization
import Testing

@testable import Zoo

@Suite struct ZooRunTests {
    /// Pictures of 15 × 15 pixels of two classes: the upper or the lower half is light.
    private static func pictures(_ count: Int) throws -> PictureSet {
        var values: [Float] = []
        for picture in 0..<count {
            for row in 0..<15 {
                for column in 0..<15 {
                    let isLight = (row < 7) == (picture % 2 == 0)
                    values.append((isLight ? 0.5 : -0.9) + 0.1 * Float((picture * 7 + row * 3 + column) % 5) / 5)
                }
            }
        }
        return try PictureSet(height: 15, width: 15, channels: 1, floats: values).labelled((0..<count).map { $0 % 2 })
    }

    private static func data() throws -> ZooData { try ZooData(training: pictures(48), test: pictures(20)) }

    private static var recipe: ZooRecipe {
        var recipe = ZooRecipe()
        (recipe.epochs, recipe.snapshots, recipe.batch, recipe.seed) = (3, [1, 3], 16, 7)
        return recipe
    }

    /// Calls `body` with the path of a folder that does not exist, and removes the folder afterwards.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("zoo-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }

    private func run(_ folder: String, _ networks: Range<Int> = 0..<6, threads: Int = 1) throws -> ZooRun {
        try ZooRun(Self.recipe, Self.data(), networks: networks, folder: folder, blockSize: 4, threads: threads)
    }

    private func contents(_ folder: String) throws -> [String: Data] {
        var result: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            result[name] = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
        }
        return result
    }

    @Test("the files are the same bytes at any number of threads and after an interruption")
    func isReproducible() throws {
        try withFolder { one in
            try withFolder { two in
                #expect(try run(one, 0..<12)().done == 12)
                let written = Mutex(0)
                let stopped = try run(two, 0..<12, threads: 2)(
                    shouldStop: { written.withLock { $0 >= 4 } },
                    report: { progress in written.withLock { $0 = max($0, progress.written) } })
                #expect(stopped.done < 12)
                let rest = try run(two, 0..<12, threads: 2)()
                #expect(rest.written == 12)
                #expect(rest.trained == 12 - stopped.written)
                #expect(try contents(one) == contents(two))
                #expect(try run(two, 0..<12)().trained == 0)
            }
        }
    }

    @Test("a block that has some of the networks is completed, and keeps them")
    func extendsBlocks() throws {
        try withFolder { one in
            try withFolder { two in
                _ = try run(one, 0..<4)()
                _ = try run(two, 0..<2)()
                _ = try run(two, 3..<4)()
                #expect(try contents(one) == contents(two))
            }
        }
    }

    @Test("a row has the weights, accuracies and hyperparameters of a network after an epoch")
    func shardsHoldSnapshots() throws {
        try withFolder { path in
            _ = try run(path)()
            let folder = CorpusFolder(path)
            let shards = try folder.names().map { try folder.read($0) }
            #expect(shards.reduce(0) { $0 + $1.count } == 12)
            #expect(Set(shards.flatMap(\.sources)) == Set(0..<6))
            for shard in shards {
                #expect(shard.header.family == .cnn)
                #expect(shard.header.targets == ["test_accuracy"])
                #expect(shard.column("step") == (0..<shard.count).map { $0 % 2 == 0 ? 1 : 3 })
                let data = try Self.data()
                let shapes = Self.recipe.convolutions(channels: 1, height: 15, width: 15) ?? []
                let network = ConvolutionalClassifier(
                    shapes, classes: 2, activation: shard.header.notation.activation)
                let parameters = shard.header.spec.parameterCount
                for row in 0..<shard.count {
                    network.parameters.write(Array(shard.weights[row * parameters..<(row + 1) * parameters]))
                    let correct = network.correctCount(data.test, numbers: Array(Int32(0)..<20)[...])
                    #expect(shard.column("test_accuracy")?[row] == Float(correct) / 20)
                }
            }
        }
    }

    @Test("a folder of another recipe is refused")
    func refusesOtherRecipes() throws {
        try withFolder { path in
            _ = try run(path, 0..<1)()
            var recipe = Self.recipe
            recipe.seed += 1
            let other = try ZooRun(
                recipe, Self.data(), networks: 0..<1, folder: path, blockSize: 4, threads: 1)
            #expect { try other() } throws: { "\($0)".contains("another recipe") }
        }
    }

    @Test("two easy classes are learned, and a network that diverges says in which epoch", arguments: [1e-2, 1e30])
    func learns(rate: Double) throws {
        var recipe = Self.recipe
        (recipe.epochs, recipe.snapshots) = (12, [12])
        let trainer = try #require(NetworkTrainer(recipe, try Self.data()))
        var own = Hyperparameters()
        (own.rate, own.optimizer, own.l2) = (Float(rate), rate > 1 ? .sgd : .adam, rate > 1 ? 1 : 0)
        let network = try #require(trainer(0, hyperparameters: own))
        if rate > 1 {
            #expect(network.divergedIn == 1)
            #expect(network.snapshots.isEmpty)
        } else {
            #expect(network.divergedIn == nil)
            #expect(network.snapshots.last?.testAccuracy == 1)
            #expect(network.snapshots.last?.trainAccuracy == 1)
        }
    }

    @Test("pictures too small for the convolutions are refused with their size")
    func refusesSmallPictures() throws {
        let small = try PictureSet(
            height: 8, width: 8, channels: 1, floats: [Float](repeating: 0, count: 128)
        ).labelled([0, 1])
        let data = try ZooData(training: small, test: small)
        #expect {
            try ZooRun(ZooRecipe(), data, networks: 0..<1, folder: "none", blockSize: 1, threads: 1)
        } throws: { "\($0)".contains("received 8 × 8") }
    }
}
