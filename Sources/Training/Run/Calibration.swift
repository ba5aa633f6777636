import Foundation
import ModelStore

/// The numbers that turn a model's logits into an answer with a probability, chosen on validation pictures.
struct Calibration {
    let probeShare: Double
    let temperature: Double
    let report: ClassificationReport

    /// nil where nothing was classified.
    init?(_ evaluation: Evaluation) {
        guard let last = evaluation.logits.last, !last.isEmpty else { return nil }
        let labels = evaluation.labels
        guard evaluation.logits.count == 2 else {
            probeShare = 0.5
            temperature = ClassificationReport.bestTemperature(logits: last, labels: labels)
            report = ClassificationReport(logits: last, labels: labels, temperature: temperature)
            return
        }
        let (weights, probes) = (evaluation.logits[0], evaluation.logits[1])
        let mixtures = stride(from: 0.0, through: 1.0, by: 0.05).map { share in
            let logits = zip(weights, probes).map { zip($0, $1).map { Float(1 - share) * $0 + Float(share) * $1 } }
            let temperature = ClassificationReport.bestTemperature(logits: logits, labels: labels)
            return (
                share: share, temperature: temperature,
                report: ClassificationReport(logits: logits, labels: labels, temperature: temperature)
            )
        }
        // The likeliest mixture: accuracy alone would follow the noise of a few pictures.
        guard let best = mixtures.min(by: { $0.report.negativeLogLikelihood < $1.report.negativeLogLikelihood }) else {
            return nil
        }
        (probeShare, temperature, report) = (best.share, best.temperature, best.report)
    }
}

extension TrainingRecipe {
    /// The recipe's model as the `config.json` of a model folder.
    func manifestJSON(card: [String: Any], calibration: Calibration?) throws -> Data {
        let document = try JSONSerialization.jsonObject(with: json) as? [String: Any]
        var model = document?["model"] as? [String: Any] ?? [:]
        model["card"] = (model["card"] as? [String: Any] ?? [:]).merging(card) { $1 }
        if let calibration {
            model["temperature"] = calibration.temperature
            if manifest.probe != nil, manifest.classifier != nil || manifest.network != nil {
                model["probe_share"] = calibration.probeShare
            }
        }
        if var encoder = model["encoder"] as? [String: Any] {
            encoder["decoder_trained"] = objective.reconstruction > 0
            model["encoder"] = encoder
        }
        return try JSONSerialization.data(
            withJSONObject: model, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    }
}
