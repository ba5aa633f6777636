import Networks
import SIREN
import Tensors

@testable import NetworkReading

/// Named tensors of these shapes, in this order; every value differs from all others.
func stateDict(_ entries: [(name: String, shape: [Int])]) -> StateDict {
    var next: Float = 0
    return StateDict(
        entries.map { entry in
            let count = entry.shape.reduce(1, *)
            defer { next += Float(count) }
            let values = (0..<count).map { next + Float($0) }
            return NamedTensor(name: entry.name, tensor: Tensor(shape: entry.shape, values: values))
        })
}

/// A 2-4-3-1 network under names made by `weight` and `bias`, where `%` stands for the layer's number.
func layeredDict(weight: String, bias: String, sizes: [Int] = [2, 4, 3, 1]) -> StateDict {
    func named(_ pattern: String, _ layer: Int) -> String {
        pattern.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "\(layer)")
    }
    return stateDict(
        sizes.indices.dropLast().flatMap { layer in
            [
                (named(weight, layer), [sizes[layer + 1], sizes[layer]]),
                (named(bias, layer), [sizes[layer + 1]]),
            ]
        })
}

extension StateDict {
    /// The same entries in another file order.
    func shuffled(seed: UInt64) -> StateDict {
        var random = RandomSource(seed: seed)
        return StateDict(entries.shuffled(using: &random))
    }

    /// The same entries with one replaced by zeros of another shape.
    func reshaping(_ name: String, to shape: [Int]) -> StateDict {
        var result = self
        result.set(NamedTensor(name: name, tensor: Tensor(zeros: shape)))
        return result
    }

    func removing(_ name: String) -> StateDict { StateDict(entries.filter { $0.name != name }) }
}

/// The mismatches that reading `stateDict` runs into; empty if it can be read.
func mismatches(_ stateDict: StateDict, expecting expectation: NetworkExpectation? = nil) -> [NetworkMismatch] {
    do throws(NetworkError) {
        _ = try NetworkReading(stateDict, expecting: expectation)
        return []
    } catch {
        return error.mismatches
    }
}

/// The whole sentence that reading `stateDict` fails with.
func detail(_ stateDict: StateDict, expecting expectation: NetworkExpectation? = nil) -> String {
    mismatches(stateDict, expecting: expectation).map(\.detail).joined(separator: "; ")
}

/// A network under PyTorch's names, as the published data has it.
func torchDict(_ sizes: [Int], seed: UInt64 = 1) -> StateDict {
    NetworkWeights.example(spec: NetworkSpec(sizes: sizes), seed: seed).stateDict
}
