import Engine
import Models
import Networks
import NeuralFunctionals

/// A model's forward pass over a batch and the losses of every task, as matrices of a plan.
struct RecordedObjective: Sendable {
    /// Where the networks' weights are written before a run: (batch, 1 channel).
    let input: WeightSpaceFeatures
    /// The mixup share of each network, (batch, 1): the part of its own values that it keeps; nil without mixup.
    let share: Matrix?
    /// One for each of the objective's tasks, in their order.
    let tasks: [any RecordedTask]

    /// - Parameters:
    ///   - spec: the shapes of the networks, which may have other hidden widths than those of `input`.
    ///   - activation: the function between their layers.
    /// - Throws: `ModelError` where the model does not offer a task's output.
    init(
        _ model: any Model, _ input: ModelInput, _ spec: NetworkSpec, _ activation: Nonlinearity,
        _ objective: Objective, batch: Int, isTraining: Bool, in builder: PlanBuilder
    ) throws(ModelError) {
        let x = WeightSpaceFeatures(spec, batch: batch, channels: 1, in: builder)
        self.input = x
        let share = isTraining && objective.mixup > 0 ? builder.matrix(rows: batch, columns: 1) : nil
        self.share = share
        let pass = ForwardPass(
            x, input.transform, activation: activation,
            mix: share.map { share in { builder.mixRows($0, share: share) } }, in: builder)
        let values = try model.record(objective.tasks.map(\.output), in: pass)
        var tasks: [any RecordedTask] = []
        for (task, value) in zip(objective.tasks, values) {
            tasks.append(try task.record(value, in: pass, isTraining: isTraining))
        }
        self.tasks = tasks
    }

    /// The losses of all tasks, (batch, 1) each.
    var losses: [Loss] { tasks.flatMap(\.losses) }

    /// The matrices that are written before a run or read after it; the plan must keep them.
    var ends: [Matrix] { input.arrays + [share].compactMap(\.self) + tasks.flatMap(\.ends) }
}
