import ModelStore
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

    /// The best class and, as `top_k`, the best few.
    package mutating func ranking(_ logits: [Float], of model: ServedModel, topK: Int) {
        let ranking = model.ranking(logits)
        if let best = ranking.first { score(best, of: model) }
        name("top_k")
        array(ranking.prefix(topK)) { writer, score in
            writer.beginObject()
            writer.score(score, of: model)
            writer.endObject()
        }
    }

    private mutating func score(_ score: ClassScore, of model: ServedModel) {
        member("class_id", score.classID)
        member("label", model.labels[score.classID])
        member("score", score.score)
    }
}
