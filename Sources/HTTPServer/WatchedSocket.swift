import Glibc

/// A connection's socket, watched by its queue's poller.
///
/// `@unchecked Sendable`: confined to the poller's queue.
final class WatchedSocket: @unchecked Sendable {
    private let descriptor: Int32
    private let poller: Poller
    private var interest: Poller.Interest = []
    private var isClosed = false

    init(_ descriptor: Int32, poller: Poller) {
        self.descriptor = descriptor
        self.poller = poller
    }

    /// Calls `ready` as long as there is input, or room for output, that is wanted.
    func watch(for interest: Poller.Interest, ready: @escaping (Poller.Interest) -> Void) {
        guard !isClosed, interest != self.interest else { return }
        poller.watch(descriptor, for: interest, before: self.interest, handler: ready)
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
