import Datasets
import Engine
import Foundation
import ModelStore
import Networks
import SIREN
import Tensors
import Training

/// Shards of small networks, whose class or number can be told from their weights.
enum CorpusSamples {
    static let cnn = NetworkSpec(sizes: [1, 3, 3, 2], kernels: [[3, 3], [3, 3], []])

    /// Two classes by the sign of the last bias; `source` from `first`.
    static func inrs(
        _ sizes: [Int], count: Int, first: Int = 0, notation: Notation = .nfn, image: ImageShape? = nil,
        classes: [String]? = ["dark", "light"], splits: [CorpusSplit]? = nil, columns: [String] = []
    ) -> CorpusShard {
        let spec = NetworkSpec(sizes: sizes)
        var weights: [Float] = []
        for index in 0..<count {
            var network = NetworkWeights.example(spec: spec, seed: UInt64(first + index))
            for place in network.layers[spec.depth - 1].bias.values.indices {
                network.layers[spec.depth - 1].bias.values[place] = (first + index) % 2 == 0 ? -0.6 : 0.6
            }
            weights += network.flattened
        }
        return CorpusShard(
            header: ShardHeader(
                spec: spec, notation: notation, image: image, classes: classes, targets: columns),
            weights: weights, labels: classes.map { _ in (0..<count).map { (first + $0) % 2 } },
            sources: Array(first..<first + count), splits: splits,
            columns: columns.map { name in
                ShardColumn(name: name, values: (0..<count).map { 300 * Float((first + $0) % 2) + 50 })
            })
    }

    /// CNNs whose accuracy is given by the size of their last bias, with two snapshots each, at the steps 1 and 2.
    static func cnns(_ activation: Nonlinearity = .relu, count: Int, first: Int = 0) -> CorpusShard {
        var weights: [Float] = []
        var (sources, views, accuracies, steps) = ([Int](), [Int](), [Float](), [Float]())
        for index in 0..<count {
            for view in 0..<2 {
                let source = first + index
                var network = NetworkWeights.example(spec: cnn, seed: UInt64(2 * source + view))
                let accuracy = 0.1 + 0.8 * Float((source * 7 + view) % 16) / 16
                network.layers[2].bias.values = [accuracy, -accuracy]
                weights += network.flattened
                sources.append(source)
                views.append(view)
                accuracies.append(accuracy)
                steps.append(Float(view + 1))
            }
        }
        return CorpusShard(
            header: ShardHeader(
                spec: cnn, notation: Notation(activation: activation, omega0: 1), targets: ["test_accuracy"]),
            weights: weights, sources: sources, views: views,
            columns: [
                ShardColumn(name: "test_accuracy", values: accuracies), ShardColumn(name: "step", values: steps),
            ])
    }

    /// The shards as a corpus, through a folder.
    static func corpus(
        _ shards: CorpusShard..., filter: CorpusFilter = CorpusFilter(), notation: Notation? = nil
    ) throws -> Corpus {
        try withFolder { url in
            let folder = CorpusFolder(url.path)
            try folder.create()
            for (index, shard) in shards.enumerated() { try folder.write(shard, as: "networks-\(index).safetensors") }
            return try Corpus(shards: [url.path], filter: filter) { notation ?? $0.notation }
        }
    }
}
