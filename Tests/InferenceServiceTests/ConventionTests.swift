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

    @Test("every part of the notation is reported with its reason")
    func parts() throws {
        let notation = try #require(try item("/v1/classify", try Samples.network())["notation"])
        #expect(notation["activation"]?.string == "sine" && notation["omega0"]?.double == 30)
        #expect(notation["hidden_omega0"]?.double == 30 && notation["order"]?.string == "rows")
        #expect(notation["coordinates"]?.string == "-1..1" && notation["values"]?.string == "-1..1")
        for part in NotationPart.allCases {
            #expect(notation["reasons"]?[part.rawValue]?.string?.isEmpty == false, "\(part)")
        }
    }

    @Test("a network of ReLUs is classified by its function, and the opinion of its weights is null with the reason")
    func function() throws {
        let named = try item(
            "/v1/classify?activation=relu&values=-1..1&order=rows&coordinates=-1..1", try Samples.network())
        #expect(named["class_id"]?.int != nil)
        #expect(named["opinions"]?["weights"]?.isNull == true && named["opinions"]?["probes"]?["class_id"] != nil)
        #expect(named["weights_unread"]?.string?.contains("relu") == true)
        #expect(named["agreement"] == nil)
    }

    @Test("an option of the notation with a value that it does not take is refused with what it takes")
    func refusals() throws {
        for (query, word) in [
            ("activation=swish", "sine"), ("values=1", "-1..1"), ("order=xy", "rows"), ("hidden_omega0=0", "0.000001"),
            ("coordinates=1..-1", "0..1"), ("convention=mnist", "siren-pytorch"),
        ] {
            let response = try service.post("/v1/classify?\(query)", Samples.safetensors(try Samples.network()))
            #expect(response.status == 400)
            #expect(response.text.contains(word), "\(response.text)")
        }
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
        let scaled = try network.converted(from: .nfn, to: Notation(omega0: omega0))
        let named = try item("/v1/classify?omega0=\(omega0)", scaled)
        #expect(named["class_id"] == expected["class_id"])
        let scores = try [named, expected].map { try #require($0["score"]?.double) }
        #expect(abs(scores[0] - scores[1]) < 1e-3)
        // Without a name the reading is right, or says that it is uncertain.
        let detected = try item("/v1/classify", scaled)
        let isRight = abs(try #require(detected["score"]?.double) - scores[1]) < 1e-3
        #expect(isRight || (detected["convention"]?["confident"]?.bool == false && detected["warnings"] != nil))
    }
}
