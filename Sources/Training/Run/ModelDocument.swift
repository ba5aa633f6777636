import Foundation
import Models

/// The `config.json` that a run writes: the recipe's `model` with the calibration and the card of the trained model.
struct ModelDocument {
    private var members: [String: Any]

    /// - Parameter recipe: the recipe's JSON.
    init(recipe: Data) throws {
        let document = try JSONSerialization.jsonObject(with: recipe) as? [String: Any]
        members = document?["model"] as? [String: Any] ?? [:]
    }

    /// Adds figures to `card`; they replace members of the same name.
    mutating func add(toCard figures: [String: Any]) {
        members["card"] = (members["card"] as? [String: Any] ?? [:]).merging(figures) { $1 }
    }

    /// Sets `temperature` and, for a model of weights and probes, `probe_share`, which stands in the node `model` or,
    /// in the older form, at the top level.
    mutating func apply(_ calibration: Calibration) {
        if let temperature = calibration.temperature { members["temperature"] = temperature }
        guard let share = calibration.probeShare else { return }
        if var node = members["model"] as? [String: Any] {
            node["probe_share"] = share
            members["model"] = node
        } else {
            members["probe_share"] = share
        }
    }

    /// Sets `decoder_trained` of every Inr2Array node.
    mutating func setDecoderTrained(_ isTrained: Bool) {
        members = Self.settingDecoderTrained(isTrained, in: members)
    }

    private static func settingDecoderTrained(_ isTrained: Bool, in object: [String: Any]) -> [String: Any] {
        var result = object.mapValues { value in
            (value as? [String: Any]).map { settingDecoderTrained(isTrained, in: $0) as Any } ?? value
        }
        if object["type"] as? String == Inr2Array.type || object["model"] as? String == Inr2Array.type {
            result["decoder_trained"] = isTrained
        }
        return result
    }

    /// The document, with sorted keys.
    func json() throws -> Data {
        try JSONSerialization.data(
            withJSONObject: members, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    }
}
