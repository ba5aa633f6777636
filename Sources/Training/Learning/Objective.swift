import Models

/// What a run makes small: the weighted sum of its tasks' losses.
package struct Objective: Sendable {
    package let tasks: [any TrainingTask]
    /// Parameter α of the symmetric beta distribution of the shares with which networks are mixed while training
    /// (mixup, Zhang et al., arXiv 1710.09412); 0 for none.
    package let mixup: Float

    init(tasks: [any TrainingTask], mixup: Float) {
        self.tasks = tasks
        self.mixup = mixup
    }

    /// A recipe's `objective`: for each task its weight, and the tasks' options. Classification has weight 1 and all
    /// other tasks 0 where the recipe does not say otherwise.
    init(_ settings: Settings, _ model: ModelConfiguration) throws(SettingError) {
        mixup = Float(try settings.number("mixup", in: 0...10, default: 0))
        var tasks: [any TrainingTask] = []
        for kind in TrainingTasks.all {
            let standard = kind == ClassificationTask.self ? 1.0 : 0
            let weight = Float(try settings.number(kind.name, in: 0...1e4, default: standard))
            let task = try kind.init(weight: weight, settings, model)
            if weight > 0 { tasks.append(task) }
        }
        self.tasks = tasks
    }

    /// Whether a task asks the model for `output`.
    package func asks(for output: Output) -> Bool { tasks.contains { $0.output == output } }

    /// The same without mixing, for passes that only measure.
    var plain: Objective { Objective(tasks: tasks, mixup: 0) }
}
