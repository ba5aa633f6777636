import Foundation
import Glibc

/// The service manager that started the process, over the protocols of `sd_notify(3)` and `sd_listen_fds(3)`. Without one
/// there are no sockets, and notifications are not sent.
package struct ServiceManager: Sendable {
    /// A socket that the manager opened and passed to the process.
    package struct Socket: Sendable, Equatable {
        /// The file descriptor, which the process inherited.
        package let descriptor: Int32
        /// The socket unit's `FileDescriptorName=`; empty without one.
        package let name: String
    }

    /// What the manager can be told.
    package enum State: Sendable, Equatable {
        case ready
        case reloading
        case stopping
        /// The keep-alive message.
        case watchdog
        /// One line that `systemctl status` shows.
        case status(String)
    }

    /// Sockets to listen on, in the order in which the manager passed them.
    package let sockets: [Socket]
    /// How often to send `watchdog`: half of the manager's timeout; nil where it does not watch this process.
    package let watchdogInterval: Duration?
    private let notifications: DatagramSocket?

    private static let firstDescriptor: Int32 = 3

    /// - Parameters:
    ///   - environment: holds `NOTIFY_SOCKET`, `LISTEN_PID`, `LISTEN_FDS`, `LISTEN_FDNAMES`, `WATCHDOG_PID`, `WATCHDOG_USEC`.
    ///   - process: the number by which the manager addresses this process.
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

    /// Sends the states in one message.
    /// - Returns: whether it was sent: false without a manager, or where it does not listen.
    @discardableResult
    package func tell(_ states: State...) -> Bool {
        notifications?.send(states.map(\.text).joined(separator: "\n")) ?? false
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
