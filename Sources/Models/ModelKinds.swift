import Foundation
import NeuralFunctionals
import WeightFormats

/// The registry of model kinds, keyed by `ModelKind.type`. To add a kind, add a folder beside this file and a line to
/// `all`.
package enum ModelKinds {
    /// All kinds, parts of models such as `TransformerHead` included.
    package static let all: [any ModelKind.Type] = [
        Inr2Array.self,
        LatentClassifier.self,
        TransformerHead.self,
        LatentConvolutions.self,
        InvariantNFN.self,
        InvariantNFT.self,
        StatNet.self,
        Sequential.self,
        ProbeClassifier.self,
        AccuracyProbe.self,
        TransferNet.self,
        WeightEditor.self,
        Editor.self,
        Ensemble.self,
    ]

    static func named(_ type: String) -> (any ModelKind.Type)? { all.first { $0.type == type } }

    /// Names of the kinds that a node of `config.json` may have.
    static var models: [String] { all.filter { $0 is any Model.Type }.map { $0.type } }
}

/// Builds a model from the `model` node of `config.json`: holds what all parts share, that is the networks to read, the
/// labels, and access to the parameter files.
package final class ModelAssembly {
    /// The networks that the model reads.
    package let input: ModelInput
    /// Names of the classes, in order; empty for a model that does not classify.
    package let labels: [String]
    private let open: (_ file: String) throws -> ParameterReader

    /// - Parameter open: reads a parameter file of the model, given its name; may throw any error.
    package init(
        input: ModelInput, labels: [String], open: @escaping (_ file: String) throws -> ParameterReader
    ) {
        self.input = input
        self.labels = labels
        self.open = open
    }

    /// The model of a node, whose member `type` names the kind.
    /// - Throws: `SettingError`, `ModelError` or `ParameterError`.
    func model(_ settings: Settings) throws -> any Model {
        let type = try settings.text("type")
        guard let kind = ModelKinds.named(type) as? any Model.Type else {
            let nearest = nearestName(to: type, among: ModelKinds.models).map { "; did you mean '\($0)'?" } ?? ""
            throw settings.error(
                "type", "expected \(ModelKinds.models.joined(separator: ", ")), received '\(type)'\(nearest)")
        }
        return try kind.init(settings, self)
    }

    /// Builds a part of the model from the parameters in the node's `file`.
    /// - Parameters:
    ///   - reveal: the members of the node that the shapes of the parameters reveal; they stand in for members that are
    ///     missing, and where the file does not fit they tell what the node says otherwise.
    ///   - build: reads the node's settings and builds the part.
    /// - Throws: `ParameterError`, with the file's name, unless the part asks for exactly the parameters of the file.
    func module<Module>(
        _ settings: Settings, revealing reveal: (ParameterShapes) throws -> [JSONMember],
        _ build: (ParameterScope) throws -> Module
    ) throws -> Module {
        let file = try settings.text("file")
        guard !file.isEmpty, !file.contains("/"), file != "..", file != "." else {
            throw settings.error("file", "expected the name of a file in the folder, received '\(file)'")
        }
        let reader = try open(file)
        if let shapes = ParameterShapes(reader) { settings.reveal(try reveal(shapes)) }
        let module = try build(reader.root)
        do throws(ParameterError) {
            try reader.finish()
        } catch {
            throw error.within(file, causes: settings.contradictions)
        }
        return module
    }
}
