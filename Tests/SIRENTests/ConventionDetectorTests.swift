import Networks
import Tensors
import Testing

@testable import SIREN

@Suite("Which convention a SIREN follows")
struct ConventionDetectorTests {
    /// A 2-width-1 network whose first bias has the given standard deviation.
    private func network(prefix: String, biasStd: Float, width: Int = 32) throws -> NetworkWeights {
        var values = (0..<width).map { _ in Float(1) }
        for index in stride(from: 0, to: width, by: 2) { values[index] = -1 }
        values = values.map { $0 * biasStd }
        let spec = NetworkSpec(sizes: [2, width, 1])
        let names = (0..<2).map { LayerNames(weight: "\(prefix)\($0).weight", bias: "\(prefix)\($0).bias") }
        var network = try NetworkWeights(
            spec: spec, flat: [Float](repeating: 0.5, count: spec.parameterCount), names: names)
        network.layers[0].bias.values = values
        return network
    }

    @Test(
        "the biases' standard deviation and the name prefix decide; the detection is confident where they agree",
        arguments: [
            ("net.", 0.41, SIRENConvention.nfn, true), ("seq.", 0.02, .dws, true),
            ("layers.", 0.41, .nfn, true), ("layers.", 0.02, .dws, true),
            ("net.", 0.02, .nfn, false), ("seq.", 0.41, .dws, false),
            ("net.", 0.15, .nfn, false), ("seq.", 0.15, .dws, false), ("layers.", 0.15, .nfn, false),
        ] as [(String, Float, SIRENConvention, Bool)])
    func table(prefix: String, std: Float, convention: SIRENConvention, isConfident: Bool) throws {
        let detection = ConventionDetector.detect(try network(prefix: prefix, biasStd: std))
        #expect(detection.convention == convention)
        #expect(detection.isConfident == isConfident)
        #expect(detection.reason.contains("?convention=") == !isConfident)
    }

    @Test("the answer does not depend on the hidden width", arguments: [8, 16, 64, 256, 1024])
    func widths(width: Int) throws {
        let spec = NetworkSpec(sizes: [2, width, 1])
        let nfn = ConventionDetector.detect(NetworkWeights.example(spec: spec, seed: UInt64(width)))
        #expect(nfn.convention == .nfn && nfn.isConfident)
        let dws = ConventionDetector.detect(try network(prefix: "seq.", biasStd: 0.03, width: width))
        #expect(dws.convention == .dws && dws.isConfident)
    }

    @Test("the standard deviation of fewer than 8 biases is not used")
    func fewBiases() throws {
        let detection = ConventionDetector.detect(try network(prefix: "layers.", biasStd: 0, width: 2))
        #expect(detection.convention == .nfn && !detection.isConfident)
    }

    @Test("the prefix is recognised inside a longer name")
    func nestedPrefix() throws {
        let detection = ConventionDetector.detect(try network(prefix: "module.seq.", biasStd: 0.01))
        #expect(detection.convention == .dws && detection.isConfident)
    }

    @Test("the reason states the standard deviation and the prefix")
    func reason() throws {
        let agreed = ConventionDetector.detect(try network(prefix: "net.", biasStd: 0.409))
        #expect(
            agreed.reason
                == "the first bias has standard deviation 0.409 (above 0.2: nfn), and names begin with 'net.' (nfn)")
        let split = ConventionDetector.detect(try network(prefix: "net.", biasStd: 0.025))
        #expect(
            split.reason
                == "the first bias has standard deviation 0.025 (below 0.1: dws), but names begin with 'net.' (nfn), "
                + "which was taken to decide; name it with ?convention=nfn or ?convention=dws")
    }

    @Test("fitted SIRENs are recognised")
    func fitted() throws {
        let fixtures = try SIRENFixtures.load()
        for pair in fixtures.networks {
            let detection = ConventionDetector.detect(
                try NetworkWeights(spec: fixtures.spec, flat: floats(pair.raw)))
            #expect(detection.convention == .nfn && detection.isConfident)
        }
    }
}
