import CEpoll
import Dispatch
import Glibc

/// Watches the sockets of one queue through an epoll set, which a single Dispatch source watches in turn.
///
/// A source of its own for every socket costs system calls and a wake-up at every event; the set gives the events of
/// many sockets at once. It is level-triggered, so what a turn leaves unread is reported again.
///
/// `@unchecked Sendable`: confined to `queue`.
final class Poller: @unchecked Sendable {
    struct Interest: OptionSet {
        let rawValue: UInt32
        static let input = Interest(rawValue: EPOLLIN.rawValue)
        static let output = Interest(rawValue: EPOLLOUT.rawValue)
    }

    private static let eventsPerWait = 128
    /// Waits of one turn while there are events, after which whatever else the queue has to do gets its turn.
    private static let waitsPerTurn = 4

    private let queue: DispatchQueue
    private let set: Int32
    private var source: (any DispatchSourceRead)?
    private var events = [epoll_event](repeating: epoll_event(), count: Poller.eventsPerWait)
    private var handlers: [Int32: (Interest) -> Void] = [:]

    /// - Throws: where the system has no descriptor left.
    init(queue: DispatchQueue) throws(SystemError) {
        self.queue = queue
        set = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard set >= 0 else { throw .last("epoll_create1") }
    }

    deinit { Glibc.close(set) }

    func start() {
        let source = DispatchSource.makeReadSource(fileDescriptor: set, queue: queue)
        source.setEventHandler { [self] in turn() }
        // Until the source has let go of the set, `self` keeps it open.
        source.setCancelHandler { [self] in self.source = nil }
        self.source = source
        source.activate()
    }

    /// Ends the watching of all sockets and releases the queue.
    func stop() {
        handlers = [:]
        source?.cancel()
    }

    /// Changes what a socket is watched for, from `old` on. With no interest it is taken out of the set, since a broken
    /// connection would be reported for ever otherwise.
    /// - Parameter handler: called on the queue with what the socket is ready for; a broken one is ready for both.
    func watch(_ descriptor: Int32, for interest: Interest, before old: Interest, handler: @escaping (Interest) -> Void)
    {
        guard interest != old else { return }
        let operation = interest.isEmpty ? EPOLL_CTL_DEL : old.isEmpty ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
        var event = epoll_event(events: interest.rawValue, data: epoll_data_t(fd: descriptor))
        // The call only reads the event. It can fail for lack of kernel memory alone: the connection then times out.
        _ = epoll_ctl(set, operation, descriptor, &event)
        handlers[descriptor] = interest.isEmpty ? nil : handler
    }

    private func turn() {
        dispatchPrecondition(condition: .onQueue(queue))
        for _ in 0..<Self.waitsPerTurn {
            // The array lends its own memory and count, so the kernel cannot write past it.
            let count = events.withUnsafeMutableBufferPointer {
                epoll_wait(set, $0.baseAddress, Int32($0.count), 0)
            }
            guard count > 0 else { return }
            for index in 0..<Int(count) {
                let event = events[index]
                let isBroken = event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
                handlers[event.data.fd]?(isBroken ? [.input, .output] : Interest(rawValue: event.events))
            }
        }
    }
}
