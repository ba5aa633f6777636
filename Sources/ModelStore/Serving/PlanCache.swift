import Engine
import Models
import Networks
import SIREN
import Synchronization

/// A plan for one network, with its input and output matrices.
struct CompiledPlan<Input: Sendable>: Sendable {
    let plan: Plan
    /// Where a network's weights or values are written before a run.
    let input: Input
    /// What is read after a run.
    let output: RecordedOutput
}

/// What a plan over weights is compiled for.
struct PlanShape: Hashable, Sendable {
    let output: Output
    let spec: NetworkSpec
    let activation: Nonlinearity
    /// Of several edits, the one that is computed.
    var edit: String?
    let threads: Int
}

/// What a plan from latents to a picture is compiled for.
struct PictureShape: Hashable, Sendable {
    let image: ImageShape
    let threads: Int
}

/// A cache of the plans that are not running, so that a request of a known shape needs no new plan.
///
/// A plan is removed from the cache for a run and put back after it, so two threads never use the same one. The cache
/// is bounded in bytes, since clients choose hidden widths and each width needs plans of its own; the plans that were
/// used least recently are dropped first.
final class PlanCache<Key: Hashable & Sendable, Input: Sendable>: Sendable {
    private struct Idle {
        let key: Key
        let plan: CompiledPlan<Input>
    }

    private let byteLimit: Int
    /// Least recently used first.
    private let idle = Mutex<[Idle]>([])

    /// - Parameter byteLimit: the largest sum of the cached plans' memory, in bytes.
    init(byteLimit: Int) { self.byteLimit = byteLimit }

    /// Removes a plan from the cache, or compiles one where there is none.
    func take(
        _ key: Key, orCompile compile: () throws(ModelError) -> CompiledPlan<Input>
    ) throws(ModelError) -> CompiledPlan<Input> {
        let kept = idle.withLock { idle -> CompiledPlan<Input>? in
            guard let index = idle.lastIndex(where: { $0.key == key }) else { return nil }
            return idle.remove(at: index).plan
        }
        if let kept { return kept }
        return try compile()
    }

    /// Puts a plan that has run back into the cache.
    func giveBack(_ plan: CompiledPlan<Input>, _ key: Key) {
        // A plan above the limit is not kept: it would displace all others and still exceed the limit.
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
