import Dispatch
import Glibc

/// A socket with the Dispatch sources that watch it.
///
/// Dispatch keeps one table for all sources, keyed by descriptor number. A number that is closed, and so reused, before
/// every source on it is fully cancelled leaves a stale entry there, and the new socket's sources never fire. So the
/// descriptor is closed here only, when the last source has confirmed its cancellation.
///
/// `@unchecked Sendable`: confined to `queue`, where all its sources run too.
final class SocketDescriptor: @unchecked Sendable {
    private let descriptor: Int32
    private let queue: DispatchQueue
    private var reading: (any DispatchSourceRead)?
    private var writing: (any DispatchSourceWrite)?
    private var readingIsSuspended = false
    private var writingIsSuspended = false
    private var liveSources = 0
    private var whenClosed: (() -> Void)?
    private var isClosing = false

    init(_ descriptor: Int32, queue: DispatchQueue) {
        self.descriptor = descriptor
        self.queue = queue
    }

    /// Starts to watch for input; `readable` is called as long as there is some and `wantsInput` holds.
    func start(readable: @escaping @Sendable () -> Void) {
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler(handler: readable)
        source.setCancelHandler { [self] in sourceEnded() }
        liveSources += 1
        reading = source
        source.activate()
    }

    var wantsInput: Bool {
        get { !readingIsSuspended }
        set {
            guard let reading, !isClosing, newValue == readingIsSuspended else { return }
            readingIsSuspended = !newValue
            if newValue { reading.resume() } else { reading.suspend() }
        }
    }

    /// Calls `writable` when the socket takes bytes again; the source is made at the first need and kept.
    func waitToSend(writable: @escaping @Sendable () -> Void) {
        guard !isClosing else { return }
        guard let writing else {
            let source = DispatchSource.makeWriteSource(fileDescriptor: descriptor, queue: queue)
            source.setEventHandler(handler: writable)
            source.setCancelHandler { [self] in sourceEnded() }
            liveSources += 1
            self.writing = source
            source.activate()
            return
        }
        guard writingIsSuspended else { return }
        writingIsSuspended = false
        writing.resume()
    }

    func stopWaitingToSend() {
        guard let writing, !isClosing, !writingIsSuspended else { return }
        writingIsSuspended = true
        writing.suspend()
    }

    func receive(into buffer: inout [UInt8]) -> SystemCalls.Received {
        isClosing ? .end : SystemCalls.receive(descriptor, into: &buffer)
    }

    func send(_ bytes: ArraySlice<UInt8>, more: Bool) -> SystemCalls.Sent {
        isClosing
            ? .failed(SystemError(call: "send", number: EPIPE))
            : SystemCalls.send(descriptor, bytes, more: more)
    }

    func shutdownSending() {
        if !isClosing { SystemCalls.shutdownSending(descriptor) }
    }

    var isBroken: Bool { !isClosing && SystemCalls.isBroken(descriptor) }

    /// Cancels the sources, closes the descriptor after the last of them, then calls `whenClosed`.
    func close(whenClosed: @escaping () -> Void) {
        guard !isClosing else { return }
        isClosing = true
        self.whenClosed = whenClosed
        // A suspended source would never deliver its cancellation.
        if readingIsSuspended { reading?.resume() }
        if writingIsSuspended { writing?.resume() }
        reading?.cancel()
        writing?.cancel()
        if liveSources == 0 { closeDescriptor() }
    }

    private func sourceEnded() {
        liveSources -= 1
        if liveSources == 0 { closeDescriptor() }
    }

    private func closeDescriptor() {
        reading = nil
        writing = nil
        Glibc.close(descriptor)
        whenClosed?()
        whenClosed = nil
    }
}
