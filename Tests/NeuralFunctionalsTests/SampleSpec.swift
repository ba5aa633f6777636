import Networks
import Tensors
import Testing

/// A small network shape for property tests.
struct SampleSpec: Sendable, CustomTestStringConvertible {
    let spec: NetworkSpec
    /// The same inputs, outputs and kernels with other hidden widths.
    let otherWidths: NetworkSpec

    var testDescription: String { spec.summary + (spec.isFullyConnected ? "" : " with 3 × 3 kernels") }

    static let fullyConnected = [
        SampleSpec([2, 6, 5, 3], other: [2, 9, 4, 3]), SampleSpec([3, 7, 4], other: [3, 5, 4]),
        SampleSpec([2, 5, 5, 5, 1], other: [2, 3, 7, 6, 1]),
    ]
    static let convolutional = SampleSpec([2, 4, 5, 3], other: [2, 6, 3, 3], kernels: [[3, 3], [3, 3], []])
    static let all = fullyConnected + [convolutional]
    /// Networks that draw pictures: two inputs, one or three outputs.
    static let pictures = [SampleSpec([2, 6, 5, 1], other: [2, 8, 4, 1]), SampleSpec([2, 7, 3], other: [2, 4, 3])]

    private init(_ sizes: [Int], other: [Int], kernels: [[Int]]? = nil) {
        spec = NetworkSpec(sizes: sizes, kernels: kernels)
        otherWidths = NetworkSpec(sizes: other, kernels: kernels)
    }
}

/// Orders of the neurons of every layer of a network, inputs and outputs included.
struct NeuronOrders {
    let orders: [[Int]]

    /// Hidden layers in random order, inputs and outputs in place unless `includingEnds`.
    init(_ spec: NetworkSpec, includingEnds: Bool = false, seed: UInt64) {
        var random = RandomSource(seed: seed)
        orders = spec.sizes.enumerated().map { index, count in
            let isEnd = index == 0 || index == spec.depth
            let natural = Array(0..<count)
            guard count > 1, includingEnds || !isEnd else { return natural }
            var order = natural
            while order == natural { order.shuffle(using: &random) }
            return order
        }
    }

    private init(orders: [[Int]]) { self.orders = orders }

    /// Only inputs and outputs reversed.
    static func ends(_ spec: NetworkSpec) -> NeuronOrders {
        NeuronOrders(
            orders: spec.sizes.enumerated().map { index, count in
                index == 0 || index == spec.depth ? (0..<count).reversed() : Array(0..<count)
            })
    }
}
