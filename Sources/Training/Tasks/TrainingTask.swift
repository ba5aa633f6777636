import Engine
import Models
import NeuralFunctionals

/// One thing that a model is trained for: its targets, losses, metrics and calibration.
///
/// A new task is a folder beside this file and a line in `TrainingTasks`.
package protocol TrainingTask: Sendable {
    /// The member of a recipe's `objective` that weighs the task's losses.
    static var name: String { get }

    /// - Parameters:
    ///   - weight: of the task's losses, above 0.
    ///   - objective: the recipe's section, for further options.
    /// - Throws: `SettingError` where an option is unusable.
    init(weight: Float, _ objective: Settings, _ model: ModelConfiguration) throws(SettingError)

    /// What the task asks of the model.
    var output: Output { get }

    /// Throws unless the corpus has targets that the model can learn, and says the way out.
    func check(_ corpus: Corpus) throws(RunError)

    /// Records the losses of `value` against targets that are filled in before each run.
    /// - Parameter isTraining: false for a pass that only measures: then targets are plain.
    func record(
        _ value: RecordedOutput, in pass: ForwardPass, isTraining: Bool
    ) throws(ModelError) -> any RecordedTask

    /// Names of the metrics for parts of that name, in the order of `metrics`.
    func metricNames(parts: [String]) -> [String]

    /// One number for each of `metricNames`.
    func metrics(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> [Double]

    /// What is settled on validation networks once the model is trained.
    func calibrate(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> Calibration
}

extension TrainingTask {
    package func check(_ corpus: Corpus) throws(RunError) {}
    package func metricNames(parts: [String]) -> [String] { [] }
    package func metrics(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> [Double] { [] }
}

/// A task in a plan: matrices that are filled before a run and read after it.
package protocol RecordedTask: Sendable {
    var losses: [Loss] { get }
    /// What metrics and calibration read: a matrix (batch, n) of each part, by name.
    var parts: [(name: String, matrix: Matrix)] { get }
    /// Pictures drawn by the model and the ones wanted, (batch, pixels · channels) each; nil for other tasks.
    var pictures: (drawn: Matrix, wanted: Matrix)? { get }
    /// Everything that is written before a run or read after it.
    var ends: [Matrix] { get }
    /// Fills the targets of a batch.
    /// - Parameter shares: how much of its own each network keeps where networks are mixed, 1 elsewhere; the rest comes
    ///   from the network in the mirrored place of the batch.
    func fill(_ items: [BatchItem], shares: [Float])
}

extension RecordedTask {
    package var pictures: (drawn: Matrix, wanted: Matrix)? { nil }
}

/// What a task adds to the objective.
package struct Loss: Sendable {
    package let name: String
    /// (batch, 1)
    package let matrix: Matrix
    package let weight: Float
}

/// What a model answered to a set of networks, for one task.
package struct TaskEvaluation: Sendable {
    /// Of the networks, in the corpus.
    package let indices: [Int]
    /// A row of numbers for each network, of each part.
    package let parts: [(name: String, rows: [[Float]])]
    /// Mean of every loss, by name.
    package let losses: [(name: String, mean: Double)]
}

/// Numbers of a model that are chosen on validation networks, and what these networks say of it.
package struct Calibration: Sendable {
    /// Members of `config.json` to set.
    package var temperature: Double?
    package var probeShare: Double?
    package var report: (any TrainingReport)?
}

/// Figures of a task on a set of networks.
package protocol TrainingReport: Sendable {
    /// One line for people.
    var summary: String { get }
    /// For the model's card: `accuracy`, `reconstruction_mse`.
    var figures: [(name: String, value: Double)] { get }
}

/// The tasks that a recipe's `objective` may weigh.
package enum TrainingTasks {
    package static let all: [any TrainingTask.Type] = [ClassificationTask.self, ReconstructionTask.self]
}
