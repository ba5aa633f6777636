import HTTPCore
import Synchronization

/// Answers that take long to write and change only with the models: made once, then kept.
final class AnswerCache: Sendable {
    /// What they depend on.
    struct Circumstances: Equatable, Sendable {
        let models: [ModelIdentity]
        let needsKey: Bool
    }

    private struct Kept {
        var circumstances: Circumstances?
        var answers: [String: Response] = [:]
    }

    private let kept = Mutex(Kept())

    /// The answer of that name.
    func answer(
        _ name: String, under circumstances: Circumstances, make: () throws(ServiceFault) -> Response
    ) throws(ServiceFault) -> Response {
        let known = kept.withLock { kept in
            if kept.circumstances != circumstances { kept = Kept(circumstances: circumstances) }
            return kept.answers[name]
        }
        if let known { return known }
        let answer = try make()
        kept.withLock { kept in
            if kept.circumstances == circumstances { kept.answers[name] = answer }
        }
        return answer
    }
}
