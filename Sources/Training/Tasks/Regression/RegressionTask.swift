import Engine
import Models
import NeuralFunctionals
import Tensors
import WeightFormats

/// Regression: the model's scalars are to be the numbers of columns of the corpus.
///
/// With `target_scales` [[m, d], …] the model learns (number − m) / d, which has the mean 0 and the deviation 1. The last
/// map of the finished model is multiplied by d and moved by m, so that it computes the numbers themselves.
package struct RegressionTask: TrainingTask {
    /// `regression` in a recipe's `objective`.
    package static let name = "regression"

    /// How predictions are compared with targets.
    package enum LossKind: String, Sendable, CaseIterable {
        /// The mean of (predicted − true)².
        case squaredError = "mse"
        /// −t log p − (1 − t) log (1 − p) of a prediction p from 0 to 1 and a target t from 0 to 1.
        case crossEntropy = "bce"
    }

    private let weight: Float
    /// The names of the columns, in the order of the model's scalars.
    package let targets: [String]
    /// `regression_loss`, by default `mse`.
    package let loss: LossKind
    /// m and d of each target.
    private let scales: [(offset: Float, factor: Float)]

    /// Reads `targets`, `regression_loss` and `target_scales`.
    package init(weight: Float, _ objective: Settings, _ model: ModelConfiguration) throws(SettingError) {
        self.weight = weight
        let targets = try objective.texts("targets")
        self.targets = targets
        loss = try objective.choice("regression_loss", default: .squaredError)
        let scales = try objective.read("target_scales", "[mean, deviation] for each of 'targets'") { value in
            let pairs = value.array?.compactMap { pair -> (Float, Float)? in
                guard let numbers = pair.array?.compactMap(\.double), numbers.count == 2, numbers[1] > 0 else {
                    return nil
                }
                return (Float(numbers[0]), Float(numbers[1]))
            }
            return pairs?.count == targets.count ? pairs : nil
        }
        if weight > 0, targets.isEmpty { throw objective.error("targets", "name at least one column") }
        if scales != nil, loss == .crossEntropy {
            throw objective.error("target_scales", "is for regression_loss 'mse' only")
        }
        self.scales = scales?.map { (offset: $0.0, factor: $0.1) } ?? targets.map { _ in (offset: 0, factor: 1) }
    }

    /// Scalars.
    package var output: Output { .scalars }

    /// Throws unless the corpus has every target, as finite numbers, from 0 to 1 for the cross-entropy.
    package func check(_ corpus: Corpus) throws(RunError) {
        for name in targets {
            guard let values = corpus.column(name) else {
                throw RunError("the data has no column '\(name)'; it has \(corpus.columnNames)")
            }
            if let wrong = values.first(where: { !$0.isFinite }) {
                throw RunError("column '\(name)' holds \(wrong); leave such networks out by --where '\(name)>-1e30'")
            }
            if loss == .crossEntropy, let wrong = values.first(where: { !(0...1).contains($0) }) {
                throw RunError(
                    "column '\(name)': regression_loss 'bce' needs numbers from 0 to 1, received \(wrong); --set objective.regression_loss=mse"
                )
            }
        }
    }

    /// Records one loss, the mean over the targets.
    package func record(
        _ value: RecordedOutput, in pass: ForwardPass, isTraining: Bool
    ) throws(ModelError) -> any RecordedTask {
        guard case .scalars(let values) = value else {
            throw ModelError("regression: expected an output of scalars, received another")
        }
        guard values.columns == targets.count else {
            throw ModelError("regression: \(values.columns) outputs for \(targets.count) targets; set num_out")
        }
        let wanted = pass.builder.matrix(rows: pass.batch, columns: targets.count)
        let matrix =
            loss == .squaredError
            ? pass.builder.squaredError(values, wanted) : pass.builder.binaryCrossEntropy(values, wanted)
        return Recorded(
            losses: [Loss(name: Self.name, matrix: matrix, weight: weight)], parts: [(Self.name, values)],
            wanted: wanted, targets: targets, scales: scales)
    }

    private struct Recorded: RecordedTask {
        /// The loss of each network.
        package let losses: [Loss]
        /// The predictions, (batch, targets), in the units that the model learns.
        package let parts: [(name: String, matrix: Matrix)]
        let wanted: Matrix
        let targets: [String]
        let scales: [(offset: Float, factor: Float)]

        /// The targets, the predictions and the losses.
        package var ends: [Matrix] { [wanted] + parts.map(\.matrix) + losses.map(\.matrix) }

        /// Writes share · own target + (1 − share) · target of the mixup partner.
        package func fill(_ items: [BatchItem], shares: [Float], _ corpus: Corpus) {
            let columns = targets.map { corpus.column($0) ?? [] }
            wanted.write(
                items.indices.flatMap { place in
                    zip(columns, scales).map { column, scale in
                        let own = column[items[place].index]
                        let other = column[items[items.count - 1 - place].index]
                        return (shares[place] * own + (1 - shares[place]) * other - scale.offset) / scale.factor
                    }
                })
        }
    }

    /// The mean absolute error, R² and Kendall's τ of each target.
    package func metricNames(parts: [String]) -> [String] {
        targets.flatMap { name in
            let ending = targets.count > 1 ? "_\(name)" : ""
            return ["mae\(ending)", "r2\(ending)", "tau\(ending)"]
        }
    }

    /// The metrics in the order of `metricNames`.
    package func metrics(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> [Double] {
        reports(evaluation, corpus).flatMap { [$0.meanAbsoluteError, $0.determination, $0.tau.value] }
    }

    /// Nothing to choose; a report of every target.
    package func calibrate(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> Calibration {
        Calibration(report: RegressionReports(targets: reports(evaluation, corpus)))
    }

    private func reports(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> [RegressionReport] {
        let rows = evaluation.parts.first?.rows ?? []
        return targets.enumerated().map { index, name in
            let column = corpus.column(name) ?? []
            return RegressionReport(
                name, predicted: rows.map { $0[index] * scales[index].factor + scales[index].offset },
                wanted: evaluation.indices.map { column[$0] })
        }
    }

    /// Applies `target_scales` to the model's last map: the one of the highest number under `head.head`, `head` or
    /// `hypernetwork`, or of a chain's layers.
    package func finished(
        _ files: [(name: String, contents: StateDict)]
    ) throws(RunError) -> [(name: String, contents: StateDict)] {
        guard scales.contains(where: { $0.offset != 0 || $0.factor != 1 }) else { return files }
        for (place, file) in files.enumerated() {
            for prefix in ["head.head.", "head.", "hypernetwork.", ""] {
                let numbers = file.contents.names.compactMap { name in
                    name.hasPrefix(prefix) && name.hasSuffix(".weight")
                        ? Int(name.dropFirst(prefix.count).dropLast(7)) : nil
                }
                guard let last = numbers.max(), var weight = file.contents["\(prefix)\(last).weight"],
                    var bias = file.contents["\(prefix)\(last).bias"], bias.count == targets.count
                else { continue }
                let inputs = weight.count / bias.count
                for (target, scale) in scales.enumerated() {
                    for index in target * inputs..<(target + 1) * inputs { weight.values[index] *= scale.factor }
                    bias.values[target] = bias.values[target] * scale.factor + scale.offset
                }
                var result = files
                result[place].contents.set(NamedTensor(name: "\(prefix)\(last).weight", tensor: weight))
                result[place].contents.set(NamedTensor(name: "\(prefix)\(last).bias", tensor: bias))
                return result
            }
        }
        throw RunError(
            "objective.target_scales: the model's last map is not known; --set objective.target_scales=null")
    }
}
