import Networks
import NeuralFunctionals
import WeightFormats

/// The `config.json` of a model folder.
package struct ModelConfiguration: Sendable {
    package let name: String
    package let version: String
    /// Names of the classes, in order; empty for a model that does not classify.
    package let labels: [String]
    package let input: ModelInput
    /// Divides logits before the softmax.
    package let temperature: Float
    package let card: [String: CardValue]
    private let node: JSONValue
    /// Where the document has the node's objects, as far as that is elsewhere.
    private let authorPaths: [String: String]

    package init(json: [UInt8]) throws {
        let document: JSONValue
        do throws(FormatError) {
            document = try JSONValue.parse(json)
        } catch {
            throw SettingError(error.detail)
        }
        try self.init(document)
    }

    /// - Parameter path: where the object stands in a larger document.
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

    /// Puts the model together.
    /// - Parameter open: reads a parameter file by its name.
    /// - Throws: `SettingError`, `ModelError` or `ParameterError`.
    package func model(open: @escaping (_ file: String) throws -> ParameterReader) throws -> any Model {
        let settings = try Settings(node, path: "model", authorPaths: authorPaths)
        let model = try ModelAssembly(input: input, labels: labels, open: open).model(settings)
        try settings.finish()
        let classes = model.shape(of: .classes)?.first ?? 0
        guard labels.count == classes else { throw ModelError("\(labels.count) labels for \(classes) classes") }
        return model
    }

    /// An untrained model with parameters drawn at random.
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

/// A fact on a model's card.
package enum CardValue: Sendable, Equatable {
    case text(String)
    case number(Double)
}
