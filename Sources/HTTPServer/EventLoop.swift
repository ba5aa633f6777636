import CHost
import Clocks
import Dispatch
import Glibc
import Synchronization

/// An event loop: one thread that waits in epoll(7) for events of its sockets, runs tasks that other threads submit, and
/// calls a timer function.
///
/// The loop is one block that occupies a serial Dispatch queue until `stop`. A Dispatch source for each socket would cost
/// further system calls and the wake-up of a second thread at every event.
///
/// `@unchecked Sendable`: confined to `queue`, except for `inbox`, which has its own lock.
final class EventLoop: @unchecked Sendable {
    /// Readiness that is waited for, or that was reported.
    struct Interest: OptionSet {
        let rawValue: UInt32
        static let input = Interest(rawValue: EPOLLIN.rawValue)
        static let output = Interest(rawValue: EPOLLOUT.rawValue)
    }

    private struct Inbox {
        var tasks: [@Sendable () -> Void] = []
        /// Whether the loop is in `epoll_wait` or about to enter it, so that a new task must wake it.
        var isWaiting = false
        var isStopped = false
    }

    private static let eventsPerWait = 128
    /// Deferred work runs after so many events at the latest.
    private static let eventsPerRound = 16
    /// The shortest time slice that the kernel accepts. With a shorter slice than the computing threads', the loop is
    /// scheduled before them when it wakes; handling an event takes less than the slice.
    private static let timeSliceNanoseconds: UInt64 = 100_000

    let queue: DispatchQueue
    private let epollSet: Int32
    /// An eventfd(2) in the epoll set; writing to it ends the wait.
    private let wakeUp: Int32
    private let inbox = Mutex(Inbox())
    private var events = [epoll_event](repeating: epoll_event(), count: EventLoop.eventsPerWait)
    private var handlers: [Int32: (Interest) -> Void] = [:]
    private var deferred: [() -> Void] = []

    /// - Throws: where no file descriptor is left.
    init(label: String) throws(SystemError) {
        queue = DispatchQueue(label: label)
        epollSet = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epollSet >= 0 else { throw .last("epoll_create1") }
        wakeUp = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard wakeUp >= 0 else { throw .last("eventfd") }
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: wakeUp))
        epoll_ctl(epollSet, EPOLL_CTL_ADD, wakeUp, &event)
    }

    deinit {
        Glibc.close(epollSet)
        Glibc.close(wakeUp)
    }

    /// Starts the loop.
    /// - Parameter tick: called once in every interval, on the loop's thread.
    func start(every interval: Duration, tick: @escaping @Sendable () -> Void) {
        queue.async { [self] in run(interval, tick) }
    }

    /// Ends the loop. Tasks that are submitted later are dropped.
    func stop() {
        inbox.withLock { $0.isStopped = true }
        wake()
    }

    /// Submits a task, which runs on the loop's thread after those submitted before.
    func perform(_ task: @escaping @Sendable () -> Void) {
        let mustWake = inbox.withLock { inbox in
            guard !inbox.isStopped else { return false }
            inbox.tasks.append(task)
            defer { inbox.isWaiting = false }
            return inbox.isWaiting
        }
        if mustWake { wake() }
    }

    /// Defers work until the current batch of events, at most `eventsPerRound`, has been handled. Only on the loop's thread.
    func performAfterEvents(_ body: @escaping () -> Void) { deferred.append(body) }

    /// Changes what a socket is watched for. With no interest it is removed from the epoll set: otherwise a broken
    /// connection would be reported again and again.
    /// - Parameters:
    ///   - old: what it is watched for now.
    ///   - handler: called with the socket's readiness; a broken connection is ready for both.
    func watch(_ descriptor: Int32, for interest: Interest, before old: Interest, handler: @escaping (Interest) -> Void)
    {
        guard interest != old else { return }
        let operation = interest.isEmpty ? EPOLL_CTL_DEL : old.isEmpty ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
        var event = epoll_event(events: interest.rawValue, data: epoll_data_t(fd: descriptor))
        // The call only reads the event. It fails only for lack of kernel memory, and then the connection times out.
        _ = epoll_ctl(epollSet, operation, descriptor, &event)
        handlers[descriptor] = interest.isEmpty ? nil : handler
    }

    private func run(_ interval: Duration, _ tick: () -> Void) {
        // Where a sandbox refuses this, the loop is scheduled like any other thread. Dispatch may run other work on the
        // thread after `stop`; the slice then stays short.
        _ = host_set_time_slice(Self.timeSliceNanoseconds)
        var nextTick = Instant.now + interval
        while let tasks = takeTasks() {
            for task in tasks { task() }
            let now = Instant.now
            if now >= nextTick {
                handlePendingEvents()
                tick()
                nextTick = now + interval
            }
            wait(upTo: nextTick - now)
        }
        handlers = [:]
    }

    /// The submitted tasks; nil once the loop is stopped.
    private func takeTasks() -> [@Sendable () -> Void]? {
        inbox.withLock { inbox in
            inbox.isWaiting = false
            guard !inbox.isStopped else { return nil }
            defer { inbox.tasks = [] }
            return inbox.tasks
        }
    }

    /// Waits for events, unless there are tasks, and handles them.
    private func wait(upTo limit: Duration) {
        let mayWait = inbox.withLock { inbox in
            inbox.isWaiting = inbox.tasks.isEmpty && !inbox.isStopped
            return inbox.isWaiting
        }
        // Rounded up to milliseconds, so that the wait does not end just before the next tick.
        handleEvents(milliseconds: mayWait ? Int32(clamping: max(0, limit.nanoseconds + 999_999) / 1_000_000) : 0)
    }

    /// Handles all events that are pending, before `tick` checks deadlines: if the process was suspended for a while, data
    /// that arrived in time must be read first. Each socket is handled about once, however fast further events come.
    private func handlePendingEvents() {
        var rounds = handlers.count / Self.eventsPerWait + 1
        while rounds > 0, handleEvents(milliseconds: 0) == Self.eventsPerWait { rounds -= 1 }
    }

    /// - Returns: how many there were.
    @discardableResult
    private func handleEvents(milliseconds: Int32) -> Int {
        // The array lends its own memory and count, so the kernel cannot write past it.
        let count = events.withUnsafeMutableBufferPointer {
            epoll_wait(epollSet, $0.baseAddress, Int32($0.count), milliseconds)
        }
        // Negative where a signal, such as SIGCONT, interrupted the wait.
        for index in 0..<Int(max(0, count)) {
            handle(events[index])
            if index % Self.eventsPerRound == Self.eventsPerRound - 1 { runDeferred() }
        }
        runDeferred()
        return Int(max(0, count))
    }

    private func handle(_ event: epoll_event) {
        guard event.data.fd != wakeUp else {
            var count: eventfd_t = 0
            eventfd_read(wakeUp, &count)
            return
        }
        let isBroken = event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
        handlers[event.data.fd]?(isBroken ? [.input, .output] : Interest(rawValue: event.events))
    }

    private func runDeferred() {
        // Deferred work handles no events and so defers nothing itself.
        for body in deferred { body() }
        deferred.removeAll(keepingCapacity: true)
    }

    private func wake() {
        eventfd_write(wakeUp, 1)
    }
}
