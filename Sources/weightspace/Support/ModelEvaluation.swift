import Foundation
import ModelStore
import Training
import WeightFormats

/// What `evaluate` measured, as text or JSON.
struct ModelEvaluation {
    let model: String
    let version: String
    let count: Int
    var millisecondsPerNetwork: Double?
    var threads = 1
    var reconstructionError: Double?
    private var report: ClassificationReport?
    private var parts: [(name: String, accuracy: Double)] = []
    /// Of the networks on whose class the parts agree, and of the others: how many, and how often the answer is right.
    private var agreement: (share: Double, accuracy: Double, otherwise: Double)?

    init(model: String, version: String, count: Int) {
        self.model = model
        self.version = version
        self.count = count
    }

    mutating func classify(_ answers: [Classification], labels: [Int], temperature: Double) {
        report = ClassificationReport(logits: answers.map(\.logits), labels: labels, temperature: temperature)
        let opinions = answers.compactMap(\.opinions)
        guard opinions.count == answers.count else { return }
        func accuracy(_ logits: [[Float]]) -> Double {
            ClassificationReport(logits: logits, labels: labels, temperature: 1).accuracy
        }
        parts = [("weights", accuracy(opinions.map(\.weights))), ("probes", accuracy(opinions.map(\.probes)))]
        let agreeing = zip(answers, labels).filter { $0.0.agrees ?? true }
        let others = zip(answers, labels).filter { !($0.0.agrees ?? true) }
        func share(_ own: [(Classification, Int)]) -> Double {
            Double(own.count { $0.0.best == $0.1 }) / Double(max(1, own.count))
        }
        agreement = (Double(agreeing.count) / Double(max(1, answers.count)), share(agreeing), share(others))
    }

    func text(labels: [String]) -> String {
        var lines = ["\(model) \(version) on \(count) networks"]
        if let report {
            let interval = report.interval
            lines.append(
                "accuracy \(percent(report.accuracy)) (95 % interval \(percent(interval.lowerBound)) to \(percent(interval.upperBound)))"
            )
            for part in parts { lines.append("  \(part.name) alone: \(percent(part.accuracy))") }
            if let agreement {
                lines.append(
                    "  they agree on \(percent(agreement.share)): then \(percent(agreement.accuracy)) are right, otherwise \(percent(agreement.otherwise))"
                )
            }
            lines.append(
                "calibration error \(percent(report.calibrationError)), negative log-likelihood \(String(format: "%.4f", report.negativeLogLikelihood))"
            )
            lines.append(report.table(labels: labels))
        }
        if let reconstructionError {
            let psnr = 10 * log10(4 / max(reconstructionError, 1e-30))
            lines.append(
                "reconstruction: mean squared error \(String(format: "%.5f", reconstructionError)) in [-1, 1], \(String(format: "%.2f", psnr)) dB"
            )
        }
        if let millisecondsPerNetwork {
            lines.append("\(String(format: "%.3f", millisecondsPerNetwork)) ms a network on \(threads) threads")
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
            if let agreement {
                writer.member("agreement", Float(agreement.share))
                writer.member("accuracy_agreeing", Float(agreement.accuracy))
                writer.member("accuracy_disagreeing", Float(agreement.otherwise))
            }
            writer.member("calibration_error", Float(report.calibrationError))
            writer.member("negative_log_likelihood", Float(report.negativeLogLikelihood))
            writer.name("confusion")
            writer.array(report.confusion) { writer, row in writer.array(row) { $0.value($1) } }
        }
        if let reconstructionError { writer.member("reconstruction_mse", Float(reconstructionError)) }
        if let millisecondsPerNetwork {
            writer.member("ms_per_network", Float(millisecondsPerNetwork))
            writer.member("threads", threads)
        }
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
