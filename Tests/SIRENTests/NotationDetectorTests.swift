import Engine
import Networks
import Tensors
import Testing

@testable import SIREN

@Suite("Which notation a network is written in")
struct NotationDetectorTests {
    /// SIRENs that were fitted to pictures in the nfn notation.
    private let fitted: [NetworkWeights]

    init() throws {
        let fixtures = try SIRENFixtures.load()
        fitted = try fixtures.networks.map { try NetworkWeights(spec: fixtures.spec, flat: floats($0.raw)) }
    }

    /// The same function in another notation, under names that say nothing.
    private func rewritten(_ network: NetworkWeights, _ notation: Notation) throws -> NetworkWeights {
        var result = try network.converted(from: .nfn, to: notation)
        for index in result.layers.indices {
            result.layers[index].weightName = "layers.\(index).weight"
            result.layers[index].biasName = "layers.\(index).bias"
        }
        return result
    }

    private static let notations: [Notation] = [
        .nfn, Notation(values: .unit), Notation(values: .centered), Notation(omega0: 30, hiddenOmega0: 1),
        Notation(omega0: 1), Notation(omega0: 12), Notation(omega0: 20), Notation(omega0: 45, values: .unit),
        Notation(omega0: 100),
    ]

    @Test("the same function is recognised in every notation that keeps the order of coordinates", arguments: notations)
    func recognises(notation: Notation) throws {
        for network in fitted {
            let reading = NotationDetector.read(try rewritten(network, notation))
            #expect(reading.notation == notation)
            #expect(reading.isConfident, "\(reading.warnings)")
            let restored = try rewritten(network, notation).converted(from: reading.notation, to: .nfn)
            #expect(zip(restored.flattened, network.flattened).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }

    @Test("a frequency that is not tried is not taken for one near it", arguments: [13, 22, 29, 31.4159, 33, 47.0])
    func otherFrequencies(omega0: Double) throws {
        for network in fitted {
            let reading = NotationDetector.read(try rewritten(network, Notation(omega0: omega0)))
            #expect(!reading.isConfident, "\(reading.notation)")
            #expect(reading.warnings.first?.contains("omega0") == true)
        }
    }

    @Test("flat parts are drawn with the right frequency only")
    func flatParts() throws {
        func drawing(_ network: NetworkWeights, _ omega0: Double) throws -> DrawingEvidence {
            let function = try DrawnFunction(network, Notation(omega0: omega0))
            return DrawingEvidence(
                function.outputs(at: CoordinateGrid(height: 28, width: 28).coordinates), side: 28, channels: 1)
        }
        for network in fitted {
            #expect(try drawing(network, 30).isPeaked)
            for omega0 in [10, 20, 28, 32, 40, 60.0] { #expect(try !drawing(network, omega0).isPeaked, "\(omega0)") }
        }
        // A single value has no range, and is no picture.
        let constant = DrawingEvidence([Float](repeating: 1, count: 784), side: 28, channels: 1)
        #expect(constant.peak == 0 && !constant.isPeaked)
    }

    @Test("a claim decides its own part, and the others are found out")
    func claims() throws {
        let network = try rewritten(fitted[0], Notation(omega0: 12, hiddenOmega0: 3, values: .unit))
        var claims = NotationClaims()
        claims.claim(omega0: 12, "as requested")
        claims.claim(hiddenOmega0: 3, "as requested")
        let reading = NotationDetector.read(network, claims: claims)
        #expect(reading.notation == Notation(omega0: 12, hiddenOmega0: 3, values: .unit))
        #expect(reading.isConfident)
        #expect(reading.reasons[.omega0] == "as requested")
        #expect(reading.reasons[.values]?.contains("draws outputs") == true)
    }

    @Test("numbers beside the layers are the frequency, of the layer in whose module they lie")
    func fileNumbers() throws {
        let notation = Notation(omega0: 17, hiddenOmega0: 5)
        let network = try rewritten(fitted[1], notation)
        for scalars in [
            [("first_omega_0", 17), ("hidden_omega_0", 5)], [("cfg.w0_initial", 17), ("cfg.w0", 5)],
            [("layers.0.omega_0", 17), ("layers.1.omega_0", 5)],
        ] as [[(String, Double)]] {
            let context = NetworkContext(scalars: scalars.map { NetworkContext.Scalar(path: $0.0, value: $0.1) })
            let reading = NotationDetector.read(network, context: context)
            #expect(reading.notation == notation)
            #expect(reading.isConfident)
            #expect(reading.reasons[.omega0]?.contains(scalars[0].0) == true)
        }
    }

    @Test("what a client says has precedence over the file")
    func precedence() throws {
        let network = try rewritten(fitted[0], Notation(omega0: 15))
        let context = NetworkContext(scalars: [NetworkContext.Scalar(path: "omega", value: 30)])
        var claims = NotationClaims()
        claims.claim(omega0: 15, "as requested")
        claims.claim(hiddenOmega0: 15, "as requested")
        #expect(NotationDetector.read(network, claims: claims, context: context).notation == Notation(omega0: 15))
    }

    private static let mistaken: [[String: String]] = [
        ["omega0": "20"], ["omega0": "10"], ["convention": "dws"], ["convention": "siren-pytorch"],
        ["activation": "tanh"],
        ["convention": "relu"], ["values": "0..1"],
    ]

    @Test(
        "an option that the network's drawing contradicts is followed, without confidence and with the other reading",
        arguments: mistaken)
    func contradicted(options: [String: String]) throws {
        for network in fitted {
            let reading = NotationDetector.read(
                try rewritten(network, .nfn), claims: try NotationClaims(options: options))
            let claimed = try NotationClaims(options: options).applied(to: reading.notation)
            #expect(reading.notation == claimed)
            #expect(!reading.isConfident)
            #expect(reading.warnings.first?.contains("speak for sine of omega0 30 and 30, values -1..1") == true)
        }
    }

    @Test("an option that the drawing agrees with, or cannot judge, is not doubted")
    func notContradicted() throws {
        for (options, notation) in [
            (["convention": "nfn"], Notation.nfn), (["omega0": "30"], .nfn), (["order": "columns"], .nfn),
            (["omega0": "12", "hidden_omega0": "3"], Notation(omega0: 12, hiddenOmega0: 3)),
            (["convention": "siren-pytorch"], Notation(omega0: 30, hiddenOmega0: 1)),
        ] {
            for network in fitted {
                let reading = NotationDetector.read(
                    try rewritten(network, notation), claims: try NotationClaims(options: options))
                #expect(reading.isConfident, "\(options): \(reading.warnings)")
            }
        }
        // Noise under every reading: nothing speaks against what is said.
        let stranger = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 32, 32, 1]), seed: 3)
        let reading = NotationDetector.read(stranger, claims: try NotationClaims(options: ["convention": "coin"]))
        #expect(reading.isConfident && reading.warnings.isEmpty)
    }

    @Test(
        "a weak word that the drawing contradicts is not followed, and the warning names it",
        arguments: [
            ("scale", 10), ("frequency", 50), ("config.freq", 2),
        ])
    func refutedWord(path: String, value: Double) throws {
        for network in fitted {
            let context = NetworkContext(scalars: [NetworkContext.Scalar(path: path, value: value)])
            let reading = NotationDetector.read(try rewritten(network, .nfn), context: context)
            #expect(reading.notation == .nfn && reading.isConfident, "\(reading.warnings)")
            #expect(reading.warnings.first?.hasPrefix("\(path) = ") == true)
            #expect(reading.warnings.first?.contains("sine of omega0 30 and 30") == true)
        }
    }

    @Test("an activation that the file names for something else is not followed")
    func refutedActivation() throws {
        for word in ["relu", "tanh", "sigmoid"] {
            let context = NetworkContext(texts: [NetworkContext.Text(path: "decoder.activation", value: word)])
            let reading = NotationDetector.read(try rewritten(fitted[0], .nfn), context: context)
            #expect(reading.notation.activation == .sine && reading.isConfident, "\(word): \(reading.warnings)")
            #expect(reading.warnings.first?.contains("decoder.activation = '\(word)'") == true)
        }
    }

    @Test("a weak word that the drawing agrees with is followed without a warning")
    func weakWord() throws {
        let notation = Notation(omega0: 17)
        for network in fitted {
            let context = NetworkContext(scalars: [NetworkContext.Scalar(path: "scale", value: 17)])
            let reading = NotationDetector.read(try rewritten(network, notation), context: context)
            #expect(reading.notation == notation && reading.isConfident, "\(reading.warnings)")
            #expect(!reading.warnings.contains { $0.contains("scale") })
        }
    }

    @Test("a frequency of the file that the drawing contradicts is followed, without confidence")
    func contradictedFile() throws {
        for network in fitted {
            let context = NetworkContext(scalars: [NetworkContext.Scalar(path: "omega_0", value: 20)])
            let reading = NotationDetector.read(try rewritten(network, .nfn), context: context)
            #expect(reading.notation == Notation(omega0: 20))
            #expect(!reading.isConfident)
            #expect(reading.warnings.first?.hasPrefix("read as the file says, as sine of omega0 20 and 20") == true)
            // What a client says instead settles it.
            let settled = NotationDetector.read(
                try rewritten(network, .nfn), claims: try NotationClaims(options: ["omega0": "30"]), context: context)
            #expect(settled.notation == .nfn && settled.isConfident, "\(settled.warnings)")
        }
    }

    @Test("frequencies that differ among the further hidden layers are read as one, without confidence")
    func differingFrequencies() throws {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 16, 16, 16, 1]), seed: 4)
        let context = NetworkContext(
            scalars: [("acts.0.omega", 30.0), ("acts.1.omega", 20), ("acts.2.omega", 10)].map {
                .init(path: $0, value: $1)
            })
        let reading = NotationDetector.read(network, context: context)
        #expect(!reading.isConfident)
        #expect(reading.warnings.contains { $0.hasPrefix("acts.1.omega = 20 in the file and acts.2.omega = 10") })
    }

    @Test("biases that started at zero say that columns come first")
    func zeroBiases() throws {
        var network = fitted[0]
        network.layers[0].bias.values = network.layers[0].bias.values.map { $0 * 0.05 }
        network = try rewritten(network, .nfn)
        let reading = NotationDetector.read(network)
        #expect(reading.notation.order == .columnsFirst)
        #expect(reading.reasons[.order]?.contains("started at zero") == true)
    }

    @Test(
        "untrained and random networks are not read with confidence, and the warning names the options",
        arguments: 0..<20)
    func strangers(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        let spec = NetworkSpec(sizes: [2, 32, 32, 1])
        let values = (0..<spec.parameterCount).map { _ in 0.3 * random.normal() }
        for network in [
            NetworkWeights.example(spec: spec, seed: seed), try NetworkWeights(spec: spec, flat: values),
        ] {
            let reading = NotationDetector.read(try rewritten(network, .nfn))
            #expect(!reading.isConfident)
            #expect(reading.warnings.contains { $0.contains("omega0") && $0.contains("values") })
        }
    }

    @Test("a network without a picture is read by claims and defaults, without confidence")
    func noPicture() {
        let reading = NotationDetector.read(.example(spec: NetworkSpec(sizes: [3, 8, 1]), seed: 1))
        #expect(reading.notation == .nfn)
        #expect(!reading.isConfident)
        #expect(!reading.undetermined.isEmpty)
    }

    @Test("a frequency that the file names is not taken from numbers that mean something else")
    func otherNumbers() {
        let context = NetworkContext(scalars: [
            NetworkContext.Scalar(path: "epoch", value: 12), NetworkContext.Scalar(path: "psnr", value: 31.5),
            NetworkContext.Scalar(path: "omega", value: -3), NetworkContext.Scalar(path: "omega", value: .nan),
        ])
        #expect(NotationClaims(context, of: fitted[0]).omega0 == nil)
    }

    @Test("a network that is too large to be drawn is read by claims and defaults")
    func tooLarge() {
        let reading = NotationDetector.read(.example(spec: NetworkSpec(sizes: [2, 50_000, 3]), seed: 1))
        #expect(!reading.isConfident && reading.undetermined.contains(.activation))
    }

    @Test("weights that are far from every known notation are read, in a few drawings, without confidence")
    func hugeWeights() throws {
        var network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 1300, 1]), seed: 1)
        network.layers[0].weight.values = network.layers[0].weight.values.map { $0 * 1e6 }
        #expect(!NotationDetector.read(network).isConfident)
        network.layers[0].weight.values = network.layers[0].weight.values.map { $0 * 1e30 }
        #expect(!NotationDetector.read(network).isConfident)
    }

    @Test("a matrix of Fourier features that lies beside the layers is put before them")
    func fourierFeatures() throws {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [16, 12, 1]), seed: 2)
        let matrix = Tensor(shape: [8, 2], values: (0..<16).map { Float($0) / 8 - 1 })
        let context = NetworkContext(arrays: [NamedTensor(name: "B", tensor: matrix)])
        let features = try #require(NotationDetector.read(network, context: context).features)
        #expect(features.matrix == matrix.values && features.frequencies == 8)
        var values = matrix.values
        values[3] = .nan
        let broken = NetworkContext(arrays: [NamedTensor(name: "B", tensor: Tensor(shape: [8, 2], values: values))])
        #expect(NotationDetector.read(network, context: broken).features == nil)
    }
}
