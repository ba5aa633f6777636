import Engine
import Foundation
import Models
import NetworkReading
import Networks
import SIREN
import Tensors
import Testing
import WeightFormats

@testable import ModelStore

@Suite struct ModelFolderTests {
    private func answer(
        _ model: ServedModel, _ output: Output, _ spec: NetworkSpec = SampleModel.pictureSpec
    ) throws -> [Float] {
        let prepared = try model.prepare(NetworkWeights.example(spec: spec, seed: 5))
        return try model.run(output, [prepared.content], WorkerPool(threads: 1))[0].values
    }

    @Test("an autoencoder with a trained decoder encodes and reconstructs")
    func reconstruction() throws {
        let model = try SampleModel.autoencoder().load()
        #expect(model.outputs.map(\.output) == [.latents, .picture])
        #expect(try answer(model, .latents).count == 12)
        let picture = try answer(model, .picture)
        #expect(picture.count == 35)
        #expect(Set(picture).count > 5)
        #expect(picture.allSatisfy { $0.isFinite })

        let untrained = try SampleModel.autoencoder()
            .replacing(#""spatial": true"#, with: #""spatial": true, "decoder_trained": false"#).load()
        #expect(untrained.outputs.map(\.output) == [.latents])
    }

    @Test("a model that averages its latents gives one of them")
    func nonSpatialEncoders() throws {
        let sample = try SampleModel.autoencoder()
        let spatial = try answer(try sample.load(), .latents)
        let model = try sample.replacing(#""spatial": true"#, with: #""spatial": false"#).load()
        #expect(model.shape(of: .latents) == [1, 3])
        let means = (0..<3).map { column in (0..<4).reduce(0) { $0 + spatial[$1 * 3 + column] } / 4 }
        #expect(largestDifference(try answer(model, .latents), means) < 1e-6)
        #expect(try answer(model, .picture).count == 35)
    }

    @Test("a classifier of latents keeps its version, labels and card")
    func latentClassifiers() throws {
        let model = try SampleModel.classifyingPictures().load()
        #expect(model.outputs.map(\.output) == [.classes, .latents, .picture])
        #expect(model.version == "2.1" && model.labels == ["no", "yes"])
        #expect(model.configuration.card == ["data": .text("none"), "accuracy": .number(0.5)])
        #expect(try answer(model, .classes).count == 2)
    }

    @Test("an InvariantNFN classifies by itself")
    func invariantClassifiers() throws {
        let model = try SampleModel.invariantClassifier().load()
        #expect(model.outputs.map(\.output) == [.classes])
        #expect(model.shape(of: .latents) == nil)
        #expect(try answer(model, .classes).count == 3)
    }

    @Test("predictors read convolutional networks")
    func predictors() throws {
        let spec = SampleModel.convolutional
        for sample in [try SampleModel.statisticsPredictor(), try SampleModel.invariantPredictor()] {
            let model = try sample.load()
            #expect(model.outputs.map(\.output) == [.scalars])
            let accuracy = try answer(model, .scalars, spec)
            #expect(accuracy.count == 1 && accuracy[0] > 0 && accuracy[0] < 1)
            let prepared = try model.prepare(NetworkWeights.example(spec: spec, seed: 5))
            #expect(prepared.reading == nil)
        }
    }

    @Test("statistics of every position fix the widths, other models leave them free")
    func widthBounds() throws {
        let other = NetworkSpec(sizes: [1, 5, 4, 2], kernels: [[3, 3], [3, 3], []])
        #expect(try answer(try SampleModel.statisticsPredictor().load(), .scalars, other).count == 1)
        let bound = try SampleModel.invariantPredictor().load()
        #expect(bound.expectation.hiddenWidths == .fixed)
        #expect(throws: NetworkError.self) { try answer(bound, .scalars, other) }
    }

    @Test(
        "names that torch.compile or data parallelism prefixed are read as they were",
        arguments: [
            "_orig_mod.", "module.", "module._orig_mod.",
        ])
    func wrappedNames(prefix: String) throws {
        let sample = try SampleModel.autoencoder()
        let parameters = try SampleModel.encoderParameters().renaming { prefix + $0 }
        let wrapped = sample.replacing("encoder.safetensors", with: parameters)
        #expect(try answer(try wrapped.load(), .latents) == answer(try sample.load(), .latents))
    }

    @Test("checkpoints may keep the parameters under a member", arguments: ["state_dict", "nfnet", "weights"])
    func wrapperMembers(member: String) throws {
        let sample = try SampleModel.statisticsPredictor()
        let parameters = try WeightFile.read(try #require(sample.files["network.safetensors"])).stateDict()
        let tensors = parameters.entries.map { entry in
            let rows =
                entry.tensor.rank == 1
                ? "\(entry.tensor.values)" : "\((0..<entry.tensor.shape[0]).map { entry.tensor.slice($0).values })"
            return "\"\(entry.name)\": \(rows)"
        }
        var wrapped = sample
        wrapped.files["network.safetensors"] = Array("{\"\(member)\": {\(tensors.joined(separator: ", "))}}".utf8)
        let spec = SampleModel.convolutional
        #expect(try answer(try wrapped.load(), .scalars, spec) == answer(try sample.load(), .scalars, spec))
    }

    @Test("the digest covers the configuration and every file")
    func digests() throws {
        let sample = try SampleModel.classifyingPictures()
        let digest = try sample.load().sha256
        #expect(try sample.load().sha256 == digest)
        #expect(try sample.replacing("none", with: "some").load().sha256 != digest)
        let changed = try SampleModel.encoderParameters().changing("encoder.0._B") { $0 + 1 }
        #expect(try sample.replacing("encoder.safetensors", with: changed).load().sha256 != digest)
    }

    @Test("candidates are the folders with a configuration, in the order of their names")
    func candidates() throws {
        let files = FileManager.default
        let root = files.temporaryDirectory.appendingPathComponent("models-\(UUID().uuidString)")
        defer { try? files.removeItem(at: root) }
        for name in ["m10", "m9", "empty"] {
            try files.createDirectory(at: root.appendingPathComponent(name), withIntermediateDirectories: true)
            if name != "empty" { try Data("{}".utf8).write(to: root.appendingPathComponent("\(name)/config.json")) }
        }
        #expect(try ModelFolder.candidates(in: root).map(\.lastPathComponent) == ["m9", "m10"])
        let one = root.appendingPathComponent("m9")
        #expect(try ModelFolder.candidates(in: one).map(\.lastPathComponent) == ["m9"])
        #expect(throws: (any Error).self) { try ModelFolder.candidates(in: root.appendingPathComponent("none")) }
    }
}
