import Foundation

/// A recipe's JSON after its overrides, with sorted keys: equal recipes have equal bytes.
struct RecipeDocument {
    let data: Data
    /// The same as Foundation's objects.
    let object: [String: Any]

    /// - Parameter overrides: `path.to.member=value`; a missing member or object on the path is added.
    init(_ json: Data, _ overrides: [String]) throws(RecipeError) {
        guard var object = (try? JSONSerialization.jsonObject(with: json)) as? [String: Any] else {
            throw RecipeError("expected a JSON object")
        }
        for override in overrides {
            guard let equals = override.firstIndex(of: "="), equals != override.startIndex else {
                throw RecipeError("expected path.to.member=value, received '\(override)'")
            }
            let path = override[..<equals].split(separator: ".").map(String.init)
            let text = String(override[override.index(after: equals)...])
            // A value that is not JSON is a string, so that --set name=other needs no quotation marks.
            let parsed = try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            object = Self.setting(object, path[...], to: parsed ?? text)
        }
        if overrides.contains(where: { $0.hasPrefix("optimization.epochs=") }),
            var section = object["optimization"] as? [String: Any]
        {
            // Epochs that are asked for are those of the run.
            section["least_steps"] = nil
            object["optimization"] = section
        }
        try self.init(object)
    }

    init(_ object: [String: Any]) throws(RecipeError) {
        guard let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .prettyPrinted])
        else { throw RecipeError("the recipe cannot be written as JSON after its overrides") }
        self.data = data
        self.object = object
    }

    private static func setting(_ object: [String: Any], _ path: ArraySlice<String>, to value: Any) -> [String: Any] {
        guard let first = path.first else { return object }
        var result = object
        result[first] =
            path.count == 1 ? value : setting(object[first] as? [String: Any] ?? [:], path.dropFirst(), to: value)
        return result
    }
}
