import Networks
import Tensors
import Testing

@testable import SIREN

@Suite("The frequencies that a file's numbers give")
struct FileFactorsTests {
    /// Layers 2-4-4-4-1 under names with the layer's number in the place of `%`.
    private func network(_ pattern: String, depth: Int = 4) -> NetworkWeights {
        var network = NetworkWeights.example(
            spec: NetworkSpec(sizes: [2] + [Int](repeating: 4, count: depth - 1) + [1]), seed: 1)
        for index in network.layers.indices {
            let parts = pattern.split(separator: "%", omittingEmptySubsequences: false)
            network.layers[index].weightName = parts.joined(separator: "\(index)")
        }
        return network
    }

    private func factors(
        _ scalars: KeyValuePairs<String, Double>, texts: KeyValuePairs<String, String> = [:],
        lists: KeyValuePairs<String, [Float]> = [:], _ network: NetworkWeights
    ) -> FileFactors {
        FileFactors(
            NetworkContext(
                scalars: scalars.map { .init(path: $0.key, value: $0.value) },
                texts: texts.map { .init(path: $0.key, value: $0.value) },
                arrays: lists.map {
                    NamedTensor(name: $0.key, tensor: Tensor(shape: [$0.value.count], values: $0.value))
                }), of: network)
    }

    private static let files: [(String, KeyValuePairs<String, Double>)] = [
        ("net.%.linear.weight", ["net.0.omega_0": 25, "net.1.omega_0": 5, "net.2.omega_0": 5]),
        ("net.%.weight", ["net.1.w0": 5, "net.0.w0": 25]),
        ("layers.%.weight", ["layers.0.activation.w0": 25, "layers.1.activation.w0": 5]),
        ("model.layers.%.weight", ["model.layers.0.act.w0": 25, "model.layers.2.act.w0": 5]),
        ("%.weight", ["acts.0.omega": 25, "acts.1.omega": 5, "acts.2.omega": 5]),
        ("fc%.weight", ["acts.4.omega": 5, "acts.0.omega": 25]),
        ("%.weight", ["omega_0": 25, "omega_1": 5]), ("%.weight", ["cfg.omega1": 25, "cfg.omega2": 5]),
        ("%.weight", ["w0": 25, "w1": 5]),
        ("%.weight", ["omega_0.first": 25, "omega_0.hidden": 5]), ("%.weight", ["omega.first": 25, "omega": 5]),
        ("%.weight", ["hidden_omega_0": 5, "omega_0": 25]), ("%.weight", ["scale": 3, "omega_0": 25, "hidden_w0": 5]),
    ]

    @Test(
        "frequencies of single layers are told by the layer's module, by position or by words", arguments: files.indices
    )
    func ofLayers(index: Int) {
        let (pattern, scalars) = Self.files[index]
        let found = factors(scalars, network(pattern))
        #expect(found.first?.value == 25 && found.hidden?.value == 5, "\(pattern)")
        #expect(found.first?.isWeak == false && found.differing.isEmpty)
        #expect(found.first?.source.hasSuffix(" = 25 in the file") == true)
    }

    @Test("a frequency of all layers is that of each, also as a text or in a list of one")
    func ofAll() {
        for found in [
            factors(["config.omega_0": 12], network("%.weight")), factors(["omega_0.value": 12], network("%.weight")),
            factors([:], texts: ["omega_0": "12.0"], network("%.weight")),
            factors(["omegas": 12], network("%.weight")),
            // The layers' own module holds all of them.
            factors(["net.omega": 12], network("net.%.weight")),
        ] {
            #expect(found.first?.value == 12 && found.hidden?.value == 12)
            #expect(found.first?.layers == .all)
        }
    }

    @Test("a list has a frequency for each hidden layer, for each layer, or for the first and the others")
    func lists() {
        for list in [[25, 5], [25, 5, 5], [25, 5, 5, 1]] as [[Float]] {
            let found = factors([:], lists: ["omegas": list], network("%.weight"))
            #expect(found.first?.value == 25 && found.hidden?.value == 5 && found.differing.isEmpty)
        }
        for list in [[25, 5, 5, 5, 5], [25, -5], [.nan, 5]] as [[Float]] {
            #expect(factors([:], lists: ["omegas": list], network("%.weight")).first == nil)
        }
        // Frequencies of Fourier features, as often as not.
        #expect(factors([:], lists: ["freqs": [25, 5]], network("%.weight")).first == nil)
    }

    @Test("words that also mean other things are weak, and numbers of other words say nothing")
    func words() {
        for word in ["scale", "frequency", "freq", "cfg.scale_0"] {
            #expect(factors([word: 12], network("%.weight")).first?.isWeak == true, "\(word)")
        }
        #expect(factors(["scale": 0.5], network("%.weight")).first == nil)
        for word in ["epoch", "omega_1", "w", "w3", "b0", "first", "value", "layers.0.value", "lr"] {
            #expect(factors([word: 12], network("%.weight")).statements.isEmpty, "\(word)")
        }
        for value in [-3, 0, .nan, .infinity, 1e9] {
            #expect(factors(["omega_0": value], network("%.weight")).statements.isEmpty)
        }
    }

    @Test("frequencies that differ among the further hidden layers are told")
    func differing() {
        let found = factors(["acts.0.w0": 30, "acts.1.w0": 20, "acts.2.w0": 10], network("%.weight"))
        #expect(found.differing.map(\.value) == [20, 10])
        // That of the last layer has no place in a network.
        #expect(
            factors(["acts.0.w0": 30, "acts.1.w0": 20, "acts.2.w0": 10], network("%.weight", depth: 3)).differing
                .isEmpty)
        let listed = factors([:], lists: ["omegas": [30, 20, 10]], network("%.weight"))
        #expect(listed.differing.map(\.value) == [20, 10])
    }
}
