import Engine
import ModelStore
import Models
import Networks
import SIREN
import WeightFormats

/// Members that responses over HTTP and the command line's JSON have in common.
extension JSONWriter {
    /// `error`: why a network has no answer.
    package mutating func error(code: String, detail: String) {
        name("error")
        beginObject()
        member("code", code)
        member("detail", detail)
        endObject()
    }

    /// `drift`: the largest change of the answer for each kind of equivalent weights, null where one of them has no answer;
    /// how many of each were answered, and the seed that gives the same again.
    package mutating func drift(_ drift: Drift) {
        name("drift")
        beginObject()
        for change in drift.changes {
            name(change.kind.rawValue)
            if let largest = change.largest { value(largest) } else { null() }
        }
        member("trials", drift.trials)
        member("seed", Int(drift.seed))
        endObject()
    }

    /// How a network was read: `convention`, `notation`, `warnings`, and `weights_unread` where only its function was read.
    package mutating func reading(_ network: PreparedNetwork) {
        if let reason = network.unreadWeights { member("weights_unread", reason) }
        if let reading = network.reading { self.reading(reading) }
        if let reading = network.convolutional { self.reading(reading) }
    }

    /// `reading`: activation and layout of a CNN with their reasons, and what was folded into its layers; `warnings`,
    /// where there are any.
    private mutating func reading(_ reading: ConvolutionalReading) {
        name("reading")
        beginObject()
        member("activation", reading.activation.rawValue)
        if let layout = reading.layout { member("layout", layout.rawValue) }
        member("confident", reading.isConfident)
        name("reasons")
        beginObject()
        for (part, reason) in reading.reasons { member(part, reason) }
        endObject()
        if !reading.folded.isEmpty {
            name("folded")
            array(reading.folded) { writer, text in writer.value(text) }
        }
        endObject()
        guard !reading.warnings.isEmpty else { return }
        name("warnings")
        array(reading.warnings) { writer, warning in writer.value(warning) }
    }

    /// `convention`: the name of the notation that the network was read in, and why in one sentence; `notation`: every
    /// part with its reason; `warnings`, where there are any.
    package mutating func reading(_ reading: NotationReading) {
        name("convention")
        beginObject()
        member("name", reading.name)
        member("confident", reading.isConfident)
        member("reason", reading.summary)
        endObject()
        notation(reading)
        guard !reading.warnings.isEmpty else { return }
        name("warnings")
        array(reading.warnings) { writer, warning in writer.value(warning) }
    }

    private mutating func notation(_ reading: NotationReading) {
        let notation = reading.notation
        name("notation")
        beginObject()
        member("activation", notation.activation.rawValue)
        member("omega0", notation.omega0)
        member("hidden_omega0", notation.hiddenOmega0)
        member("order", notation.order.rawValue)
        member("coordinates", notation.coordinates.text)
        member("values", notation.values.text)
        if let features = reading.features {
            name("fourier_features")
            beginObject()
            member("frequencies", features.frequencies)
            member("scale", features.scale)
            member("first", features.startsWithSines ? "sine" : "cosine")
            endObject()
        }
        name("reasons")
        beginObject()
        for part in NotationPart.allCases { if let reason = reading.reasons[part] { member(part.rawValue, reason) } }
        endObject()
        if !reading.undetermined.isEmpty {
            name("undetermined")
            array(reading.undetermined) { writer, part in writer.value(part.rawValue) }
        }
        endObject()
    }

    /// `name`, `version` and `sha256` of a model.
    package mutating func identity(of model: ServedModel) { identity(ModelIdentity(model)) }

    mutating func identity(_ identity: ModelIdentity) {
        member("name", identity.model)
        member("version", identity.version)
        member("sha256", identity.sha256)
    }

    /// The best class and, as `top_k`, the best few; for a model of several parts also whether they agree on the best
    /// class, and the best class of each.
    package mutating func classification(_ classes: Classification, labels: [String], topK: Int) {
        let ranking = classes.scores.ranking
        if let best = ranking.first { score(best, labels) }
        name("top_k")
        array(ranking.prefix(topK)) { writer, score in
            writer.beginObject()
            writer.score(score, labels)
            writer.endObject()
        }
        guard !classes.opinions.isEmpty else { return }
        if let agrees = classes.agrees { member("agreement", agrees) }
        name("opinions")
        beginObject()
        for opinion in classes.opinions {
            name(opinion.name)
            guard let best = opinion.scores?.ranking.first else {
                null()
                continue
            }
            beginObject()
            score(best, labels)
            endObject()
        }
        endObject()
    }

    /// `predictions`: each number under the name of what it predicts; a single accuracy is also `accuracy`.
    package mutating func scalars(_ values: [Float], named names: [String]) {
        if values.count == 1, names.first?.hasSuffix("accuracy") != false { member("accuracy", values[0]) }
        name("predictions")
        beginObject()
        for (name, value) in zip(names, values) { member(name, value) }
        endObject()
    }

    private mutating func score(_ score: ClassScore, _ labels: [String]) {
        member("class_id", score.classID)
        member("label", labels[score.classID])
        member("score", score.score)
    }
}
