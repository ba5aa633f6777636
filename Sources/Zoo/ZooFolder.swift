import Datasets
import Engine
import Foundation
import Host
import Networks
import SIREN
import WeightFormats

/// What is known of one block of networks that is complete: the file `zoo-SSSSS.json`, written after the block's shards.
package struct ZooBlock: Sendable, Equatable {
    /// The numbers of its networks.
    package var networks: Range<Int>
    /// How they were made, as in the shards.
    package var recipe: String
    /// The networks that diverged, which are in no shard, and in which epoch.
    package var diverged: [Diverged]
    /// The sum of the last snapshots' accuracies on the test pictures.
    package var accuracySum: Double

    /// A network in no shard.
    package struct Diverged: Sendable, Equatable {
        package let network: Int
        package let epoch: Int
    }

    /// Networks that are in the shards.
    package var kept: Int { networks.count - diverged.count }
}

/// The files of a zoo: for every block of networks a shard for each activation, with all snapshots of each network, and
/// a `ZooBlock`.
struct ZooFolder: Sendable {
    let folder: CorpusFolder
    let recipe: String
    let spec: NetworkSpec

    /// The columns of the shards: the numbers of each row.
    private static let columns: [(name: String, value: @Sendable (Hyperparameters, Snapshot) -> Float)] = [
        ("test_accuracy", { $1.testAccuracy }), ("train_accuracy", { $1.trainAccuracy }),
        ("step", { Float($1.epoch) }), ("learning_rate", { own, _ in own.rate }), ("l2", { own, _ in own.l2 }),
        ("dropout", { own, _ in own.dropout }), ("deviation", { own, _ in own.deviation }),
        ("fraction", { own, _ in own.fraction }), ("initializer", { own, _ in Float(own.initializer.rawValue) }),
        ("optimizer", { own, _ in Float(own.optimizer.rawValue) }),
    ]

    private static func padded(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }

    private static func shardName(_ activation: Nonlinearity, _ block: Int) -> String {
        "zoo-\(activation.rawValue)-\(padded(block)).safetensors"
    }

    private func blockPath(_ block: Int) -> String { folder.file("zoo-\(Self.padded(block)).json") }

    /// The block, where it is complete.
    /// - Throws: where its file cannot be read, or is of another recipe.
    func block(_ number: Int) throws(DatasetError) -> ZooBlock? {
        let path = blockPath(number)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let value: JSONValue
        do {
            value = try JSONValue.parse([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
        } catch let error as FormatError {
            throw DatasetError("'\(path)': \(error.detail); delete the file to train these networks again")
        } catch {
            throw DatasetError(FileError(.read, path, error).description)
        }
        guard let first = value["first"]?.int, let count = value["count"]?.int, first >= 0, count > 0,
            let found = value["recipe"]?.string, let sum = value["accuracy_sum"]?.double
        else {
            throw DatasetError(
                "'\(path)': expected members first, count, recipe and accuracy_sum; delete the file to train these networks again"
            )
        }
        guard found == recipe else {
            throw DatasetError(
                "'\(folder.path)' holds networks of another recipe: expected '\(recipe)', found '\(found)'; choose another folder"
            )
        }
        let diverged = (value["diverged"]?.array ?? []).compactMap { entry -> ZooBlock.Diverged? in
            guard let network = entry["network"]?.int, let epoch = entry["epoch"]?.int else { return nil }
            return ZooBlock.Diverged(network: network, epoch: epoch)
        }
        return ZooBlock(networks: first..<first + count, recipe: found, diverged: diverged, accuracySum: sum)
    }

    /// Writes the shards of a block, and then its `ZooBlock`.
    /// - Parameter networks: in the order of their numbers, without a gap.
    /// - Throws: where a file cannot be written.
    func write(_ networks: [TrainedNetwork], as number: Int) throws(DatasetError) -> ZooBlock {
        for activation in [Nonlinearity.relu, .tanh] {
            let own = networks.filter { $0.hyperparameters.activation == activation && !$0.snapshots.isEmpty }
            guard !own.isEmpty else { continue }
            try folder.write(shard(own, activation), as: Self.shardName(activation, number))
        }
        let first = networks.first?.number ?? 0
        let block = ZooBlock(
            networks: first..<first + networks.count, recipe: recipe,
            diverged: networks.compactMap { network in
                network.divergedIn.map { ZooBlock.Diverged(network: network.number, epoch: $0) }
            }, accuracySum: networks.reduce(0) { $0 + Double($1.snapshots.last?.testAccuracy ?? 0) })
        let path = blockPath(number)
        do {
            try Data(json(block)).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw DatasetError(FileError(.write, path, error).description)
        }
        return block
    }

    private func shard(_ networks: [TrainedNetwork], _ activation: Nonlinearity) -> CorpusShard {
        let rows = networks.flatMap { network in network.snapshots.map { (network, $0) } }
        return CorpusShard(
            header: ShardHeader(
                family: .cnn, spec: spec, notation: Notation(activation: activation, omega0: 1),
                targets: ["test_accuracy"], recipe: recipe),
            weights: rows.flatMap { $0.1.parameters }, sources: rows.map { $0.0.number },
            views: networks.flatMap { $0.snapshots.indices },
            columns: Self.columns.map { column in
                ShardColumn(name: column.name, values: rows.map { column.value($0.0.hyperparameters, $0.1) })
            })
    }

    private func json(_ block: ZooBlock) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("first")
        writer.value(block.networks.lowerBound)
        writer.name("count")
        writer.value(block.networks.count)
        writer.name("recipe")
        writer.value(block.recipe)
        writer.name("accuracy_sum")
        writer.value(block.accuracySum)
        writer.name("diverged")
        writer.array(block.diverged) { writer, diverged in
            writer.beginObject()
            writer.name("network")
            writer.value(diverged.network)
            writer.name("epoch")
            writer.value(diverged.epoch)
            writer.endObject()
        }
        writer.endObject()
        return writer.bytes
    }
}
