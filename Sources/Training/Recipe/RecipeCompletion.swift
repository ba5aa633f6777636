import Datasets
import Foundation
import Models

/// Fills in what a recipe leaves to the data, and compares what it says with the data.
///
/// Left out may be, of `model`: `name`, `version`, `labels`; of its `input` every member; of its parts the numbers of
/// classes, outputs, probes and latents; of the recipe: the tasks of `objective`, `targets`, `regression_loss`, and of
/// `optimization` `epochs`, `batch`, `microbatch` and `warm_up_steps`.
struct RecipeCompletion {
    typealias Object = [String: Any]

    /// A part of the model: the path of its object in the recipe and its kind.
    struct Part {
        let path: [String]
        let type: String
    }

    var recipe: Object
    let corpus: Corpus
    let group: Corpus.Group
    let parts: [Part]
    /// What does not fit, each with its cure.
    var conflicts: [String] = []

    /// The completed recipe.
    /// - Parameter isBatchChosen: whether the batch is as the user wants it; otherwise a batch of more than a quarter of the
    ///   training sources is lowered.
    /// - Throws: one error with every conflict between the recipe and the data.
    static func complete(
        _ recipe: Object, for corpus: Corpus, isBatchChosen: Bool = true
    ) throws(RecipeError) -> Object {
        guard let model = recipe["model"] as? Object else { throw RecipeError("member 'model' is missing") }
        guard let group = corpus.mainGroup else { throw RecipeError("the data has no networks") }
        var completion = RecipeCompletion(
            recipe: recipe, corpus: corpus, group: group, parts: parts(of: model, ["model"]))
        completion.fillTasks()
        completion.fillInput()
        completion.fillParts()
        let training = completion.fillSplit()
        completion.fillOptimization(
            sources: Set(training.map { corpus.sources[$0] }).count, isBatchChosen: isBatchChosen)
        completion.fillScales(training)
        completion.checkAugmentation()
        if !completion.conflicts.isEmpty {
            let list = completion.conflicts.map { "\n  - \($0)" }.joined()
            throw RecipeError("the recipe does not fit the data:\(list)")
        }
        return completion.recipe
    }

    private init(recipe: Object, corpus: Corpus, group: Corpus.Group, parts: [Part]) {
        self.recipe = recipe
        self.corpus = corpus
        self.group = group
        self.parts = parts
    }

    private static func parts(of object: Object, _ path: [String]) -> [Part] {
        object.sorted { $0.key < $1.key }.flatMap { key, value -> [Part] in
            guard let section = value as? Object else { return [] }
            let own = path + [key]
            // In the older form of config.json the sections of a model have its kind as 'model'.
            let type = section["type"] as? String ?? (path.count == 1 ? section["model"] as? String : nil)
            return (type.map { [Part(path: own, type: $0)] } ?? []) + parts(of: section, own)
        }
    }

    // MARK: Members

    func value(_ path: [String]) -> Any? {
        var current: Any? = recipe
        for name in path { current = (current as? Object)?[name] }
        return current is NSNull ? nil : current
    }

    /// Whether the recipe has the member, null included.
    func says(_ path: [String]) -> Bool {
        var current: Any? = recipe
        for name in path { current = (current as? Object)?[name] }
        return current != nil
    }

    mutating func set(_ path: [String], _ value: Any) {
        func setting(_ object: Object, _ path: ArraySlice<String>) -> Object {
            guard let first = path.first else { return object }
            var result = object
            result[first] = path.count == 1 ? value : setting(object[first] as? Object ?? [:], path.dropFirst())
            return result
        }
        recipe = setting(recipe, path[...])
    }

    func number(_ path: [String]) -> Double? { (value(path) as? NSNumber)?.doubleValue }
    func integer(_ path: [String]) -> Int? {
        (value(path) as? NSNumber).flatMap { Int(exactly: $0.doubleValue) }
    }
    func integers(_ path: [String]) -> [Int]? {
        (value(path) as? [Any])?.compactMap { ($0 as? NSNumber)?.intValue }
    }
    func texts(_ path: [String]) -> [String]? { (value(path) as? [Any])?.compactMap { $0 as? String } }
    func boolean(_ path: [String]) -> Bool? { (value(path) as? NSNumber)?.boolValue }

    static func json(_ value: Any) -> String {
        let data = try? JSONSerialization.data(
            withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes])
        return data.map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
    }

    static func option(_ path: [String], _ value: Any) -> String {
        let text = "\(path.joined(separator: "."))=\(json(value))"
        let isPlain = text.allSatisfy { $0.isLetter || $0.isNumber || "._-+=,".contains($0) }
        return isPlain ? "--set \(text)" : "--set '\(text)'"
    }

    /// Sets a member that is missing; a conflict where it is there with another value.
    /// - Parameter isEqual: whether the recipe's value is the data's.
    mutating func fill(_ path: [String], _ data: Any, _ what: String, isEqual: Bool) {
        guard says(path), let own = value(path) else { return set(path, data) }
        if !isEqual {
            conflicts.append(
                "\(path.joined(separator: ".")): \(what) \(Self.json(data)), the recipe says \(Self.json(own)); \(Self.option(path, data))"
            )
        }
    }

    mutating func fillInteger(_ path: [String], _ data: Int, _ what: String) {
        fill(path, data, what, isEqual: integer(path) == data)
    }
}
