import Glibc
import Host
import TestSupport
import Testing

@Suite("Signals")
struct SignalWatcherTests {
    @Test("call the handler instead of ending the process")
    func delivers() throws {
        let received = Mailbox<Int32>()
        let watcher = SignalWatcher([SIGUSR1, SIGUSR2]) { received.put($0) }
        kill(getpid(), SIGUSR2)
        #expect(try received.take() == SIGUSR2)
        kill(getpid(), SIGUSR1)
        #expect(try received.take() == SIGUSR1)
        watcher.cancel()
    }
}
