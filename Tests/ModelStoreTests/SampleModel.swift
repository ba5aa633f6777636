import Foundation
import ModelStore
import Models
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import WeightFormats

/// A model folder with random parameters.
struct SampleModel {
    var configuration: String
    var files: [String: [UInt8]]

    init(_ configuration: String, _ parameters: [String: StateDict]) {
        self.configuration = configuration
        files = parameters.mapValues { SafetensorsWriter.write($0) }
    }

    /// Writes the folder, loads it and removes it again.
    func load() throws -> ServedModel {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sample-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(configuration.utf8).write(to: folder.appendingPathComponent("config.json"))
        for (name, bytes) in files { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
        return try ModelFolder.load(folder)
    }

    /// Why the folder is refused; nil if it loads.
    var refusal: String? {
        do {
            _ = try load()
            return nil
        } catch {
            return (error as? ModelFolderError)?.reason ?? "untyped: \(error)"
        }
    }

    func replacing(_ text: String, with replacement: String) -> SampleModel {
        var result = self
        result.configuration = configuration.replacing(text, with: replacement)
        return result
    }

    /// Without a member of the configuration.
    func removing(_ member: String) throws -> SampleModel {
        let document = try JSONSerialization.jsonObject(with: Data(configuration.utf8)) as? [String: Any]
        let rest = (document ?? [:]).filter { $0.key != member }
        var result = self
        result.configuration = String(decoding: try JSONSerialization.data(withJSONObject: rest), as: UTF8.self)
        return result
    }

    /// Every value of a member that is a whole number.
    func replacing(setting: String, with number: Int) -> SampleModel {
        var result = self
        result.configuration = configuration.replacingOccurrences(
            of: "\"\(setting)\": [0-9]+", with: "\"\(setting)\": \(number)", options: .regularExpression)
        return result
    }

    func replacing(_ file: String, with parameters: StateDict) -> SampleModel {
        var result = self
        result.files[file] = SafetensorsWriter.write(parameters)
        return result
    }

    static func parameters(_ build: (ParameterScope) throws -> Void) rethrows -> StateDict {
        let reader = ParameterReader(drawing: 3)
        try build(reader.root)
        return reader.dictionary
    }

    private static func settings(_ json: String) throws -> Settings { try Settings(json: Array(json.utf8)) }

    // MARK: Autoencoders of pictures

    static let pictureSpec = NetworkSpec(sizes: [2, 6, 6, 1])
    private static let encoder =
        #"{"file": "encoder.safetensors", "model": "AutoEncoder", "block_type": "nft", "num_blocks": 1, "spatial": true, "enc_map_size": 2, "num_heads": 2, "ff_factor": 2, "dec_hidden_size": 4, "pool_cls": {"n_latent": 4, "latent_dim": 3}}"#
    private static let classifier =
        #"{"file": "classifier.safetensors", "model": "TransformerClassifier", "n_classes": 2, "num_blocks": 1, "d_model": 4, "heads": 2, "dim_feedforward": 8, "latent_dim": 3, "positions": 4}"#
    private static let pictureInput =
        #""input": {"sizes": [2, 6, 6, 1], "image": [5, 7, 1], "omega0": 30, "convention": "nfn", "canonicalize": true, "array_scales": [1, 2, 3, 4, 5, 6]}"#

    static func encoderParameters(_ encoder: String = encoder) throws -> StateDict {
        try parameters {
            _ = try Inr2Array(
                $0, Inr2ArrayConfiguration(try settings(encoder)), spec: pictureSpec,
                image: ImageShape(height: 5, width: 7, channels: 1))
        }
    }

    /// An autoencoder with a trained decoder.
    /// - Parameter isGated: whether the feed-forward part of its block is; it then also has a factor for each array.
    static func autoencoder(isGated: Bool = false) throws -> SampleModel {
        let encoder =
            isGated
            ? encoder.replacing(
                #""ff_factor": 2"#, with: #""ff_activation": "geglu", "ff_factor": [1, 1, 2, 1, 3, 1]"#) : encoder
        return SampleModel(
            #"{"name": "pictures", "task": "encode", \#(pictureInput), "encoder": \#(encoder)}"#,
            ["encoder.safetensors": try encoderParameters(encoder)])
    }

    /// An autoencoder and a classifier of two classes.
    static func classifyingPictures() throws -> SampleModel {
        let classifierParameters = try parameters {
            _ = try TransformerHead(
                $0, TransformerHeadConfiguration(try settings(classifier)))
        }
        return SampleModel(
            #"{"name": "two-classes", "version": "2.1", "task": "classify", "labels": ["no", "yes"], "temperature": 2, "card": {"data": "none", "accuracy": 0.5}, \#(pictureInput), "encoder": \#(encoder), "classifier": \#(classifier)}"#,
            ["encoder.safetensors": try encoderParameters(), "classifier.safetensors": classifierParameters])
    }

    private static let probe =
        #"{"file": "probe.safetensors", "model": "ProbeClassifier", "n_classes": 2, "n_probes": 5, "hidden": [4]}"#

    /// The same with a part that evaluates the network.
    static func probingPictures(share: Double = 0.25) throws -> SampleModel {
        var model = try classifyingPictures().replacing(
            #""classifier": {"file""#, with: #""probe_share": \#(share), "probe": \#(probe), "classifier": {"file""#)
        model.files["probe.safetensors"] = SafetensorsWriter.write(
            try parameters {
                _ = try ProbeClassifier(
                    $0, ProbeConfiguration(try settings(probe)), spec: pictureSpec, omega0: 30)
            })
        return model
    }

    // MARK: Direct networks

    static let convolutional = NetworkSpec(sizes: [1, 3, 4, 2], kernels: [[3, 3], [3, 3], []])
    private static let convolutionalInput =
        #""input": {"family": "cnn", "sizes": [1, 3, 4, 2], "filters": [[3, 3], [3, 3], null], "canonical_scale": false, "array_scales": null}"#

    /// An InvariantNFN that classifies pictures' networks.
    static func invariantClassifier() throws -> SampleModel {
        let network =
            #"{"file": "network.safetensors", "model": "InvariantNFN", "mode": "NP", "pool_mode": "NP", "hchannels": [3], "h_size": 4, "num_out": 3, "lnorm": "simple", "inp_enc": "gaussian", "gaussian": {"mapping_size": 2}}"#
        return SampleModel(
            #"{"name": "direct", "task": "classify", "labels": ["a", "b", "c"], "input": {"sizes": [2, 6, 6, 1], "omega0": 30, "convention": "nfn", "canonicalize": false, "array_scales": null}, "network": \#(network)}"#,
            [
                "network.safetensors": try parameters {
                    _ = try InvariantNFN($0, InvariantNFNConfiguration(try settings(network)), spec: pictureSpec)
                }
            ])
    }

    static func invariantPredictor() throws -> SampleModel {
        let network =
            #"{"file": "network.safetensors", "model": "InvariantNFN", "hchannels": [3], "h_size": 4, "num_out": 1, "sigmoid": true, "normalize": true}"#
        return SampleModel(
            #"{"name": "accuracy", "task": "predict_accuracy", \#(convolutionalInput), "network": \#(network)}"#,
            [
                "network.safetensors": try parameters {
                    _ = try InvariantNFN($0, InvariantNFNConfiguration(try settings(network)), spec: convolutional)
                }
            ])
    }

    static func statisticsPredictor() throws -> SampleModel {
        let network = #"{"file": "network.safetensors", "model": "StatNet", "h_size": 4, "sigmoid": true}"#
        return SampleModel(
            #"{"name": "statistics", "task": "predict_accuracy", \#(convolutionalInput), "network": \#(network)}"#,
            [
                "network.safetensors": try parameters {
                    _ = StatNet($0, try StatNetConfiguration(try settings(network)), spec: convolutional)
                }
            ])
    }
}
