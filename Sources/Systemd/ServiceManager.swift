import Foundation
import Glibc

/// The service manager that started the process, as `sd_notify(3)` and `sd_listen_fds(3)` describe it; without one,
/// telling it something does nothing.
package struct ServiceManager: Sendable {
    /// A socket that the manager opened and passed on.
    package struct Socket: Sendable, Equatable {
        package let descriptor: Int32
        /// As the socket unit names it (`FileDescriptorName=`); empty if it does not.
        package let name: String
    }

    package enum State: Sendable, Equatable {
        case ready
        case reloading
        case stopping
        /// A sign of life.
        case watchdog
        /// One line for people.
        case status(String)
    }

    /// Sockets to listen on, in the manager's order.
    package let sockets: [Socket]
    /// How often it wants a sign of life at least; half of what it waits for.
    package let watchdogInterval: Duration?
    private let notifications: DatagramSocket?

    private static let firstDescriptor: Int32 = 3

    package init(environment: [String: String] = ProcessInfo.processInfo.environment, process: Int32 = getpid()) {
        notifications = environment["NOTIFY_SOCKET"].flatMap(DatagramSocket.init)
        let isMine = environment["LISTEN_PID"].flatMap { Int32($0) } == process
        let count = isMine ? environment["LISTEN_FDS"].flatMap { Int32($0) } ?? 0 : 0
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        sockets = (0..<max(0, min(count, 64))).map { index in
            let name = Int(index) < names.count ? String(names[Int(index)]) : ""
            return Socket(descriptor: Self.firstDescriptor + index, name: name)
        }
        let isWatched = environment["WATCHDOG_PID"].map { Int32($0) == process } ?? true
        watchdogInterval = environment["WATCHDOG_USEC"].flatMap { Int64($0) }
            .flatMap { isWatched && $0 > 0 ? .microseconds($0 / 2) : nil }
    }

    /// Tells the manager, which may not be listening any more.
    package func tell(_ states: State...) {
        notifications?.send(states.map(\.text).joined(separator: "\n"))
    }
}

extension ServiceManager.State {
    fileprivate var text: String {
        switch self {
        case .ready: "READY=1"
        case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(Self.monotonicMicroseconds)"
        case .stopping: "STOPPING=1"
        case .watchdog: "WATCHDOG=1"
        case .status(let line): "STATUS=" + line.split(whereSeparator: \.isNewline).joined(separator: " ")
        }
    }

    private static var monotonicMicroseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }
}
