import Models
import Networks
import SIREN
import Tensors
import Testing

@Suite struct InputTransformTests {
    private let spec = NetworkSpec(sizes: [2, 7, 6, 1])
    private var network: NetworkWeights { .example(spec: spec, seed: 3) }

    private func distance(_ a: NetworkWeights, _ b: NetworkWeights) -> Float {
        zip(a.flattened, b.flattened).map { abs($0 - $1) }.max() ?? .infinity
    }

    private func picture(_ network: NetworkWeights, omega0: Float, _ convention: SIRENConvention) throws -> [Float] {
        try DrawnFunction(network, Notation(convention, omega0: Double(omega0))).picture(height: 6, width: 5).values
    }

    @Test("a network of another convention and frequency draws the same picture as the model's own")
    func convertsFunctions() throws {
        let transform = InputTransform(convention: .dws, omega0: 20, isCanonical: true)
        let own = try transform.converted(network, from: .nfn)
        let reference = try picture(network, omega0: 30, .nfn)
        for candidate in [own, transform.canonical(own)] {
            let drawn = try picture(candidate, omega0: 20, .dws)
            #expect(zip(drawn, reference).allSatisfy { abs($0 - $1) < 1e-3 })
        }
    }

    @Test("what was converted and scaled is restored")
    func restores() throws {
        let scales = try #require(ArrayScales([2, 3, 0.5, 4, 5, -6], depth: 3))
        let transform = InputTransform(convention: .dws, omega0: 20, scales: scales)
        let scaled = transform.scaled(try transform.converted(network, from: .nfn))
        #expect(distance(scaled, network) > 0.1)
        let restored = try transform.restored(transform.unscaled(scaled), to: .nfn)
        #expect(distance(restored, network) < 1e-6)
        #expect(restored.layers.map(\.weightName) == network.layers.map(\.weightName))
    }

    @Test("a factor of zero, which has no inverse, is refused")
    func refusesZero() {
        #expect(ArrayScales([1, 1, 0, 1], depth: 2) == nil)
        #expect(ArrayScales([1, 1, .infinity, 1], depth: 2) == nil)
        #expect(ArrayScales([1, 1], depth: 2) == nil)
    }
}
