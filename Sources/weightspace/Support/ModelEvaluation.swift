import Foundation
import ModelStore
import Models
import Training
import WeightFormats

/// The figures of `evaluate`, as text or JSON.
struct ModelEvaluation {
    let model: String
    let version: String
    let count: Int
    /// The computing time of a classification, in milliseconds, on `threads` threads.
    var millisecondsPerNetwork: Double?
    var threads = 1
    /// Floating-point operations of the matrix products for one network; a multiply-add is two.
    var flops = 0
    /// The mean squared error of reconstructed pixels, values in [−1, 1]; nil for models without reconstruction.
    var reconstructionError: Double?
    /// The edit that the model was trained for, and the mean squared error of the pictures that edited networks draw
    /// against the edited pictures; nil for models that edit nothing.
    var editing: (name: String, error: Double, unchanged: Double)?
    /// The figures of predicted numbers; nil for models that predict none.
    var regression: RegressionEvaluation?
    private var report: ClassificationReport?
    private var parts: [(name: String, accuracy: Double)] = []
    private var confidence: Double?
    private var agreement: Agreement?

    /// The share of networks on which weights and probes predict the same class, and the accuracy on these and on the
    /// others (nil without labels).
    private struct Agreement {
        let share: Double
        let accuracies: (agreeing: Double, others: Double)?
    }

    init(model: String, version: String, count: Int) {
        self.model = model
        self.version = version
        self.count = count
    }

    /// Computes the figures of classification.
    /// - Parameters:
    ///   - labels: the class of each network, from 0; nil where the networks have none.
    ///   - temperature: that of the model.
    mutating func classify(_ answers: [Classification], labels: [Int]?, temperature: Double) {
        let logits = answers.map(\.scores.logits)
        confidence = ClassificationReport.meanConfidence(logits: logits, temperature: temperature)
        report = labels.map { ClassificationReport(logits: logits, labels: $0, temperature: temperature) }
        guard let names = answers.first?.opinions.map(\.name), !names.isEmpty else { return }
        if let labels {
            parts = names.enumerated().map { index, name in
                let logits = answers.map { $0.opinions[index].scores?.logits ?? [] }
                return (name, ClassificationReport(logits: logits, labels: labels, temperature: 1).accuracy)
            }
        }
        func accuracy(agreeing: Bool) -> Double? {
            labels.map { labels in
                let own = zip(answers, labels).filter { $0.0.agrees == agreeing }
                return Double(own.count { $0.0.scores.best == $0.1 }) / Double(max(1, own.count))
            }
        }
        let share = Double(answers.count { $0.agrees == true }) / Double(max(1, answers.count))
        agreement = Agreement(
            share: share,
            accuracies: accuracy(agreeing: true).flatMap { right in accuracy(agreeing: false).map { (right, $0) } })
    }

    /// The figures for `card` in a model's `config.json`.
    var figures: [String: Any] {
        func rounded(_ value: Double) -> Double { (value * 1e4).rounded() / 1e4 }
        var figures: [String: Any] = ["test_networks": count]
        if let report {
            figures["test_accuracy"] = rounded(report.accuracy)
            figures["test_calibration_error"] = rounded(report.calibrationError)
        }
        for part in parts { figures["test_accuracy_\(part.name)"] = rounded(part.accuracy) }
        if let reconstructionError { figures["test_reconstruction_mse"] = rounded(reconstructionError) }
        if let editing { figures["test_edit_mse"] = rounded(editing.error) }
        return figures.merging(regression?.figures ?? [:]) { $1 }
    }

    func text(labels: [String]) -> String {
        var lines = ["\(model) \(version) on \(count) networks"]
        if let report {
            let interval = report.interval
            lines.append(
                "accuracy \(percent(report.accuracy)) (95 % interval \(percent(interval.lowerBound)) to \(percent(interval.upperBound)))"
            )
            for part in parts { lines.append("  \(part.name) alone: \(percent(part.accuracy))") }
            lines.append(
                "calibration error \(percent(report.calibrationError)), negative log-likelihood \(String(format: "%.4f", report.negativeLogLikelihood))"
            )
            lines.append(report.table(labels: labels))
        }
        if let regression { lines.append(regression.text) }
        if let confidence { lines.append("mean probability of the predicted class \(percent(confidence))") }
        if let agreement {
            var line = "weights and probes agree on \(percent(agreement.share))"
            if let (agreeing, others) = agreement.accuracies {
                line += " of networks; accuracy \(percent(agreeing)) where they agree, \(percent(others)) elsewhere"
            }
            lines.append(line)
        }
        if let reconstructionError {
            let psnr = 10 * log10(4 / max(reconstructionError, 1e-30))
            lines.append(
                "reconstruction: mean squared error \(String(format: "%.5f", reconstructionError)) in [-1, 1], \(String(format: "%.2f", psnr)) dB"
            )
        }
        if let editing {
            lines.append(
                "\(editing.name): mean squared error \(String(format: "%.5f", editing.error)) in [-1, 1]; \(String(format: "%.5f", editing.unchanged)) of networks left as they are"
            )
        }
        if let millisecondsPerNetwork {
            lines.append(
                "\(String(format: "%.2f", Double(flops) / 1e6)) MFLOP and \(String(format: "%.3f", millisecondsPerNetwork)) ms a network on \(threads) threads"
            )
        }
        return lines.joined(separator: "\n")
    }

    var json: String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("model", model)
        writer.member("version", version)
        writer.member("networks", count)
        if let report {
            writer.member("accuracy", Float(report.accuracy))
            writer.name("interval")
            writer.array([report.interval.lowerBound, report.interval.upperBound]) { $0.value(Float($1)) }
            for part in parts { writer.member("accuracy_\(part.name)", Float(part.accuracy)) }
            writer.member("calibration_error", Float(report.calibrationError))
            writer.member("negative_log_likelihood", Float(report.negativeLogLikelihood))
            writer.name("confusion")
            writer.array(report.confusion) { writer, row in writer.array(row) { $0.value($1) } }
        }
        regression?.write(to: &writer)
        if let confidence { writer.member("mean_probability", Float(confidence)) }
        if let agreement {
            writer.member("agreement", Float(agreement.share))
            if let (agreeing, others) = agreement.accuracies {
                writer.member("accuracy_agreeing", Float(agreeing))
                writer.member("accuracy_disagreeing", Float(others))
            }
        }
        if let reconstructionError { writer.member("reconstruction_mse", Float(reconstructionError)) }
        if let editing {
            writer.member("edit", editing.name)
            writer.member("edit_mse", Float(editing.error))
            writer.member("unchanged_mse", Float(editing.unchanged))
        }
        if let millisecondsPerNetwork {
            writer.member("ms_per_network", Float(millisecondsPerNetwork))
            writer.member("threads", threads)
            writer.member("operations", flops)
        }
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
