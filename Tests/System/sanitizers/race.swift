// Two counters, one behind a lock and one that threads change as they like: what the thread sanitizer must keep quiet
// about and what it must find (with any argument). See sanitizers.sh.
import Foundation
import Synchronization

final class Counters: @unchecked Sendable {
    let locked = Mutex(0)
    var unlocked = 0
}

let counters = Counters()
let ended = DispatchGroup()
for _ in 0..<4 {
    ended.enter()
    Thread.detachNewThread {
        for _ in 0..<100_000 {
            counters.locked.withLock { $0 += 1 }
            if CommandLine.arguments.count > 1 { counters.unlocked += 1 }
        }
        ended.leave()
    }
}
ended.wait()
print(counters.locked.withLock { $0 }, counters.unlocked)
