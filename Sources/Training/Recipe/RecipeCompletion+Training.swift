import Datasets
import Engine
import Foundation
import Models
import Networks
import SIREN
import Tensors

/// How a model learns: split, steps, factors of arrays and augmentation.
extension RecipeCompletion {

    /// - Returns: the training networks.
    mutating func fillSplit() -> [Int] {
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

    mutating func fillOptimization(sources: Int, isBatchChosen: Bool) {
        let section = ["optimization"]
        let batch = section + ["batch"]
        let microbatch = section + ["microbatch"]
        var fitting = 64
        // At least 16 steps in an epoch, where batches of 4 allow it.
        while fitting > 4, sources < 16 * fitting { fitting /= 2 }
        if !isBatchChosen, let own = integer(batch), own > max(fitting, sources / 4) { set(batch, fitting) }
        let isGiven = isBatchChosen && value(batch) != nil
        if value(batch) == nil { set(batch, fitting) }
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
        // Where networks have several shapes, an epoch repeats networks to fill the last micro-batch of each shape.
        let most = corpus.groups.count > 1 ? 4 : 8
        if value(microbatch) == nil { set(microbatch, (1...most).last { size % $0 == 0 } ?? 1) }
        let perEpoch = max(1, sources / max(1, size))
        if value(section + ["epochs"]) == nil {
            set(section + ["epochs"], max(20, (1500 + perEpoch - 1) / perEpoch))
        }
        let planned = Int(((number(section + ["epochs"]) ?? 1) * Double(perEpoch)).rounded())
        let steps = max(1, planned, integer(section + ["least_steps"]) ?? 0)
        if value(section + ["warm_up_steps"]) == nil { set(section + ["warm_up_steps"], min(200, steps / 10)) }
    }

    /// The factors 1 / deviation of each array over training networks in the form in which the model reads them.
    mutating func fillScales(_ training: [Int]) {
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

    mutating func checkAugmentation() {
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
