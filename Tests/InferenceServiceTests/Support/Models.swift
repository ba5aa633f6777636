import Foundation
import ModelStore
import Tensors
import WeightFormats

/// Models to serve.
enum Models {
    struct Missing: Error {}

    private static let embeddedFolder = Result {
        guard let directory = EmbeddedModels.directory() else { throw Missing() }
        return directory.appendingPathComponent("fashion-mnist")
    }

    /// The classifier that comes with the program, loaded once.
    static let embedded = Result { try ModelFolder.load(try embeddedFolder.get()) }

    /// The embedded model under another name, with its decoder declared trained or not.
    static func embedded(
        named name: String, version: String? = nil, isDecoderTrained: Bool
    ) throws -> ServedModel {
        let source = try embeddedFolder.get()
        return try withFolder { folder in
            for file in try FileManager.default.contentsOfDirectory(at: source, includingPropertiesForKeys: nil)
            where file.lastPathComponent != "config.json" {
                try FileManager.default.copyItem(at: file, to: folder.appending(path: file.lastPathComponent))
            }
            let text = try Data(contentsOf: source.appending(path: "config.json"))
            var config = try JSONSerialization.jsonObject(with: text) as? [String: Any] ?? [:]
            var model = config["model"] as? [String: Any] ?? [:]
            var weights = model["weights"] as? [String: Any] ?? [:]
            var encoder = weights["encoder"] as? [String: Any] ?? [:]
            encoder["decoder_trained"] = isDecoderTrained
            weights["encoder"] = encoder
            model["weights"] = weights
            config["model"] = model
            config["name"] = name
            if let version { config["version"] = version }
            try JSONSerialization.data(withJSONObject: config).write(to: folder.appending(path: "config.json"))
            return try ModelFolder.load(folder)
        }
    }

    /// What PyTorch computed with the accuracy predictor of `predict_accuracy_stat.safetensors`.
    struct Reference {
        let model: ServedModel
        /// Two small CNNs, stacked.
        let input: StateDict
        let output: [Float]
    }

    static func accuracyPredictor() throws -> Reference {
        let golden = try WeightFile.read(
            try Samples.bytes("predict_accuracy_stat.safetensors"), limits: .checkpoint
        ).stateDict()
        let config = """
            {"name": "accuracy", "task": "predict_accuracy",
             "input": {"family": "cnn", "sizes": [1, 4, 5, 3], "filters": [[3, 3], [3, 2], null],
              "canonical_scale": false, "array_scales": null},
             "network": {"file": "network.safetensors", "model": "StatNet", "h_size": 20, "sigmoid": true}}
            """
        let model = try withFolder { folder in
            try Data(config.utf8).write(to: folder.appending(path: "config.json"))
            try Data(SafetensorsWriter.write(golden.scoped("param.")))
                .write(to: folder.appending(path: "network.safetensors"))
            return try ModelFolder.load(folder)
        }
        // The reference has an axis of one channel, which uploads do not have.
        let input = StateDict(
            (0..<3).flatMap { index in
                ["weight", "bias"].compactMap { kind in
                    golden["input.\(kind).\(index)"].map { tensor in
                        NamedTensor(
                            name: "\(index).\(kind)",
                            tensor: tensor.reshaped([tensor.shape[0]] + tensor.shape.dropFirst(2)))
                    }
                }
            })
        guard let output = golden["output"] else { throw Missing() }
        return Reference(model: model, input: input, output: output.values)
    }

    private static func withFolder<Value>(_ body: (URL) throws -> Value) throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appending(path: "model-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }
}
