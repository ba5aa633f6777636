import Engine
import Networks
import Tensors

/// A network after some of its epochs.
package struct Snapshot: Sendable, Equatable {
    /// Epochs that it was trained for.
    package let epoch: Int
    /// For each layer its weights and then its biases.
    package let parameters: [Float]
    /// The part of its training pictures that it classifies right; of the first `ZooRecipe.measuredPictures` of them.
    package let trainAccuracy: Float
    /// The part of the test pictures that it classifies right.
    package let testAccuracy: Float
}

/// A network of a zoo, after its training.
package struct TrainedNetwork: Sendable, Equatable {
    /// Counted from 0; hyperparameters, initial weights and order of pictures follow from it and the seed.
    package let number: Int
    package let hyperparameters: Hyperparameters
    /// In the order of epochs; empty where it diverged.
    package let snapshots: [Snapshot]
    /// The epoch in which a parameter became infinite or not a number, which ended the training; nil for most.
    package let divergedIn: Int?
}

/// Trains networks of a zoo, one at a time on its caller's thread.
package struct NetworkTrainer: Sendable {
    package let recipe: ZooRecipe
    private let data: ZooData
    private let convolutions: [ConvolutionShape]
    private let spec: NetworkSpec

    /// - Returns: nil where the pictures are too small for the recipe's convolutions.
    package init?(_ recipe: ZooRecipe, _ data: ZooData) {
        let training = data.training
        guard
            let convolutions = recipe.convolutions(
                channels: training.channels, height: training.height, width: training.width)
        else { return nil }
        self.recipe = recipe
        self.data = data
        self.convolutions = convolutions
        spec = recipe.spec(channels: training.channels, classes: data.classes)
    }

    /// Trains one network.
    /// - Parameters:
    ///   - hyperparameters: nil to draw them.
    ///   - shouldStop: asked before every step.
    /// - Returns: nil where it was stopped.
    package func callAsFunction(
        _ number: Int, hyperparameters: Hyperparameters? = nil, shouldStop: () -> Bool = { false }
    ) -> TrainedNetwork? {
        // Each use of random numbers has a sequence of its own.
        var seeds = RandomSource(seed: recipe.seed)
        seeds = RandomSource(seed: seeds.next() ^ UInt64(truncatingIfNeeded: number))
        var (drawing, starting, choosing) = (
            RandomSource(seed: seeds.next()), RandomSource(seed: seeds.next()), RandomSource(seed: seeds.next())
        )
        var dropping = RandomSource(seed: seeds.next())
        let own = hyperparameters ?? Hyperparameters(drawnFrom: &drawing)

        let network = ConvolutionalClassifier(convolutions, classes: data.classes, activation: own.activation)
        network.parameters.write(own.initializer.parameters(spec, deviation: own.deviation, random: &starting))
        var numbers = data.training.labels.indices.map { Int32($0) }
        numbers.shuffle(using: &choosing)
        numbers.removeLast(numbers.count - max(1, Int((own.fraction * Float(numbers.count)).rounded())))
        let measured = numbers.prefix(recipe.measuredPictures)
        let tested = data.test.labels.indices.map { Int32($0) }
        var optimizer = Optimizer(own.optimizer, rate: own.rate, count: spec.parameterCount)
        let weights = weightRanges
        var snapshots: [Snapshot] = []
        for epoch in 1...recipe.epochs {
            numbers.shuffle(using: &choosing)
            for start in stride(from: 0, to: numbers.count, by: recipe.batch) {
                guard !shouldStop() else { return nil }
                _ = network.differentiate(
                    data.training, numbers: numbers[start..<min(start + recipe.batch, numbers.count)],
                    dropout: own.dropout, seed: dropping.next())
                for range in weights {
                    network.gradient.columns(range).add(network.parameters.columns(range), factor: 2 * own.l2)
                }
                optimizer.update(network.parameters, gradient: network.gradient)
            }
            guard network.parameters.sumOfSquares.isFinite else {
                return TrainedNetwork(number: number, hyperparameters: own, snapshots: [], divergedIn: epoch)
            }
            guard recipe.snapshots.contains(epoch) else { continue }
            let correct = network.correctCount(data.training, numbers: measured)
            let right = network.correctCount(data.test, numbers: tested[...])
            snapshots.append(
                Snapshot(
                    epoch: epoch, parameters: network.parameters.read(),
                    trainAccuracy: Float(correct) / Float(measured.count),
                    testAccuracy: Float(right) / Float(tested.count)))
        }
        return TrainedNetwork(number: number, hyperparameters: own, snapshots: snapshots, divergedIn: nil)
    }

    /// The parameters of each layer that are weights.
    private var weightRanges: [Range<Int>] {
        var start = 0
        return spec.layers.map { layer in
            let weights = layer.outputs * layer.inputs * layer.kernelCount
            defer { start += weights + layer.outputs }
            return start..<start + weights
        }
    }
}
