import Networks
import SIREN
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: conventions of uploads")
struct ConventionTests {
    private let service: ServiceDriver

    init() throws { service = try ServiceDriver() }

    private func item(_ path: String, _ network: NetworkWeights) throws -> JSONValue {
        try #require(try service.post(path, Samples.safetensors(network)).items().first)
    }

    @Test("the detected convention is reported with its reason")
    func detected() throws {
        let convention = try #require(try item("/v1/classify", try Samples.network())["convention"])
        #expect(convention["name"]?.string == "nfn")
        #expect(convention["confident"]?.bool == true)
        #expect(convention["reason"]?.string?.contains("standard deviation") == true)
    }

    @Test("a network converted to the other convention gives the same answer when that convention is named")
    func override() throws {
        let network = try Samples.network()
        let expected = try item("/v1/classify", network)
        // Halving and doubling are exact, so the answers are equal to the bit.
        let converted = try network.converted(from: .nfn, to: .dws)
        let named = try item("/v1/classify?convention=dws", converted)
        #expect(named["top_k"] == expected["top_k"])
        #expect(named["convention"]?["name"]?.string == "dws")
        #expect(named["convention"]?["confident"]?.bool == true)
        #expect(try item("/v1/classify?convention=auto", network) == expected)
        #expect(try item("/v1/classify?convention=nfn", converted)["top_k"] != expected["top_k"])
    }

    @Test("a picture is the same in either convention")
    func picture() throws {
        let network = try Samples.network()
        func data(_ path: String, _ network: NetworkWeights) throws -> [Float] {
            let items = try service.post(path, Samples.safetensors(network)).items("pictures")
            return try #require(items.first?["data"]?.numbers)
        }
        let own = try data("/v1/render", network)
        let other = try data("/v1/render?convention=dws", try network.converted(from: .nfn, to: .dws))
        #expect(zip(own, other).allSatisfy { abs($0 - $1) < 1e-3 } && own.count == other.count)
    }

    @Test("a network of another frequency is the same network once that is named", arguments: [15.0, 60, 22.5])
    func omega0(_ omega0: Double) throws {
        let network = try Samples.network()
        let expected = try item("/v1/classify", network)
        let scaled = try network.absorbing(omega0: 30, into: omega0)
        let named = try item("/v1/classify?omega0=\(omega0)", scaled)
        #expect(named["class_id"] == expected["class_id"])
        let scores = try [named, expected].map { try #require($0["score"]?.double) }
        #expect(abs(scores[0] - scores[1]) < 1e-3)
        #expect(abs(try #require(try item("/v1/classify", scaled)["score"]?.double) - scores[1]) > 1e-3)
    }
}
