import Foundation
import Networks
import Tensors
import Testing

@testable import SIREN

@Suite("Conversions that keep the function")
struct SIRENConversionTests {
    /// The network at one point, in double precision and straight from the definition.
    private func value(_ network: NetworkWeights, omega0: Double, at point: [Double]) -> [Double] {
        var state = point
        for (index, layer) in network.layers.enumerated() {
            let isLast = index == network.layers.count - 1
            state = (0..<layer.bias.count).map { neuron in
                var sum = Double(layer.bias.values[neuron])
                for (input, value) in state.enumerated() {
                    sum += Double(layer.weight.values[neuron * state.count + input]) * value
                }
                return isLast ? sum : sin(omega0 * sum)
            }
        }
        return state
    }

    @Test("a dws network becomes an nfn network of the same picture", arguments: 1...4 as ClosedRange<UInt64>)
    func dwsToNFN(seed: UInt64) throws {
        let dws = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 9, 6, 3]), seed: seed)
        let nfn = try dws.converted(from: .dws, to: .nfn)
        let drawn = try DrawnFunction(nfn, .nfn).picture(height: 5, width: 8)
        for row in 0..<5 {
            for column in 0..<8 {
                let x = -1 + 2 * Double(column) / 7
                let y = -1 + 2 * Double(row) / 4
                let unit = value(dws, omega0: 30, at: [x, y]).map { $0 + 0.5 }
                for channel in 0..<3 {
                    let pixel = (Double(drawn.values[(row * 8 + column) * 3 + channel]) + 1) / 2
                    #expect(abs(pixel - unit[channel]) < 1e-4)
                }
            }
        }
        let direct = try DrawnFunction(dws, .dws).picture(height: 5, width: 8)
        #expect(largestDifference(direct.values, drawn.values) < 1e-5)
    }

    @Test("converting there and back changes nothing")
    func roundTrip() throws {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 9, 6, 1]), seed: 3)
        let there = try network.converted(from: .dws, to: .nfn)
        #expect(there.layers[0].weight.values[0] == network.layers[0].weight.values[1])
        #expect(there.layers[2].bias.values[0] == 2 * network.layers[2].bias.values[0])
        #expect(there.layers[1] == network.layers[1])
        #expect(try there.converted(from: .nfn, to: .dws) == network)
        #expect(try network.converted(from: .nfn, to: .nfn) == network)
    }

    @Test("only networks of two coordinates can be converted")
    func threeCoordinates() throws {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [3, 9, 1]), seed: 3)
        let error = try #require(throws: NetworkError.self) { try network.converted(from: .dws, to: .nfn) }
        #expect(error.mismatches.map(\.expected) == ["[9, 2]"])
    }

    @Test("another frequency moves into the sine layers", arguments: [1, 8, 15, 60] as [Double])
    func absorbs(omega0: Double) throws {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 9, 6, 1]), seed: 4)
        let absorbed = try network.converted(from: Notation(omega0: omega0), to: .nfn)
        #expect(absorbed.layers[2] == network.layers[2])
        #expect(
            absorbed.layers[0].weight.values[0] == Float(Double(network.layers[0].weight.values[0]) * (omega0 / 30)))
        for point in [[-1, -1], [0.3, -0.7], [1, 0.25]] as [[Double]] {
            let before = value(network, omega0: omega0, at: point)
            let after = value(absorbed, omega0: 30, at: point)
            #expect(abs(before[0] - after[0]) < 1e-4)
        }
    }

    @Test("a power of two times 30 is absorbed without rounding, and 30 itself changes nothing")
    func absorbsExactly() throws {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 9, 6, 1]), seed: 4)
        #expect(try network.converted(from: Notation(omega0: 30), to: .nfn) == network)
        #expect(
            try network.converted(from: Notation(omega0: 60), to: .nfn)
                .converted(from: Notation(omega0: 15), to: .nfn) == network)
        let doubled = try network.converted(from: Notation(omega0: 60), to: .nfn)
        #expect(doubled.layers[1].bias.values == network.layers[1].bias.values.map { 2 * $0 })
    }

    @Test(
        "a frequency that is not positive and finite, or overflows float32, is refused",
        arguments: [0, -30, .nan, .infinity, 1e300])
    func refusesFrequency(omega0: Double) throws {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 9, 1]), seed: 4)
        let error = try #require(throws: NetworkError.self) {
            try network.converted(from: Notation(omega0: omega0), to: .nfn)
        }
        #expect(error.code == "non_finite")
    }
}
