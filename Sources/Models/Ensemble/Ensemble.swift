import Engine
import Networks
import NeuralFunctionals
import SIREN

/// A model that reads weights and a classifier that evaluates the network (a `ProbeClassifier`), with mixed logits:
/// share · probes + (1 − share) · weights.
///
/// Outputs other than classes are those of the first model.
package struct Ensemble: Model {
    package static let type = "Ensemble"

    private let weights: any Model
    private let probes: any Model
    /// The probes' share of the mixed logits.
    private let share: Float

    /// For the error where `probe_share` is missing: what to write.
    static let shareHint = "write the probes' share of the mixed logits, from 0 to 1, such as 0.5"

    /// Members of the node: `weights` and `probes`, a node each, and `probe_share`, from 0 to 1.
    /// - Throws: also where `probes` does not classify, or the two have different numbers of classes.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        try settings.demand("probe_share", Self.shareHint)
        share = Float(try settings.number("probe_share", in: 0...1, default: 0.5))
        weights = try assembly.model(settings.section("weights"))
        probes = try assembly.model(settings.section("probes"))
        guard let own = probes.shape(of: .classes)?.first else {
            throw ModelError("the probes of an Ensemble must classify")
        }
        if let others = weights.shape(of: .classes)?.first, own != others {
            throw ModelError(
                "an Ensemble's probes and weights: expected the same classes, received \(own) and \(others)")
        }
    }

    /// Classes also where only the probes classify; otherwise the outputs of `weights`.
    package var outputs: [OutputDescription] {
        let own = weights.outputs
        return weights.offers(.classes) ? own : probes.outputs.filter { $0.output == .classes } + own
    }

    package var needsOwnWidths: Bool { weights.needsOwnWidths || probes.needsOwnWidths }
    package var standardizes: Bool { weights.standardizes || probes.standardizes }

    package func fitStandardization(to networks: [NetworkWeights]) {
        weights.fitStandardization(to: networks)
        probes.fitStandardization(to: networks)
    }

    /// Records each part once. Classes have the mixed logits and those of each part; where `weights` does not classify,
    /// those of the probes alone.
    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        let others = outputs.filter { $0 != .classes || weights.offers(.classes) }
        var fromWeights = (others.isEmpty ? [] : try weights.record(others, in: pass)).makeIterator()
        var recorded: [RecordedOutput] = []
        for output in outputs {
            let own = output != .classes || weights.offers(.classes) ? fromWeights.next() : nil
            guard output == .classes else {
                if let own { recorded.append(own) }
                continue
            }
            guard case .classes(let probed) = try probes.record(.classes, in: pass) else {
                throw Self.notOffered(.classes)
            }
            if case .classes(let read) = own {
                recorded.append(.classes(mixed(read, probed, in: pass.builder)))
            } else {
                recorded.append(.classes(probed))
            }
        }
        return recorded
    }

    package var decodedLatents: [Int]? { weights.decodedLatents }

    package func recordPicture(
        ofLatents latents: Matrix, _ image: ImageShape, in builder: PlanBuilder
    ) throws(ModelError) -> RecordedOutput {
        try weights.recordPicture(ofLatents: latents, image, in: builder)
    }

    package var probeCoordinates: Matrix? { probes.probeCoordinates }

    package func recordClasses(
        ofValues values: Matrix, in builder: PlanBuilder
    ) throws(ModelError) -> RecordedClasses {
        var classes = try probes.recordClasses(ofValues: values, in: builder)
        if weights.offers(.classes) { classes.silent.append("weights") }
        return classes
    }

    private func mixed(
        _ read: RecordedClasses, _ probed: RecordedClasses, in builder: PlanBuilder
    ) -> RecordedClasses {
        let logits = builder.matrix(rows: probed.logits.rows, columns: probed.logits.columns)
        builder.copy(probed.logits, to: logits)
        builder.scale(logits, by: share)
        builder.add(read.logits, to: logits, factor: 1 - share)
        return RecordedClasses(logits: logits, parts: read.parts + probed.parts)
    }
}
