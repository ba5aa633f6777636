import Foundation
import Host
import ModelStore
import Models
import NeuralFunctionals
import WeightFormats

/// Untrained models of the sizes for which speed is reported. Parameters are drawn at random, because speed does not
/// depend on their values.
package enum BenchmarkModel: String, Sendable, CaseIterable {
    /// The authors' encoder for MNIST: 256 channels, 6 blocks (Zhou et al., arXiv 2305.13546, appendix).
    case paper
    /// 64 channels, 3 blocks.
    case small

    /// The model, ready to run.
    /// - Parameter hiddenWidth: the hidden width of the networks that the model reads.
    package func load(hiddenWidth: Int = 32) throws -> ServedModel {
        try ServedModel(drawing: configuration(config(hiddenWidth: hiddenWidth)))
    }

    /// Writes the model as a model folder.
    /// - Throws: `FileError`.
    package func write(to folder: URL, hiddenWidth: Int = 32) throws {
        let config = config(hiddenWidth: hiddenWidth)
        let parameters = ParameterReader(drawing: 0)
        _ = try configuration(config).model { _ in parameters }
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw FileError(.create, folder.path, error)
        }
        let files = [
            (Self.parameterFile, Data(SafetensorsWriter.write(parameters.dictionary))), ("config.json", config),
        ]
        for (name, contents) in files {
            let file = folder.appendingPathComponent(name)
            do {
                try contents.write(to: file, options: .atomic)
            } catch {
                throw FileError(.write, file.path, error)
            }
        }
    }

    private static let parameterFile = "encoder.safetensors"

    private func configuration(_ config: Data) throws -> ModelConfiguration {
        try ModelConfiguration(json: [UInt8](config))
    }

    private func config(hiddenWidth: Int) -> Data {
        let text = """
            {"name": "\(rawValue)", "version": "0",
             "input": \(Self.inputSection(hiddenWidth: hiddenWidth)), "model": \(encoderNode)}

            """
        return Data(text.utf8)
    }

    /// `input` of `config.json`.
    static func inputSection(hiddenWidth: Int) -> String {
        """
        {"family": "siren", "sizes": [2, \(hiddenWidth), \(hiddenWidth), 1], "omega0": 30, "convention": "nfn",
         "canonicalize": false, "array_scales": null, "image": [28, 28, 1]}
        """
    }

    /// The encoder's node of `config.json`.
    var encoderNode: String {
        let (mapping, blocks) = self == .paper ? (128, 6) : (32, 3)
        return """
            {"type": "AutoEncoder", "file": "\(Self.parameterFile)", "block_type": "nft", "num_blocks": \(blocks),
             "spatial": true, "enc_map_size": \(mapping), "enc_scale": 3, "num_heads": 4, "ff_factor": 4,
             "dec_type": "sitzmann", "dec_hidden_size": 256, "dec_hidden_layers": 1, "additive": false,
             "pool_cls": {"n_latent": 16, "latent_dim": 256, "self_per_cross_attn": 0}}
            """
    }
}
