import Datasets
import Engine
import Foundation
import Models
import Networks
import SIREN

/// Which networks a model reads: shapes, notation and pictures.
extension RecipeCompletion {
    var input: [String] { ["model", "input"] }

    mutating func fillInput() {
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
            for part in parts where ([ProbeClassifier.type, Inr2Array.type] + Self.editors).contains(part.type) {
                conflicts.append(
                    "\(part.path.joined(separator: ".")): \(part.type) reads INRs, the data has CNNs; use a recipe for CNNs, such as cnn-hnp"
                )
            }
        } else {
            for part in parts where part.type == AccuracyProbe.type {
                conflicts.append(
                    "\(part.path.joined(separator: ".")): \(part.type) runs CNNs on pictures, the data has INRs; use a recipe for INRs, such as probe"
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
            let starts = ["places", "propagation"]
            for part in parts where starts.contains(value(part.path + ["lift_start"]) as? String ?? "") {
                let cells = part.path + ["pool_cls", "start_cells"]
                let further = value(cells) is NSNumber ? " \(Self.option(cells, NSNull()))" : ""
                conflicts.append(
                    "\((part.path + ["lift_start"]).joined(separator: ".")): values at places are those of sine networks, the networks' activation is \(notation.activation.rawValue); \(Self.option(part.path + ["lift_start"], "random")) \(Self.option(part.path + ["enc_scale"], 0.5))\(further)"
                )
            }
            if weight("editing") > 0 {
                conflicts.append(
                    "objective.editing: pictures are drawn of sine networks in training, the networks' activation is \(notation.activation.rawValue)"
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
        if value(input + ["canonical_scale"]) == nil {
            // What runs the networks depends on their function alone.
            set(input + ["canonical_scale"], counts[.relu] != nil && types != [AccuracyProbe.type])
        }
        for name in ["convention", "omega0", "canonicalize"] where value(input + [name]) != nil {
            conflicts.append(
                "model.input.\(name): is for sine networks, the data has CNNs; \(Self.option(input + [name], NSNull()))"
            )
        }
    }

    /// Checks that the networks draw the pictures that parts of the model need, and that a grid of probes has its extents.
    private mutating func fillPictures() {
        let needs = parts.filter { ([Inr2Array.type] + Self.editors).contains($0.type) }
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
                // At least 8, which the three stages of the recipes halve to 1.
                set(part.path + ["grid"], [max(8, min(128, image[0])), max(8, min(128, image[1]))])
            } else {
                conflicts.append(
                    "\(part.path.joined(separator: ".")).grid: the data does not say the extents of its pictures; \(Self.option(part.path + ["grid"], [28, 28]))"
                )
            }
        }
    }

    /// Fills in what a classifier of latents must know of its encoder.
    mutating func fillParts() {
        for part in parts where Self.latentHeads.contains(part.type) {
            guard let encoder = parts.first(where: { $0.type == Inr2Array.type }) else { continue }
            let pool = encoder.path + ["pool_cls"]
            if let width = integer(pool + ["latent_dim"]) {
                fillInteger(part.path + ["latent_dim"], width, "the encoder's latents have the width")
            }
            guard part.type == TransformerHead.type else { continue }
            if let count = integer(pool + ["n_latent"]), value(part.path + ["positions"]) == nil {
                set(part.path + ["positions"], count)
            }
        }
    }
}
