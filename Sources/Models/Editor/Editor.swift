import Engine
import Networks
import NeuralFunctionals
import SIREN
import WeightFormats

/// Several edits of INRs under one name: a model for each, such as a `WeightEditor`.
package struct Editor: Model {
    package static let type = "Editor"

    /// In the order of `config.json`.
    private let members: [(name: String, model: any Model)]

    /// Members of the node: `edits`, an object with a node for each edit, under the edit's name.
    /// - Throws: also where a name is that of an exact edit, or a model gives no weights.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        let edits = try settings.section("edits")
        var members: [(name: String, model: any Model)] = []
        for name in edits.allMembers().map(\.name) {
            guard EditStep.isName(name), !EditStep.exactNames.contains(name) else {
                throw edits.error(
                    name,
                    "expected a name of letters, digits, '_' and '-' that is none of the exact edits \(EditStep.exactNames.joined(separator: ", "))"
                )
            }
            let model = try assembly.model(edits.section(name))
            guard model.offers(.weights) else {
                throw edits.error(name, "expected a model that gives weights, such as a WeightEditor")
            }
            members.append((name, model))
        }
        guard !members.isEmpty else { throw settings.error("edits", "expected at least one edit") }
        self.members = members
    }

    /// The edited weights.
    package var outputs: [OutputDescription] { [OutputDescription(.weights, [])] }

    package var edits: [String] { members.map(\.name) }

    package var needsOwnWidths: Bool { members.contains { $0.model.needsOwnWidths } }
    package var standardizes: Bool { members.contains { $0.model.standardizes } }

    package func fitStandardization(to networks: [NetworkWeights]) {
        for member in members { member.model.fitStandardization(to: networks) }
    }

    /// Records the first edit.
    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        try members[0].model.record(outputs, in: pass)
    }

    /// The networks whose mean is the edited one.
    package func networkCount(ofEdit name: String?) -> Int {
        let member = members.first { name == nil || $0.name == name }
        return member?.model.networkCount(ofEdit: nil) ?? 1
    }

    /// Records the edit of that name; without a name, the first.
    package func recordEdit(_ name: String?, in pass: ForwardPass) throws(ModelError) -> RecordedOutput {
        guard let name else { return try record(.weights, in: pass) }
        guard let member = members.first(where: { $0.name == name }) else {
            throw ModelError("no edit is named '\(name)'; the Editor offers \(edits.joined(separator: ", "))")
        }
        return try member.model.record(.weights, in: pass)
    }
}
