import Engine
import Models
import NeuralFunctionals
import Tensors

/// A task that a model can be trained for: its targets, losses, metrics and calibration.
///
/// A new task needs a folder beside this file and a line in `TrainingTasks`.
package protocol TrainingTask: Sendable {
    /// The task's name, which is the member of a recipe's `objective` with the weight of its losses.
    static var name: String { get }

    /// Reads the task's options from the recipe. Every task of `TrainingTasks` is read, so that its options are
    /// checked; one of weight 0 is then dropped.
    /// - Parameters:
    ///   - weight: the factor of the task's losses, at least 0.
    ///   - objective: the recipe's section.
    ///   - model: the model to train.
    /// - Throws: `SettingError` where an option is not valid.
    init(weight: Float, _ objective: Settings, _ model: ModelConfiguration) throws(SettingError)

    /// The model's output from which the losses are computed.
    var output: Output { get }

    /// Checks that the corpus has targets for the model.
    /// - Throws: `RunError`, which says what to change.
    func check(_ corpus: Corpus) throws(RunError)

    /// Records the steps that compute the losses of `value`.
    /// - Parameters:
    ///   - value: the model's `output` for the networks of the pass.
    ///   - isTraining: false for evaluation, in which targets are not smoothed.
    /// - Throws: `ModelError` where `value` is another output.
    func record(
        _ value: RecordedOutput, in pass: ForwardPass, isTraining: Bool
    ) throws(ModelError) -> any RecordedTask

    /// The names of the metrics, in the order of `metrics`.
    /// - Parameter parts: the names of the recorded task's parts.
    func metricNames(parts: [String]) -> [String]

    /// The metrics of a set of networks, one number for each of `metricNames`.
    func metrics(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> [Double]

    /// The parameter files of the finished model, made from those of training.
    /// - Throws: where they cannot be made.
    func finished(
        _ files: [(name: String, contents: StateDict)]
    ) throws(RunError) -> [(name: String, contents: StateDict)]

    /// Chooses the settings that are fitted on the validation networks after training, and reports on these networks.
    func calibrate(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> Calibration
}

extension TrainingTask {
    /// Returns the files as they are.
    package func finished(
        _ files: [(name: String, contents: StateDict)]
    ) throws(RunError) -> [(name: String, contents: StateDict)] { files }
    /// Accepts every corpus.
    package func check(_ corpus: Corpus) throws(RunError) {}
    /// None.
    package func metricNames(parts: [String]) -> [String] { [] }
    /// None.
    package func metrics(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> [Double] { [] }
}

/// A task's matrices in a plan: targets, which are written before a run, and losses and outputs, which are read after
/// it.
package protocol RecordedTask: Sendable {
    /// The task's losses.
    var losses: [Loss] { get }
    /// The outputs that metrics and calibration read: for each part of the model its name and a matrix (batch, n).
    var parts: [(name: String, matrix: Matrix)] { get }
    /// The model's pictures and their targets, (batch, pixels · channels) each; nil for tasks without pictures.
    var pictures: (drawn: Matrix, wanted: Matrix)? { get }
    /// The matrices that are written before a run or read after it; the plan must keep them.
    var ends: [Matrix] { get }
    /// Writes the targets of a batch.
    /// - Parameters:
    ///   - items: the networks of the batch, n of them.
    ///   - shares: the mixup share of each network, 1 without mixup. Network i is mixed with network n − 1 − i: its
    ///     target is share · own target + (1 − share) · the other's target.
    ///   - corpus: the items' corpus.
    func fill(_ items: [BatchItem], shares: [Float], _ corpus: Corpus)
}

extension RecordedTask {
    /// nil.
    package var pictures: (drawn: Matrix, wanted: Matrix)? { nil }
}

/// One loss of a task, a term of the objective.
package struct Loss: Sendable {
    /// The name in `metrics.csv`, after `loss_`.
    package let name: String
    /// The loss of each network, (batch, 1).
    package let matrix: Matrix
    /// The factor of the loss in the objective.
    package let weight: Float
}

/// A model's outputs and losses on a set of networks, for one task.
package struct TaskEvaluation: Sendable {
    /// The networks, as indices of the corpus.
    package let indices: [Int]
    /// For each part its name and one row of outputs for each network, in the order of `indices`.
    package let parts: [(name: String, rows: [[Float]])]
    /// The mean of every loss over the networks, without its weight.
    package let losses: [(name: String, mean: Double)]
}

/// The settings of a model that are fitted on the validation networks after training, with a report on these networks.
package struct Calibration: Sendable {
    /// `temperature` of `config.json`, by which logits are divided; nil to leave it.
    package var temperature: Double?
    /// `probe_share` of `config.json`: the part of the logits that comes from the probes, from 0 to 1; nil to leave it.
    package var probeShare: Double?
    /// The task's figures on the validation networks; nil where there are none.
    package var report: (any TrainingReport)?
}

/// The figures of a task on a set of networks.
package protocol TrainingReport: Sendable {
    /// The figures in one line of text.
    var summary: String { get }
    /// The figures for the model's card by name, such as `accuracy` or `reconstruction_mse`.
    var figures: [(name: String, value: Double)] { get }
}

/// The registry of tasks that a recipe's `objective` can name.
package enum TrainingTasks {
    /// In the order in which losses and metrics are listed.
    package static let all: [any TrainingTask.Type] = [
        ClassificationTask.self, RegressionTask.self, ReconstructionTask.self, EditingTask.self,
    ]
}
