import Networks
import NeuralFunctionals
import WeightFormats

/// The `config.json` of a model folder: what the model is called, which networks it reads, and how it is built.
package struct ModelConfiguration: Sendable {
    /// At most 128 letters, digits, `.`, `_` and `-`.
    package let name: String
    /// As `name`; by default `1`.
    package let version: String
    /// Names of the classes, in order; empty for a model that does not classify.
    package let labels: [String]
    /// The networks that the model reads.
    package let input: ModelInput
    /// Probabilities are softmax(logits / temperature); above 0, by default 1.
    package let temperature: Float
    /// The members of `card`: facts about the model for its users, which change nothing that it computes.
    package let card: [String: CardValue]
    private let node: JSONValue
    /// For error messages: the paths in the document of those objects of `node` that stand elsewhere there.
    private let authorPaths: [String: String]

    /// Reads a whole `config.json`.
    /// - Throws: `SettingError` or `ModelError`. Unknown members are errors; those of the `model` node are found by
    ///   `model(open:)`.
    package init(json: [UInt8]) throws {
        let document: JSONValue
        do throws(FormatError) {
            document = try JSONValue.parse(json)
        } catch {
            throw SettingError(error.detail)
        }
        try self.init(document)
    }

    /// Reads a configuration that may be part of a larger document.
    /// - Parameter path: the path of the object in that document, for error messages; empty where it is the document.
    /// - Throws: as `init(json:)`.
    package init(_ document: JSONValue, path: String = "") throws {
        let settings = try Settings(document, path: path)
        name = try Self.identifier("name", in: settings)
        version = try Self.identifier("version", in: settings, default: "1")
        let labels = try settings.texts("labels")
        input = try ModelInput(try settings.section("input"))
        temperature = Float(try settings.positive("temperature", default: 1))
        card = try Self.card(settings)
        if let node = settings.value("model") {
            (self.node, self.labels) = (node, labels)
            authorPaths = path.isEmpty ? [:] : ["model": "\(path).model"]
        } else {
            let flat = try FlatConfiguration(settings, path: path)
            (node, authorPaths) = (flat.node, flat.authorPaths)
            self.labels = flat.classifies ? labels : []
        }
        try settings.finish()
    }

    /// Builds the model.
    /// - Parameter open: reads a parameter file, given its name; its errors are passed on.
    /// - Throws: `SettingError`, `ModelError` or `ParameterError`; also where the number of labels is not that of the
    ///   classes.
    package func model(open: @escaping (_ file: String) throws -> ParameterReader) throws -> any Model {
        let settings = try Settings(node, path: "model", authorPaths: authorPaths)
        let model = try ModelAssembly(input: input, labels: labels, open: open).model(settings)
        try settings.finish()
        let classes = model.shape(of: .classes)?.first ?? 0
        guard labels.count == classes else { throw ModelError("\(labels.count) labels for \(classes) classes") }
        return model
    }

    /// The model with initial parameters drawn from `seed`, the same for every file.
    /// - Throws: `SettingError` or `ModelError`.
    package func untrained(seed: UInt64 = 0) throws -> any Model {
        try model { _ in ParameterReader(drawing: seed) }
    }

    private static func identifier(
        _ member: String, in settings: Settings, default standard: String? = nil
    ) throws(SettingError) -> String {
        let text = try settings.text(member, default: standard)
        let isValid =
            !text.isEmpty && text.utf8.count <= 128 && text != "." && text != ".."
            && text.unicodeScalars.allSatisfy { scalar in
                ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
                    || "._-".unicodeScalars.contains(scalar)
            }
        guard isValid else {
            throw settings.error(member, "expected letters, digits, '.', '_' or '-', received '\(text)'")
        }
        return text
    }

    private static func card(_ settings: Settings) throws(SettingError) -> [String: CardValue] {
        guard let section = try settings.optionalSection("card") else { return [:] }
        var card: [String: CardValue] = [:]
        for member in section.allMembers() {
            switch member.value {
            case .number(let number): card[member.name] = .number(number)
            case .string(let text): card[member.name] = .text(text)
            default: throw section.error(member.name, "expected a text or a number")
            }
        }
        return card
    }
}

/// The value of a member of `card`.
package enum CardValue: Sendable, Equatable {
    case text(String)
    case number(Double)
}
