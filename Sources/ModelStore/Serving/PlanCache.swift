import Engine
import Models
import Networks
import NeuralFunctionals
import Synchronization

/// A plan with its ends: where raw weights go in and the answer comes out.
struct CompiledPlan: Sendable {
    let plan: Plan
    let input: WeightSpaceFeatures
    let output: RecordedOutput
}

/// Keeps the plans of recent shapes, so that a shape is laid out once and not for every request.
///
/// A plan is taken out for a run and given back after it, so no two threads ever share one. What is kept is bounded in
/// bytes: clients choose hidden widths, and every width has plans of its own.
final class PlanCache: Sendable {
    struct Key: Hashable, Sendable {
        let output: Output
        let spec: NetworkSpec
        let threads: Int
    }

    private struct Idle {
        let key: Key
        let plan: CompiledPlan
    }

    private let byteLimit: Int
    /// Least recently used first.
    private let idle = Mutex<[Idle]>([])

    init(byteLimit: Int) { self.byteLimit = byteLimit }

    func take(
        _ key: Key, orCompile compile: () throws(ModelError) -> CompiledPlan
    ) throws(ModelError) -> CompiledPlan {
        let kept = idle.withLock { idle -> CompiledPlan? in
            guard let index = idle.lastIndex(where: { $0.key == key }) else { return nil }
            return idle.remove(at: index).plan
        }
        if let kept { return kept }
        return try compile()
    }

    func giveBack(_ plan: CompiledPlan, _ key: Key) {
        // A plan above the limit would push every other out and still exceed it.
        guard plan.plan.memoryBytes <= byteLimit else { return }
        idle.withLock { idle in
            idle.append(Idle(key: key, plan: plan))
            var bytes = idle.reduce(0) { $0 + $1.plan.plan.memoryBytes }
            while bytes > byteLimit {
                bytes -= idle.removeFirst().plan.plan.memoryBytes
            }
        }
    }
}
