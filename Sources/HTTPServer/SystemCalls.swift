import Glibc

/// The socket calls of connections, with their outcomes as enumerations.
enum SystemCalls {
    enum Received {
        case bytes(Int)
        case wouldBlock
        case end
        case failed(SystemError)
    }

    enum Sent {
        case bytes(Int)
        case wouldBlock
        case failed(SystemError)
    }

    static func receive(_ descriptor: Int32, into buffer: inout [UInt8]) -> Received {
        while true {
            // The array passes its own address and count, so that the kernel cannot write past its end.
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            switch errno {
            case EINTR: continue
            case EAGAIN, EWOULDBLOCK: return .wouldBlock
            default: return .failed(.last("recv"))
            }
        }
    }

    /// - Parameter more: whether further bytes follow at once (`MSG_MORE`), so that the kernel may fill a segment.
    static func send(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>, more: Bool) -> Sent {
        let flags = Int32(MSG_NOSIGNAL) | (more ? Int32(MSG_MORE) : 0)
        while true {
            // The slice passes its own address and count, so that the kernel cannot read past its end.
            let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, flags) }
            if count >= 0 { return .bytes(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN, EWOULDBLOCK: return .wouldBlock
            default: return .failed(.last("send"))
            }
        }
    }

    /// Whether the connection is broken or both directions are shut down, poll(2); reads nothing.
    static func isBroken(_ descriptor: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: 0, revents: 0)
        guard poll(&request, 1, 0) > 0 else { return false }
        return Int32(request.revents) & (POLLERR | POLLHUP | POLLNVAL) != 0
    }

    static func shutdownSending(_ descriptor: Int32) {
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    static func setOption(_ descriptor: Int32, level: Int32, _ option: Int32, to value: Int32) -> Bool {
        var value = value
        return setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    /// Makes the descriptor non-blocking and close-on-exec.
    static func makeNonBlocking(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// Disables Nagle's algorithm, which delays a small response until the previous one is acknowledged.
    static func disableDelay(_ descriptor: Int32) {
        _ = setOption(descriptor, level: Int32(IPPROTO_TCP), TCP_NODELAY, to: 1)
    }
}
