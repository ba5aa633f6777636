import Glibc

/// A connection's socket, watched by its event loop.
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

    /// Calls `ready` as long as there is input, or room for output, that is wanted.
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

    /// Ends the watching before the descriptor's number can be reused.
    func close() {
        guard !isClosed else { return }
        watch(for: []) { _ in }
        isClosed = true
        Glibc.close(descriptor)
    }
}
