import CHost
import Clocks
import Dispatch
import Glibc
import Synchronization

/// A thread that waits for many sockets, for the next tick and for errands at once.
///
/// It is one long block of a serial Dispatch queue. A Dispatch source for every socket would cost system calls and the
/// wake-up of a second thread at every event.
///
/// `@unchecked Sendable`: confined to `queue`, but for `mailbox`, which has a lock of its own.
final class EventLoop: @unchecked Sendable {
    struct Interest: OptionSet {
        let rawValue: UInt32
        static let input = Interest(rawValue: EPOLLIN.rawValue)
        static let output = Interest(rawValue: EPOLLOUT.rawValue)
    }

    private struct Mailbox {
        var errands: [@Sendable () -> Void] = []
        /// Whether the loop waits, or is about to, and must be woken.
        var isAsleep = false
        var isStopped = false
    }

    private static let eventsPerWait = 128
    /// After so many events, what was to follow them is done.
    private static let eventsPerRound = 16
    /// The shortest turn that the kernel grants. Every event takes less, and so is handled before a computation, which
    /// needs its whole turn, goes on.
    private static let turnNanoseconds: UInt64 = 100_000

    let queue: DispatchQueue
    private let set: Int32
    private let bell: Int32
    private let mailbox = Mutex(Mailbox())
    private var events = [epoll_event](repeating: epoll_event(), count: EventLoop.eventsPerWait)
    private var handlers: [Int32: (Interest) -> Void] = [:]
    private var afterEvents: [() -> Void] = []

    /// - Throws: where the system has no descriptor left.
    init(label: String) throws(SystemError) {
        queue = DispatchQueue(label: label)
        set = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard set >= 0 else { throw .last("epoll_create1") }
        bell = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard bell >= 0 else { throw .last("eventfd") }
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: bell))
        epoll_ctl(set, EPOLL_CTL_ADD, bell, &event)
    }

    deinit {
        Glibc.close(set)
        Glibc.close(bell)
    }

    /// Starts the thread, which also calls `tick` in every interval.
    func start(every interval: Duration, tick: @escaping @Sendable () -> Void) {
        queue.async { [self] in run(interval, tick) }
    }

    /// Ends the thread. Errands that come later are dropped.
    func stop() {
        mailbox.withLock { $0.isStopped = true }
        ring()
    }

    /// Runs `errand` on the loop's thread, soon.
    func perform(_ errand: @escaping @Sendable () -> Void) {
        let mustWake = mailbox.withLock { mailbox in
            guard !mailbox.isStopped else { return false }
            mailbox.errands.append(errand)
            defer { mailbox.isAsleep = false }
            return mailbox.isAsleep
        }
        if mustWake { ring() }
    }

    /// Runs `body` when the events at hand, or else the next ones, have been handled.
    func performAfterEvents(_ body: @escaping () -> Void) { afterEvents.append(body) }

    /// Changes what a socket is watched for, from `old` on. With no interest it is taken out of the set, since a broken
    /// connection would be reported for ever otherwise.
    /// - Parameter handler: called with what the socket is ready for; a broken one is ready for both.
    func watch(_ descriptor: Int32, for interest: Interest, before old: Interest, handler: @escaping (Interest) -> Void)
    {
        guard interest != old else { return }
        let operation = interest.isEmpty ? EPOLL_CTL_DEL : old.isEmpty ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
        var event = epoll_event(events: interest.rawValue, data: epoll_data_t(fd: descriptor))
        // The call only reads the event. It can fail for lack of kernel memory alone: the connection then times out.
        _ = epoll_ctl(set, operation, descriptor, &event)
        handlers[descriptor] = interest.isEmpty ? nil : handler
    }

    private func run(_ interval: Duration, _ tick: () -> Void) {
        // Where it is refused, as by a sandbox, the loop waits for its turn like any other thread. The thread is the
        // loop's own to the end of the process but for what Dispatch runs on it after a stop.
        _ = host_set_time_slice(Self.turnNanoseconds)
        var nextTick = Instant.now + interval
        while let errands = takeErrands() {
            for errand in errands { errand() }
            let now = Instant.now
            if now >= nextTick {
                handleArrived()
                tick()
                nextTick = now + interval
            }
            wait(upTo: nextTick - now)
        }
        handlers = [:]
    }

    /// Nothing once the loop is stopped.
    private func takeErrands() -> [@Sendable () -> Void]? {
        mailbox.withLock { mailbox in
            mailbox.isAsleep = false
            guard !mailbox.isStopped else { return nil }
            defer { mailbox.errands = [] }
            return mailbox.errands
        }
    }

    /// Waits for events, unless there are errands, and handles them.
    private func wait(upTo limit: Duration) {
        let mayWait = mailbox.withLock { mailbox in
            mailbox.isAsleep = mailbox.errands.isEmpty && !mailbox.isStopped
            return mailbox.isAsleep
        }
        // Rounded up, so that a wait never ends just before its time.
        handleEvents(milliseconds: mayWait ? Int32(clamping: max(0, limit.nanoseconds + 999_999) / 1_000_000) : 0)
    }

    /// Handles what is ready now, before deadlines are judged: if the process itself stood still for a while, no client
    /// is to blame for what was waiting to be read. Every socket is seen once, however many keep coming.
    private func handleArrived() {
        var rounds = handlers.count / Self.eventsPerWait + 1
        while rounds > 0, handleEvents(milliseconds: 0) == Self.eventsPerWait { rounds -= 1 }
    }

    /// Returns how many there were.
    @discardableResult
    private func handleEvents(milliseconds: Int32) -> Int {
        // The array lends its own memory and count, so the kernel cannot write past it.
        let count = events.withUnsafeMutableBufferPointer {
            epoll_wait(set, $0.baseAddress, Int32($0.count), milliseconds)
        }
        // Below zero where the wait was interrupted, as it is by SIGCONT.
        for index in 0..<Int(max(0, count)) {
            handle(events[index])
            if index % Self.eventsPerRound == Self.eventsPerRound - 1 { finishEvents() }
        }
        finishEvents()
        return Int(max(0, count))
    }

    private func handle(_ event: epoll_event) {
        guard event.data.fd != bell else {
            var rings: eventfd_t = 0
            eventfd_read(bell, &rings)
            return
        }
        let isBroken = event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
        handlers[event.data.fd]?(isBroken ? [.input, .output] : Interest(rawValue: event.events))
    }

    private func finishEvents() {
        // They handle no events themselves, and so add nothing.
        for body in afterEvents { body() }
        afterEvents.removeAll(keepingCapacity: true)
    }

    private func ring() {
        eventfd_write(bell, 1)
    }
}
