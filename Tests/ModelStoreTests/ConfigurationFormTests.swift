import Engine
import Foundation
import ModelStore
import Models
import Networks
import SIREN
import Testing

/// `config.json` with one recursive `model` node, beside the form with a section for each part.
@Suite struct ConfigurationFormTests {
    /// The sections of a sample as one node.
    private func nodeForm(_ sample: SampleModel) throws -> SampleModel {
        let parsed = try JSONSerialization.jsonObject(with: Data(sample.configuration.utf8)) as? [String: Any]
        var document = try #require(parsed)
        func section(_ name: String) -> [String: Any]? {
            guard var members = document.removeValue(forKey: name) as? [String: Any] else { return nil }
            members["type"] = members.removeValue(forKey: "model")
            return members
        }
        let probes = section("probe")
        var node: [String: Any] = [
            "type": "LatentClassifier", "encoder": try #require(section("encoder")),
            "head": try #require(section("classifier")),
        ]
        if let probes {
            let share = document.removeValue(forKey: "probe_share") ?? 0.5
            node = ["type": "Ensemble", "weights": node, "probes": probes, "probe_share": share]
        }
        document["model"] = node
        document["task"] = nil
        var result = sample
        let data = try JSONSerialization.data(withJSONObject: document, options: .sortedKeys)
        result.configuration = String(decoding: data, as: UTF8.self)
        return result
    }

    @Test("both forms describe one model: the same outputs, the same bits")
    func formsAgree() throws {
        for sample in [try SampleModel.classifyingPictures(), try SampleModel.probingPictures()] {
            let (flat, node) = (try sample.load(), try nodeForm(sample).load())
            #expect(flat.outputs == node.outputs && flat.task == node.task && flat.expectation == node.expectation)
            let network = NetworkWeights.example(spec: SampleModel.pictureSpec, seed: 3)
            for output in flat.outputs.map(\.output) {
                func values(_ model: ServedModel) throws -> [UInt32] {
                    let features = try model.prepare(network, NotationClaims(.nfn)).content
                    return try model.run(output, [features], WorkerPool(threads: 1))[0].values.map(\.bitPattern)
                }
                #expect(try values(flat) == values(node))
            }
        }
    }

    @Test(
        "a damaged node is refused with its path",
        arguments: [
            (#""num_heads":2"#, #""num_head":2"#, "'model.weights.encoder.num_head'; did you mean 'num_heads'?"),
            (#""probe_share":0.25"#, #""probe_share":2"#, "'model.probe_share': expected a number from 0"),
            (#""type":"Ensemble""#, #""type":"Ensembl""#, "did you mean 'Ensemble'?"),
            (
                #""type":"ProbeClassifier""#, #""type":"TransformerClassifier""#,
                "'model.probes.type': expected AutoEncoder"
            ),
            (#""type":"AutoEncoder""#, #""type":"StatNet""#, "StatNet predicts one number"),
            (#""file":"probe.safetensors""#, #""file":"../probe""#, "'model.probes.file': expected the name of a file"),
        ])
    func damagedNodes(text: String, replacement: String, reason: String) throws {
        let sample = try nodeForm(SampleModel.probingPictures())
        let damaged = sample.replacing(text, with: replacement)
        #expect(damaged.configuration != sample.configuration)
        let refusal = try #require(damaged.refusal)
        #expect(refusal.contains(reason), "\(refusal)")
    }
}
