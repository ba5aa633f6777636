import Engine
import Models
import NeuralFunctionals

/// Cross-entropy between each part's class probabilities and the networks' labels.
package struct ClassificationTask: TrainingTask {
    package static let name = "classification"

    private let weight: Float
    private let labels: [String]
    /// Share of the target that is spread evenly over all classes while training.
    package let labelSmoothing: Float

    package init(weight: Float, _ objective: Settings, _ model: ModelConfiguration) throws(SettingError) {
        self.weight = weight
        labels = model.labels
        labelSmoothing = Float(try objective.number("label_smoothing", in: 0...0.9, default: 0))
    }

    package var output: Output { .classes }

    package func check(_ corpus: Corpus) throws(RunError) {
        if let wrong = corpus.labels.first(where: { !labels.indices.contains($0) }) {
            throw RunError(
                "expected labels from 0 to \(labels.count - 1), the model's \(labels.count) classes; received \(wrong)")
        }
        let highest = corpus.labels.max() ?? 0
        guard highest == labels.count - 1 else {
            throw RunError(
                "the data has labels 0 to \(highest), the recipe's model \(labels.count) classes (\(labels.joined(separator: ", "))); name the data's own with --set 'model.labels=[\"…\", …]' and set the number of classes of each part (n_classes or num_out) to \(highest + 1)"
            )
        }
    }

    package func record(
        _ value: RecordedOutput, in pass: ForwardPass, isTraining: Bool
    ) throws(ModelError) -> any RecordedTask {
        guard case .classes(let classes) = value else { throw ModelError("expected classes") }
        let targets = pass.builder.matrix(rows: pass.batch, columns: labels.count)
        let losses = classes.parts.map { part in
            Loss(name: part.name, matrix: pass.builder.crossEntropy(part.logits, targets), weight: weight)
        }
        return Recorded(
            losses: losses, parts: classes.parts.map { ($0.name, $0.logits) }, targets: targets,
            labelSmoothing: isTraining ? labelSmoothing : 0)
    }

    private struct Recorded: RecordedTask {
        package let losses: [Loss]
        package let parts: [(name: String, matrix: Matrix)]
        /// (batch, classes); rows sum to 1.
        let targets: Matrix
        let labelSmoothing: Float

        package var ends: [Matrix] { [targets] + parts.map(\.matrix) + losses.map(\.matrix) }

        package func fill(_ items: [BatchItem], shares: [Float]) {
            let classes = targets.columns
            var rows = [Float](repeating: labelSmoothing / Float(classes), count: items.count * classes)
            for place in items.indices {
                let partner = items[items.count - 1 - place].label
                let rest = 1 - labelSmoothing
                rows[place * classes + items[place].label] += rest * shares[place]
                rows[place * classes + partner] += rest * (1 - shares[place])
            }
            targets.write(rows)
        }
    }

    package func metricNames(parts: [String]) -> [String] { parts.map { "accuracy_\($0)" } }

    /// The accuracy of each part.
    package func metrics(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> [Double] {
        evaluation.parts.map { part in
            let hits = zip(part.rows, evaluation.indices).count { logits, index in
                logits.indices.max { logits[$0] < logits[$1] } == corpus.labels[index]
            }
            return Double(hits) / Double(max(1, evaluation.indices.count))
        }
    }

    /// The temperature under which the labels are likeliest, and with two parts the share of the probes: of 21 mixtures
    /// the likeliest, since accuracy alone would follow the noise of a few networks.
    package func calibrate(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> Calibration {
        let labels = evaluation.indices.map { corpus.labels[$0] }
        guard let last = evaluation.parts.last?.rows, !last.isEmpty else { return Calibration() }
        guard evaluation.parts.count == 2 else {
            let temperature = ClassificationReport.bestTemperature(logits: last, labels: labels)
            return Calibration(
                temperature: temperature,
                report: ClassificationReport(logits: last, labels: labels, temperature: temperature))
        }
        let weights = evaluation.parts[0].rows
        let mixtures = stride(from: 0.0, through: 1.0, by: 0.05).map { share in
            let logits = zip(weights, last).map { zip($0, $1).map { Float(1 - share) * $0 + Float(share) * $1 } }
            let temperature = ClassificationReport.bestTemperature(logits: logits, labels: labels)
            return (
                share: share, temperature: temperature,
                report: ClassificationReport(logits: logits, labels: labels, temperature: temperature)
            )
        }
        guard let best = mixtures.min(by: { $0.report.negativeLogLikelihood < $1.report.negativeLogLikelihood }) else {
            return Calibration()
        }
        return Calibration(temperature: best.temperature, probeShare: best.share, report: best.report)
    }
}

extension ClassificationReport: TrainingReport {
    package var summary: String {
        "accuracy \(percent(accuracy)), calibration error \(percent(calibrationError))"
    }

    package var figures: [(name: String, value: Double)] { [("accuracy", accuracy)] }
}
