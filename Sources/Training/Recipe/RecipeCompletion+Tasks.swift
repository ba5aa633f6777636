import Datasets
import Engine
import Foundation
import Models

/// What a model learns: tasks, classes and the numbers to predict.
extension RecipeCompletion {
    /// Kinds that classify latent arrays.
    static let latentHeads: Set = [TransformerHead.type, LatentConvolutions.type]
    private static let classifiers = latentHeads.union([ProbeClassifier.type])
    static let regressors: Set = [
        InvariantNFN.type, InvariantNFT.type, Sequential.type, StatNet.type, AccuracyProbe.type,
    ]
    /// Regressors of one number.
    private static let single: Set = [StatNet.type, AccuracyProbe.type]

    /// Kinds that answer with weights.
    static let editors = [TransferNet.type, WeightEditor.type]

    var types: Set<String> { Set(parts.map(\.type)) }
    func weight(_ task: String) -> Double { number(["objective", task]) ?? 0 }

    /// Writes the weight of every task: where a recipe names none, the one that the model's parts and the data allow.
    mutating func fillTasks() {
        let isLabelled = corpus.labels.contains { $0 >= 0 }
        let model = ["model"]
        if number(["objective", "classification"]) == nil {
            let isFree = !types.isDisjoint(with: Self.regressors)
            let named = texts(["objective", "targets"]) != nil || weight("regression") > 0
            let prefers =
                !named && isLabelled && types.isDisjoint(with: Self.single)
                && (texts(model + ["labels"])?.isEmpty == false || corpus.description.targets.isEmpty)
            let classifies = !types.isDisjoint(with: Self.classifiers) || (isFree && prefers)
            set(["objective", "classification"], classifies && weight("regression") == 0 ? 1 : 0)
        }
        if number(["objective", "regression"]) == nil {
            let regresses = weight("classification") == 0 && !types.isDisjoint(with: Self.regressors)
            set(["objective", "regression"], regresses ? 1 : 0)
        }
        if number(["objective", "reconstruction"]) == nil {
            let isOnly = weight("classification") == 0 && weight("regression") == 0 && weight("editing") == 0
            set(["objective", "reconstruction"], isOnly && types.contains(Inr2Array.type) ? 1 : 0)
        }
        if number(["objective", "editing"]) == nil {
            set(["objective", "editing"], types.isDisjoint(with: Self.editors) ? 0 : 1)
        }
        if weight("editing") > 0 {
            if value(["objective", "edit"]) == nil { set(["objective", "edit"], PictureEdit.dilate.rawValue) }
            if types.isDisjoint(with: Self.editors) {
                conflicts.append(
                    "objective.editing: needs a model that answers with weights, a \(Self.editors.joined(separator: " or ")), as in the recipe edit; \(Self.option(["objective", "editing"], 0))"
                )
            }
        }
        if weight("classification") > 0 { fillClasses(isLabelled) }
        if weight("regression") > 0 { fillTargets() }
        if weight("reconstruction") > 0, corpus.description.family == .cnn {
            conflicts.append(
                "objective.reconstruction: CNNs draw no pictures; --set objective.reconstruction=0")
        }
    }

    private mutating func fillClasses(_ isLabelled: Bool) {
        guard isLabelled else {
            conflicts.append(
                "objective.classification: the data has no labels; give them to 'import' or 'fit' by --labels, or train without classes: --set objective.classification=0"
            )
            return
        }
        if corpus.labels.contains(where: { $0 < 0 }) {
            conflicts.append(
                "\(corpus.labels.count { $0 < 0 }) networks have no label; leave them out by --where 'label>=0'")
        }
        let highest = corpus.labels.max() ?? 0
        let names = corpus.description.classes ?? (0...highest).map(String.init)
        let path = ["model", "labels"]
        let own = texts(path)
        let agrees = own.map { corpus.description.classes == nil ? $0.count == names.count : $0 == names } ?? false
        fill(path, names, "the data has the classes", isEqual: agrees)
        for part in parts {
            switch part.type {
            case let type where Self.classifiers.contains(type):
                fillInteger(part.path + ["n_classes"], names.count, "the number of the data's classes is")
            case InvariantNFN.type, InvariantNFT.type:
                fillInteger(part.path + ["num_out"], names.count, "the number of the data's classes is")
            case Sequential.type: fillLastLinear(part, names.count, "the number of the data's classes is")
            default: break
            }
        }
    }

    private mutating func fillTargets() {
        let path = ["objective", "targets"]
        let standard = corpus.description.targets
        let names =
            texts(path) ?? (standard.isEmpty ? corpus.columns.map(\.name).filter { $0 == "test_accuracy" } : standard)
        guard !names.isEmpty else {
            let columns = corpus.columns.map(\.name)
            conflicts.append(
                columns.isEmpty
                    ? "objective.targets: the data has no columns of numbers to predict; give them to 'import' in its table"
                    : "objective.targets: the data does not say what to predict; choose of its columns: \(Self.option(path, [columns[0]])) (there are \(columns.joined(separator: ", ")))"
            )
            return
        }
        set(path, names)
        let unknown = names.filter { corpus.column($0) == nil }
        guard unknown.isEmpty else {
            conflicts.append(
                "objective.targets: the data has no column \(unknown.joined(separator: ", ")); it has \(corpus.columnNames)"
            )
            return
        }
        let values = names.map { corpus.column($0) ?? [] }
        for (name, own) in zip(names, values) where own.contains(where: { !$0.isFinite }) {
            let count = own.count { !$0.isFinite }
            conflicts.append(
                "column \(name): \(count) networks have no number; leave them out by --where '\(name)>-1e30'")
        }
        if texts(["model", "labels"])?.isEmpty == false {
            conflicts.append("model.labels: a model of regression has no classes; --set 'model.labels=[]'")
        }
        let isUnit = values.allSatisfy { $0.allSatisfy { !$0.isFinite || (0...1).contains($0) } }
        var isSigmoid = isUnit
        // Whether the last map can make the numbers of those that it learned, by `target_scales`.
        var endsInMap = true
        for part in parts where Self.regressors.contains(part.type) {
            if Self.single.contains(part.type) {
                if names.count > 1 {
                    conflicts.append(
                        "objective.targets: \(part.type) predicts one number; \(Self.option(path, [names[0]]))")
                }
            } else if part.type == Sequential.type {
                fillLastLinear(part, names.count, "the number of targets is")
                let last = layers(part).last
                isSigmoid = last?["type"] as? String == "Sigmoid"
                endsInMap = last?["type"] as? String == "Linear" && last?["bias"] as? Bool != false
                if isSigmoid, !isUnit {
                    conflicts.append(
                        "\(part.path.joined(separator: ".")).layers: targets are not all from 0 to 1; leave out the last layer, Sigmoid"
                    )
                }
                continue
            } else {
                fillInteger(part.path + ["num_out"], names.count, "the number of targets is")
            }
            if part.type == AccuracyProbe.type {
                if !isUnit {
                    conflicts.append(
                        "\(part.path.joined(separator: ".")): AccuracyProbe predicts numbers from 0 to 1, and those of \(names[0]) are not; use another recipe for CNNs, such as cnn-hnp"
                    )
                }
                continue
            }
            let sigmoid = part.path + ["sigmoid"]
            if let own = boolean(sigmoid) {
                isSigmoid = own
                if own, !isUnit {
                    conflicts.append(
                        "\(sigmoid.joined(separator: ".")): targets are not all from 0 to 1; \(Self.option(sigmoid, false))"
                    )
                }
            } else {
                set(sigmoid, isUnit)
            }
        }
        let loss = ["objective", "regression_loss"]
        if value(loss) == nil { set(loss, isSigmoid ? "bce" : "mse") }
        if value(loss) as? String == "bce", !isSigmoid {
            conflicts.append(
                "objective.regression_loss: 'bce' needs a model that ends in a sigmoid; \(Self.option(loss, "mse"))")
        }
        let scales = ["objective", "target_scales"]
        if !says(scales), !isSigmoid, endsInMap {
            set(scales, values.map { Self.meanAndDeviation($0) })
        }
    }

    /// The layers of a `Sequential`; empty where they are not an array of objects.
    private func layers(_ part: Part) -> [Object] { value(part.path + ["layers"]) as? [Object] ?? [] }

    /// The outputs of a `Sequential`: `out_features` of its last `Linear`.
    private mutating func fillLastLinear(_ part: Part, _ count: Int, _ what: String) {
        var layers = layers(part)
        let path = part.path + ["layers"]
        let place = path.joined(separator: ".")
        guard let last = layers.lastIndex(where: { $0["type"] as? String == "Linear" }) else {
            conflicts.append(
                "\(place): no layer makes \(count) outputs; \(what) \(count); end with {\"type\": \"Linear\"}")
            return
        }
        if let own = layers[last]["out_features"] as? NSNumber, own.intValue != count {
            conflicts.append(
                "\(place)[\(last)].out_features: \(what) \(count), the recipe says \(own.intValue); leave it out")
        }
        layers[last]["out_features"] = count
        set(path, layers)
    }

    private static func meanAndDeviation(_ values: [Float]) -> [Double] {
        let finite = values.filter(\.isFinite)
        let count = Double(max(1, finite.count))
        let mean = finite.reduce(0) { $0 + Double($1) } / count
        let variance = finite.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
        return [rounded(mean), variance > 0 ? rounded(variance.squareRoot()) : 1]
    }

    /// Four significant digits.
    static func rounded(_ value: Double) -> Double { Double(String(format: "%.4g", value)) ?? value }
}
