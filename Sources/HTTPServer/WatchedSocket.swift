import Glibc

/// A connection's socket in the epoll set of its event loop.
///
/// `@unchecked Sendable`: confined to the loop's queue.
final class WatchedSocket: @unchecked Sendable {
    private let descriptor: Int32
    private let loop: EventLoop
    private var interest: EventLoop.Interest = []
    private var isClosed = false

    init(_ descriptor: Int32, loop: EventLoop) {
        self.descriptor = descriptor
        self.loop = loop
    }

    /// Sets what to wait for. `ready` is called again and again while the socket is ready for it (level-triggered).
    func watch(for interest: EventLoop.Interest, ready: @escaping (EventLoop.Interest) -> Void) {
        guard !isClosed, interest != self.interest else { return }
        loop.watch(descriptor, for: interest, before: self.interest, handler: ready)
        self.interest = interest
    }

    func receive(into buffer: inout [UInt8]) -> SystemCalls.Received {
        isClosed ? .end : SystemCalls.receive(descriptor, into: &buffer)
    }

    func send(_ bytes: ArraySlice<UInt8>, more: Bool) -> SystemCalls.Sent {
        isClosed
            ? .failed(SystemError(call: "send", number: EPIPE))
            : SystemCalls.send(descriptor, bytes, more: more)
    }

    func shutdownSending() {
        if !isClosed { SystemCalls.shutdownSending(descriptor) }
    }

    var isBroken: Bool { !isClosed && SystemCalls.isBroken(descriptor) }

    /// Removes the socket from the epoll set, then closes it: afterwards its number may be reused.
    func close() {
        guard !isClosed else { return }
        watch(for: []) { _ in }
        isClosed = true
        Glibc.close(descriptor)
    }
}
