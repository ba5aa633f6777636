import Engine
import Models
import NeuralFunctionals

/// A model's forward pass over a few networks, with the losses of every task.
struct RecordedObjective: Sendable {
    let input: WeightSpaceFeatures
    /// (batch, 1): how much of its own each network keeps, where networks are mixed.
    let share: Matrix?
    /// In the order of the objective's tasks.
    let tasks: [any RecordedTask]

    init(
        _ model: any Model, _ input: ModelInput, _ objective: Objective, batch: Int, isTraining: Bool,
        in builder: PlanBuilder
    ) throws(ModelError) {
        let x = WeightSpaceFeatures(input.spec, batch: batch, channels: 1, in: builder)
        self.input = x
        let share = isTraining && objective.mixup > 0 ? builder.matrix(rows: batch, columns: 1) : nil
        self.share = share
        let pass = ForwardPass(
            x, input.transform, mix: share.map { share in { builder.mixRows($0, share: share) } }, in: builder)
        let values = try model.record(objective.tasks.map(\.output), in: pass)
        var tasks: [any RecordedTask] = []
        for (task, value) in zip(objective.tasks, values) {
            tasks.append(try task.record(value, in: pass, isTraining: isTraining))
        }
        self.tasks = tasks
    }

    /// (batch, 1) each, in order.
    var losses: [Loss] { tasks.flatMap(\.losses) }

    /// Everything that is written before a run or read after it.
    var ends: [Matrix] { input.arrays + [share].compactMap(\.self) + tasks.flatMap(\.ends) }
}
