import Models

/// The function that training minimises: the weighted sum of the losses of its tasks.
package struct Objective: Sendable {
    /// The tasks with a weight above 0, in the order of `TrainingTasks.all`.
    package let tasks: [any TrainingTask]
    /// Parameter α of the distribution Beta(α, α) of the shares with which pairs of networks are mixed in training
    /// (mixup, Zhang et al., arXiv 1710.09412); 0 for no mixup.
    package let mixup: Float

    init(tasks: [any TrainingTask], mixup: Float) {
        self.tasks = tasks
        self.mixup = mixup
    }

    /// Reads a recipe's `objective`: `mixup`, the weight of each task under the task's name, and the tasks' options.
    /// Without a member, classification has weight 1, or 0 where `regression` is above 0, and every other task 0.
    init(_ settings: Settings, _ model: ModelConfiguration) throws(SettingError) {
        mixup = Float(try settings.number("mixup", in: 0...10, default: 0))
        let isRegression = try settings.number(RegressionTask.name, in: 0...1e4, default: 0) > 0
        var tasks: [any TrainingTask] = []
        for kind in TrainingTasks.all {
            let standard = kind == ClassificationTask.self && !isRegression ? 1.0 : 0
            let weight = Float(try settings.number(kind.name, in: 0...1e4, default: standard))
            let task = try kind.init(weight: weight, settings, model)
            if weight > 0 { tasks.append(task) }
        }
        self.tasks = tasks
    }

    /// Whether a task reads the model's output `output`.
    package func asks(for output: Output) -> Bool { tasks.contains { $0.output == output } }

    /// The same tasks without mixup, for evaluation.
    var plain: Objective { Objective(tasks: tasks, mixup: 0) }
}
