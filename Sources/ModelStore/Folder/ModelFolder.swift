import Foundation
import Models
import Networks
import NeuralFunctionals
import Tensors
import WeightFormats

/// Why a model folder cannot be loaded.
package struct ModelFolderError: Error, CustomStringConvertible, Sendable, Equatable {
    /// The folder's name, without its path.
    package let folder: String
    /// What is wrong with it; names the file, and the tensor or member where there is one.
    package let reason: String

    /// An error of these two texts.
    package init(folder: String, reason: String) {
        self.folder = folder
        self.reason = reason
    }

    /// The folder and the reason in one line.
    package var description: String { "model folder '\(folder)': \(reason)" }
}

/// A model on disk, in the layout that the Hugging Face Hub uses: `config.json` and one or several parameter files
/// (safetensors, or PyTorch state dicts).
package enum ModelFolder {
    /// Loads a model for serving.
    /// - Throws: where a file is missing or unreadable, a member of `config.json` is unknown or not valid, or a
    ///   parameter is missing, unexpected or of another shape.
    package static func load(_ url: URL) throws(ModelFolderError) -> ServedModel {
        let folder = url.lastPathComponent
        do {
            return try read(url)
        } catch let error as ModelFolderError {
            throw error
        } catch {
            throw ModelFolderError(folder: folder, reason: reason(for: error))
        }
    }

    /// The model folders in `directory`, in natural order of their names, or `directory` itself where it is one.
    /// - Throws: where the directory cannot be read.
    package static func candidates(in directory: URL) throws -> [URL] {
        let files = FileManager.default
        if files.fileExists(atPath: directory.appendingPathComponent("config.json").path) { return [directory] }
        return try files.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .filter { files.fileExists(atPath: $0.appendingPathComponent("config.json").path) }
            .sorted { naturallyPrecedes($0.lastPathComponent, $1.lastPathComponent) }
    }

    private static func read(_ url: URL) throws -> ServedModel {
        var digest = ContentDigest()
        var snapshot = FileSnapshot()
        func contents(_ name: String) throws -> [UInt8] {
            let file = url.appendingPathComponent(name).path
            snapshot.note(file)
            guard let data = FileManager.default.contents(atPath: file) else {
                throw ModelFolderError(folder: url.lastPathComponent, reason: "'\(name)' cannot be read")
            }
            let bytes = [UInt8](data)
            digest.update(bytes)
            return bytes
        }
        func parameters(_ name: String) throws -> StateDict {
            do {
                return try WeightFile.read(try contents(name), limits: .checkpoint).stateDict().unwrapped
            } catch let error as FormatError {
                throw ModelFolderError(folder: url.lastPathComponent, reason: "'\(name)': \(error.detail)")
            }
        }
        let configuration = try ModelConfiguration(json: try contents("config.json"))
        let model = try configuration.model { ParameterReader(try parameters($0)) }
        // Parameters of one version with the settings of another can have the right shapes and compute wrong answers.
        guard snapshot.isCurrent else {
            throw ModelFolderError(
                folder: url.lastPathComponent, reason: "it changed while it was being read; load it again")
        }
        return ServedModel(configuration, model, sha256: digest.finish())
    }

    private static func reason(for error: any Error) -> String {
        error is SettingError ? "'config.json': \(error)" : String(describing: error)
    }
}
