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

    /// `convention`: the SIREN convention that the network was read in, and why.
    package mutating func convention(_ detection: ConventionDetection) {
        name("convention")
        beginObject()
        member("name", detection.convention.rawValue)
        member("confident", detection.isConfident)
        member("reason", detection.reason)
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
        guard let agrees = classes.agrees else { return }
        member("agreement", agrees)
        name("opinions")
        beginObject()
        for opinion in classes.opinions {
            guard let best = opinion.scores.ranking.first else { continue }
            name(opinion.name)
            beginObject()
            score(best, labels)
            endObject()
        }
        endObject()
    }

    private mutating func score(_ score: ClassScore, _ labels: [String]) {
        member("class_id", score.classID)
        member("label", labels[score.classID])
        member("score", score.score)
    }
}
