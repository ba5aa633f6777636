import ModelStore
import Networks
import WeightFormats

/// The members that answers over HTTP and on the command line have in common.
extension JSONWriter {
    /// `error`: why a network has no answer.
    package mutating func error(_ fault: ServiceFault) {
        name("error")
        beginObject()
        member("code", fault.code)
        member("detail", fault.detail)
        endObject()
    }

    /// `convention`: how a network was understood, and why.
    package mutating func convention(_ detection: ConventionDetection) {
        name("convention")
        beginObject()
        member("name", detection.convention.rawValue)
        member("confident", detection.isConfident)
        member("reason", detection.reason)
        endObject()
    }

    /// Which model it is: the members that tell it from every other.
    package mutating func identity(of model: ServedModel) { identity(ModelIdentity(model)) }

    mutating func identity(_ identity: ModelIdentity) {
        member("name", identity.model)
        member("version", identity.version)
        member("sha256", identity.sha256)
    }

    /// The best class and, as `top_k`, the best few; where the model has two parts, also whether they agree and what each
    /// says.
    /// - Parameter values: as `run(.classify, …)` returns them.
    package mutating func classification(_ values: [Float], of model: ServedModel, topK: Int) {
        let answer = model.classification(values)
        let ranking = model.ranking(answer.logits)
        if let best = ranking.first { score(best, of: model) }
        name("top_k")
        array(ranking.prefix(topK)) { writer, score in
            writer.beginObject()
            writer.score(score, of: model)
            writer.endObject()
        }
        guard let opinions = answer.opinions, let agrees = answer.agrees else { return }
        member("agreement", agrees)
        name("opinions")
        beginObject()
        for (part, logits) in [("weights", opinions.weights), ("probes", opinions.probes)] {
            guard let best = model.ranking(logits).first else { continue }
            name(part)
            beginObject()
            score(best, of: model)
            endObject()
        }
        endObject()
    }

    private mutating func score(_ score: ClassScore, of model: ServedModel) {
        member("class_id", score.classID)
        member("label", model.labels[score.classID])
        member("score", score.score)
    }
}
