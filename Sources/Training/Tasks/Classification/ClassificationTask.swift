import Engine
import Models
import NeuralFunctionals

/// Classification: the cross-entropy between the networks' labels and the class probabilities of each part of the
/// model.
package struct ClassificationTask: TrainingTask {
    /// `classification` in a recipe's `objective`.
    package static let name = "classification"

    private let weight: Float
    private let labels: [String]
    /// ε of label smoothing (Szegedy et al., arXiv 1512.00567): in training the target is (1 − ε) · one-hot(label) +
    /// ε / classes.
    package let labelSmoothing: Float

    /// Reads `label_smoothing`; the classes are the model's `labels`.
    package init(weight: Float, _ objective: Settings, _ model: ModelConfiguration) throws(SettingError) {
        self.weight = weight
        labels = model.labels
        labelSmoothing = Float(try objective.number("label_smoothing", in: 0...0.9, default: 0))
    }

    /// Classes.
    package var output: Output { .classes }

    /// Throws unless the highest label of the corpus is the model's last class and no label is negative.
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

    /// One loss a part, in nats, with the same weight for all. Targets have a row of class probabilities for each
    /// network.
    package func record(
        _ value: RecordedOutput, in pass: ForwardPass, isTraining: Bool
    ) throws(ModelError) -> any RecordedTask {
        guard case .classes(let classes) = value else {
            throw ModelError("classification: expected an output of classes, received another")
        }
        let targets = pass.builder.matrix(rows: pass.batch, columns: labels.count)
        let losses = classes.parts.map { part in
            Loss(name: part.name, matrix: pass.builder.crossEntropy(part.logits, targets), weight: weight)
        }
        return Recorded(
            losses: losses, parts: classes.parts.map { ($0.name, $0.logits) }, targets: targets,
            labelSmoothing: isTraining ? labelSmoothing : 0)
    }

    private struct Recorded: RecordedTask {
        /// The cross-entropy of each part.
        package let losses: [Loss]
        /// The logits of each part, (batch, classes).
        package let parts: [(name: String, matrix: Matrix)]
        /// The class probabilities to learn, (batch, classes); rows sum to 1.
        let targets: Matrix
        let labelSmoothing: Float

        /// The targets, the logits and the losses.
        package var ends: [Matrix] { [targets] + parts.map(\.matrix) + losses.map(\.matrix) }

        /// Writes share · own target + (1 − share) · target of the mixup partner, each with label smoothing.
        package func fill(_ items: [BatchItem], shares: [Float], _ corpus: Corpus) {
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

    /// `accuracy_weights` and `accuracy_probes` for parts of these names.
    package func metricNames(parts: [String]) -> [String] { parts.map { "accuracy_\($0)" } }

    /// The accuracy of each part, from 0 to 1.
    package func metrics(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> [Double] {
        evaluation.parts.map { part in
            let hits = zip(part.rows, evaluation.indices).count { logits, index in
                logits.indices.max { logits[$0] < logits[$1] } == corpus.labels[index]
            }
            return Double(hits) / Double(max(1, evaluation.indices.count))
        }
    }

    /// Chooses the temperature with the smallest negative log-likelihood and, for a model with two parts, the probes'
    /// share s of the logits (1 − s) · weights + s · probes, from 0, 0.05, …, 1.
    ///
    /// Shares are compared by negative log-likelihood, each at its own best temperature. Accuracy depends on the few
    /// networks near a class boundary, so it is a noisier measure.
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
    /// Accuracy and calibration error in percent.
    package var summary: String {
        "accuracy \(percent(accuracy)), calibration error \(percent(calibrationError))"
    }

    /// `accuracy`, from 0 to 1.
    package var figures: [(name: String, value: Double)] { [("accuracy", accuracy)] }
}
