import Datasets
import Engine
import Foundation
import Models
import Networks
import SIREN
import Tensors

/// Fills in what a recipe leaves to the data, and compares what it says with the data.
///
/// Left out may be, of `model`: `name`, `version`, `labels`; of its `input` every member; of its parts the numbers of
/// classes, outputs, probes and latents; of the recipe: the tasks of `objective`, `targets`, `regression_loss`, and of
/// `optimization` `epochs`, `batch`, `microbatch` and `warm_up_steps`.
struct RecipeCompletion {
    typealias Object = [String: Any]

    /// A part of the model: the path of its object in the recipe and its kind.
    private struct Part {
        let path: [String]
        let type: String
    }

    private var recipe: Object
    private let corpus: Corpus
    private let group: Corpus.Group
    private let parts: [Part]
    /// What does not fit, each with its cure.
    private var conflicts: [String] = []

    /// The completed recipe.
    /// - Throws: one error with every conflict between the recipe and the data.
    static func complete(_ recipe: Object, for corpus: Corpus) throws(RecipeError) -> Object {
        guard let model = recipe["model"] as? Object else { throw RecipeError("member 'model' is missing") }
        guard let group = corpus.mainGroup else { throw RecipeError("the data has no networks") }
        var completion = RecipeCompletion(
            recipe: recipe, corpus: corpus, group: group, parts: parts(of: model, ["model"]))
        completion.fillTasks()
        completion.fillInput()
        completion.fillParts()
        let training = completion.fillSplit()
        completion.fillOptimization(sources: Set(training.map { corpus.sources[$0] }).count)
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

    private func value(_ path: [String]) -> Any? {
        var current: Any? = recipe
        for name in path { current = (current as? Object)?[name] }
        return current is NSNull ? nil : current
    }

    /// Whether the recipe has the member, null included.
    private func says(_ path: [String]) -> Bool {
        var current: Any? = recipe
        for name in path { current = (current as? Object)?[name] }
        return current != nil
    }

    private mutating func set(_ path: [String], _ value: Any) {
        func setting(_ object: Object, _ path: ArraySlice<String>) -> Object {
            guard let first = path.first else { return object }
            var result = object
            result[first] = path.count == 1 ? value : setting(object[first] as? Object ?? [:], path.dropFirst())
            return result
        }
        recipe = setting(recipe, path[...])
    }

    private func number(_ path: [String]) -> Double? { (value(path) as? NSNumber)?.doubleValue }
    private func integer(_ path: [String]) -> Int? {
        (value(path) as? NSNumber).flatMap { Int(exactly: $0.doubleValue) }
    }
    private func integers(_ path: [String]) -> [Int]? {
        (value(path) as? [Any])?.compactMap { ($0 as? NSNumber)?.intValue }
    }
    private func texts(_ path: [String]) -> [String]? { (value(path) as? [Any])?.compactMap { $0 as? String } }
    private func boolean(_ path: [String]) -> Bool? { (value(path) as? NSNumber)?.boolValue }

    private static func json(_ value: Any) -> String {
        let data = try? JSONSerialization.data(
            withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes])
        return data.map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
    }

    private static func option(_ path: [String], _ value: Any) -> String {
        let text = "\(path.joined(separator: "."))=\(json(value))"
        let isPlain = text.allSatisfy { $0.isLetter || $0.isNumber || "._-+=,".contains($0) }
        return isPlain ? "--set \(text)" : "--set '\(text)'"
    }

    /// Sets a member that is missing; a conflict where it is there with another value.
    /// - Parameter isEqual: whether the recipe's value is the data's.
    private mutating func fill(_ path: [String], _ data: Any, _ what: String, isEqual: Bool) {
        guard says(path), let own = value(path) else { return set(path, data) }
        if !isEqual {
            conflicts.append(
                "\(path.joined(separator: ".")): \(what) \(Self.json(data)), the recipe says \(Self.json(own)); \(Self.option(path, data))"
            )
        }
    }

    private mutating func fillInteger(_ path: [String], _ data: Int, _ what: String) {
        fill(path, data, what, isEqual: integer(path) == data)
    }

    // MARK: Tasks

    private static let classifiers: Set = [ProbeClassifier.type, TransformerHead.type]
    private static let regressors: Set = [InvariantNFN.type, InvariantNFT.type, StatNet.type]

    private var types: Set<String> { Set(parts.map(\.type)) }
    private func weight(_ task: String) -> Double { number(["objective", task]) ?? 0 }

    /// Writes the weight of every task: where a recipe names none, the one that the model's parts and the data allow.
    private mutating func fillTasks() {
        let isLabelled = corpus.labels.contains { $0 >= 0 }
        let model = ["model"]
        if number(["objective", "classification"]) == nil {
            let isFree = !types.isDisjoint(with: Self.regressors)
            let named = texts(["objective", "targets"]) != nil || weight("regression") > 0
            let prefers =
                !named && isLabelled && types.isDisjoint(with: [StatNet.type])
                && (texts(model + ["labels"])?.isEmpty == false || corpus.description.targets.isEmpty)
            let classifies = !types.isDisjoint(with: Self.classifiers) || (isFree && prefers)
            set(["objective", "classification"], classifies && weight("regression") == 0 ? 1 : 0)
        }
        if number(["objective", "regression"]) == nil {
            let regresses = weight("classification") == 0 && !types.isDisjoint(with: Self.regressors)
            set(["objective", "regression"], regresses ? 1 : 0)
        }
        if number(["objective", "reconstruction"]) == nil {
            let isOnly = weight("classification") == 0 && weight("regression") == 0
            set(["objective", "reconstruction"], isOnly && types.contains(Inr2Array.type) ? 1 : 0)
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
            case ProbeClassifier.type, TransformerHead.type:
                fillInteger(part.path + ["n_classes"], names.count, "the number of the data's classes is")
            case InvariantNFN.type, InvariantNFT.type:
                fillInteger(part.path + ["num_out"], names.count, "the number of the data's classes is")
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
        for part in parts where Self.regressors.contains(part.type) {
            if part.type == StatNet.type {
                if names.count > 1 {
                    conflicts.append(
                        "objective.targets: a StatNet predicts one number; \(Self.option(path, [names[0]]))")
                }
            } else {
                fillInteger(part.path + ["num_out"], names.count, "the number of targets is")
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
        if !says(scales), !isSigmoid {
            set(scales, values.map { Self.meanAndDeviation($0) })
        }
    }

    private static func meanAndDeviation(_ values: [Float]) -> [Double] {
        let finite = values.filter(\.isFinite)
        let count = Double(max(1, finite.count))
        let mean = finite.reduce(0) { $0 + Double($1) } / count
        let variance = finite.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
        return [rounded(mean), variance > 0 ? rounded(variance.squareRoot()) : 1]
    }

    /// Four significant digits.
    private static func rounded(_ value: Double) -> Double { Double(String(format: "%.4g", value)) ?? value }

    // MARK: Networks

    private var input: [String] { ["model", "input"] }

    private mutating func fillInput() {
        if value(["model", "name"]) == nil { set(["model", "name"], recipe["name"] as? String ?? "model") }
        if value(["model", "version"]) == nil { set(["model", "version"], "1") }
        let description = corpus.description
        let family = description.family == .cnn ? "cnn" : "siren"
        fill(
            input + ["family"], family, "the data has networks of the family",
            isEqual: value(input + ["family"]) as? String == family)
        fillShapes()
        if description.family == .inr {
            if let image = description.image {
                let extents = [image.height, image.width, image.channels]
                fill(
                    input + ["image"], extents, "the networks draw pictures of",
                    isEqual: integers(input + ["image"]) == extents)
            }
            fillNotation(description.notation)
        } else {
            fillActivation()
        }
        fillPictures()
    }

    private mutating func fillShapes() {
        let sizes = input + ["sizes"]
        let others = corpus.groups.map(\.spec)
        if let own = integers(sizes) {
            let fits = others.contains { $0.sizes == own }
            fill(sizes, group.spec.sizes, "the networks have the sizes", isEqual: fits)
        } else {
            set(sizes, group.spec.sizes)
        }
        if !group.spec.isFullyConnected {
            let filters = group.spec.layers.map { $0.kernel.isEmpty ? NSNull() : $0.kernel as Any }
            let path = input + ["filters"]
            fill(
                path, filters, "the networks have the filters",
                isEqual: Self.json(value(path) ?? 0) == Self.json(filters))
        } else if value(input + ["filters"]) != nil {
            conflicts.append(
                "model.input.filters: the networks have no convolutions; \(Self.option(input + ["filters"], NSNull()))")
        }
        let readsFunctionsOnly = types == [ProbeClassifier.type]
        for other in others where !other.isReadable(as: group.spec) {
            if readsFunctionsOnly, other.isFullyConnected, other.inputs == group.spec.inputs,
                other.outputs == group.spec.outputs
            {
                continue
            }
            conflicts.append(
                "the data has networks \(group.spec.description) and \(other.description); a model that reads weights is for one number of layers, inputs, outputs and kernels: train them apart"
            )
        }
        for part in parts where boolean(part.path + ["normalize"]) == true && Set(others).count > 1 {
            let path = part.path + ["normalize"]
            conflicts.append(
                "\(path.joined(separator: ".")): statistics of every entry need networks of one width, the data has \(Set(others.map(\.summary)).sorted().joined(separator: ", ")); \(Self.option(path, false))"
            )
        }
        if group.spec.depth == 1 {
            for part in parts where value(part.path + ["mode"]) as? String == "HNP" {
                conflicts.append(
                    "\(part.path.joined(separator: ".")).mode: HNP layers need at least two layers, the networks have one; \(Self.option(part.path + ["mode"], "NP"))"
                )
            }
        }
        if corpus.description.family == .cnn {
            for part in parts where [ProbeClassifier.type, Inr2Array.type].contains(part.type) {
                conflicts.append(
                    "\(part.path.joined(separator: ".")): \(part.type) reads INRs, the data has CNNs; use a recipe for CNNs, such as cnn-hnp"
                )
            }
        }
    }

    private mutating func fillNotation(_ notation: Notation) {
        let isSine = notation.activation == .sine
        let activation = input + ["activation"]
        if says(activation) || !isSine {
            fill(
                activation, notation.activation.rawValue, "the networks' activation is",
                isEqual: value(activation) as? String == notation.activation.rawValue)
        }
        // The data is converted to the recipe's convention and frequency, so these cannot disagree.
        if value(input + ["convention"]) == nil {
            set(input + ["convention"], notation.order == .columnsFirst ? "dws" : "nfn")
        }
        if value(input + ["omega0"]) == nil { set(input + ["omega0"], notation.omega0) }
        let canonical = input + ["canonicalize"]
        if value(canonical) == nil {
            set(canonical, isSine && types != [ProbeClassifier.type])
        } else if boolean(canonical) == true, !isSine {
            conflicts.append(
                "model.input.canonicalize: signs and half turns are symmetries of sines, the networks' activation is \(notation.activation.rawValue); \(Self.option(canonical, false))"
            )
        }
        if !isSine {
            for part in parts where part.type == ProbeClassifier.type {
                conflicts.append(
                    "\(part.path.joined(separator: ".")): probes evaluate sine networks in training, the networks' activation is \(notation.activation.rawValue); use a recipe that reads weights, such as nfn-hnp"
                )
            }
            if weight("reconstruction") > 0 {
                conflicts.append(
                    "objective.reconstruction: pictures are drawn of sine networks in training, the networks' activation is \(notation.activation.rawValue); \(Self.option(["objective", "reconstruction"], 0))"
                )
            }
        }
    }

    private mutating func fillActivation() {
        let counts = Dictionary(grouping: corpus.groups, by: \.activation).mapValues { $0.reduce(0) { $0 + $1.count } }
        let most = counts.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }?.key ?? .relu
        let path = input + ["activation"]
        if value(path) == nil { set(path, most.rawValue) }
        if value(input + ["canonical_scale"]) == nil { set(input + ["canonical_scale"], counts[.relu] != nil) }
        for name in ["convention", "omega0", "canonicalize"] where value(input + [name]) != nil {
            conflicts.append(
                "model.input.\(name): is for sine networks, the data has CNNs; \(Self.option(input + [name], NSNull()))"
            )
        }
    }

    /// Checks that the networks draw the pictures that parts of the model need, and that a grid of probes has its extents.
    private mutating func fillPictures() {
        let needs = parts.filter { $0.type == Inr2Array.type }
        guard corpus.description.family == .inr else { return }
        if let part = needs.first ?? (weight("reconstruction") > 0 ? parts.first : nil) {
            let place = part.path.joined(separator: ".")
            guard let image = integers(input + ["image"]), image.count == 3 else {
                conflicts.append(
                    "\(place): needs the extents of the pictures that the networks draw, which the data does not say; \(Self.option(input + ["image"], [28, 28, group.spec.outputs]))"
                )
                return
            }
            if group.spec.inputs != 2 {
                conflicts.append(
                    "\(place): draws pictures, for networks of 2 inputs; the networks have \(group.spec.inputs). Use a recipe that reads weights alone, such as nfn-hnp"
                )
            }
            if group.spec.outputs != image[2] {
                conflicts.append(
                    "model.input.image: the networks have \(group.spec.outputs) outputs, the picture \(image[2]) channels; \(Self.option(input + ["image"], [image[0], image[1], group.spec.outputs]))"
                )
            }
        }
        for part in parts where part.type == ProbeClassifier.type {
            let isFree = value(part.path + ["grid"]) == nil && value(part.path + ["n_probes"]) == nil
            guard isFree, value(part.path + ["head"]) as? String == "conv" else { continue }
            if let image = integers(input + ["image"]), image.count == 3 {
                set(part.path + ["grid"], [max(4, min(128, image[0])), max(4, min(128, image[1]))])
            } else {
                conflicts.append(
                    "\(part.path.joined(separator: ".")).grid: the data does not say the extents of its pictures; \(Self.option(part.path + ["grid"], [28, 28]))"
                )
            }
        }
    }

    /// Fills in what a classifier of latents must know of its encoder.
    private mutating func fillParts() {
        for part in parts where part.type == TransformerHead.type {
            guard let encoder = parts.first(where: { $0.type == Inr2Array.type }) else { continue }
            let pool = encoder.path + ["pool_cls"]
            if let width = integer(pool + ["latent_dim"]) {
                fillInteger(part.path + ["latent_dim"], width, "the encoder's latents have the width")
            }
            if let count = integer(pool + ["n_latent"]), value(part.path + ["positions"]) == nil {
                set(part.path + ["positions"], count)
            }
        }
    }

    // MARK: Training

    /// - Returns: the training networks.
    private mutating func fillSplit() -> [Int] {
        var rule = SplitRule()
        rule.validationPictures = integer(["validation_pictures"])
        rule.validationShare = number(["validation_share"]) ?? rule.validationShare
        rule.testShare = number(["test_share"]) ?? 0
        if rule.validationPictures == nil, value(["validation_share"]) == nil {
            set(["validation_share"], rule.validationShare)
        }
        if let source = SplitRule.doubleSource(in: corpus) {
            conflicts.append("source \(source) has networks in two splits; a source belongs to one")
        }
        let parts = rule.parts(of: corpus)
        if parts.validation.isEmpty {
            let sources = Set(parts.training.map { corpus.sources[$0] }).count
            conflicts.append(
                rule.validationPictures == nil
                    ? "validation_share: \(sources) sources are too few to hold any back; add networks"
                    : "validation_pictures: expected fewer than the \(sources) sources of the data, the recipe says \(rule.validationPictures ?? 0); \(Self.option(["validation_pictures"], max(1, sources / 10)))"
            )
        }
        return parts.training
    }

    private mutating func fillOptimization(sources: Int) {
        let section = ["optimization"]
        let batch = section + ["batch"]
        let microbatch = section + ["microbatch"]
        var fitting = 64
        // At least 16 steps in an epoch, where batches of 4 allow it.
        while fitting > 4, sources < 16 * fitting { fitting /= 2 }
        let isGiven = value(batch) != nil
        if !isGiven { set(batch, fitting) }
        let size = integer(batch) ?? fitting
        if size > sources {
            conflicts.append(
                "optimization.batch: \(size) networks are more than the \(sources) training sources; \(Self.option(batch, fitting))"
            )
        }
        if let own = integer(microbatch), own > 0, size % own != 0 {
            let divisor = (1...own).last { size % $0 == 0 } ?? 1
            if isGiven {
                conflicts.append(
                    "optimization.microbatch: \(own) does not divide optimization.batch \(size); \(Self.option(microbatch, divisor))"
                )
            } else {
                set(microbatch, divisor)
            }
        }
        if value(microbatch) == nil { set(microbatch, (1...4).last { size % $0 == 0 } ?? 1) }
        let perEpoch = max(1, sources / max(1, size))
        if value(section + ["epochs"]) == nil {
            set(section + ["epochs"], max(20, (1500 + perEpoch - 1) / perEpoch))
        }
        let planned = Int(((number(section + ["epochs"]) ?? 1) * Double(perEpoch)).rounded())
        let steps = max(1, planned, integer(section + ["least_steps"]) ?? 0)
        if value(section + ["warm_up_steps"]) == nil { set(section + ["warm_up_steps"], min(200, steps / 10)) }
    }

    /// The factors 1 / deviation of each array over training networks in the form in which the model reads them.
    private mutating func fillScales(_ training: [Int]) {
        let path = input + ["array_scales"]
        let depth = group.spec.depth
        if says(path) {
            if let own = value(path) as? [Any], own.count != 2 * depth {
                conflicts.append(
                    "model.input.array_scales: expected \(2 * depth) numbers for networks of \(depth) layers, the recipe has \(own.count); leave it out, or \(Self.option(path, NSNull())) for none"
                )
            }
            return
        }
        guard types != [ProbeClassifier.type] else { return set(path, NSNull()) }
        let transform =
            corpus.description.family == .cnn
            ? InputTransform(hasCanonicalScale: boolean(input + ["canonical_scale"]) ?? false)
            : InputTransform(
                convention: value(input + ["convention"]) as? String == "dws" ? .dws : .nfn,
                omega0: number(input + ["omega0"]) ?? 30, isCanonical: boolean(input + ["canonicalize"]) ?? false)
        var sums = [(count: Double, sum: Double, squares: Double)](repeating: (0, 0, 0), count: 2 * depth)
        let stride = max(1, training.count / 2048)
        for place in Swift.stride(from: 0, to: training.count, by: stride) {
            let index = training[place]
            let network = transform.canonical(corpus[index], activation: corpus.activation(of: index))
            for (index, layer) in network.layers.prefix(depth).enumerated() {
                for (array, values) in [(2 * index, layer.weight.values), (2 * index + 1, layer.bias.values)] {
                    for value in values where value.isFinite {
                        sums[array].count += 1
                        sums[array].sum += Double(value)
                        sums[array].squares += Double(value) * Double(value)
                    }
                }
            }
        }
        let scales = sums.map { count, sum, squares -> Double in
            guard count > 0 else { return 1 }
            let mean = sum / count
            let deviation = max(0, squares / count - mean * mean).squareRoot()
            let size = deviation > 0 ? deviation : (squares / count).squareRoot()
            return size > 1e-12 ? Self.rounded(1 / size) : 1
        }
        set(path, scales)
    }

    private mutating func checkAugmentation() {
        func isOn(_ name: String) -> Bool {
            boolean(["augmentation", name]) == true || (number(["augmentation", name]) ?? 0) > 0
        }
        let activation = corpus.description.family == .cnn ? "CNNs" : corpus.description.notation.activation.rawValue
        if corpus.description.notation.activation != .sine || corpus.description.family == .cnn {
            for name in ["sign_flips", "half_turns"] where isOn(name) {
                conflicts.append(
                    "augmentation.\(name): is a symmetry of sine networks, the data has \(activation); \(Self.option(["augmentation", name], false))"
                )
            }
        }
        let isPicture = corpus.description.family == .inr && group.spec.inputs == 2
        for name in ["mirrors", "shift", "rotation", "zoom"] where isOn(name) && !isPicture {
            let none: Any = name == "mirrors" ? false : 0
            conflicts.append(
                "augmentation.\(name): moves pictures, for INRs of 2 inputs; \(Self.option(["augmentation", name], none))"
            )
        }
    }
}
