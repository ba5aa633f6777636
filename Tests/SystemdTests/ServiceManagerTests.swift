import Foundation
import Glibc
import Testing

@testable import Systemd

@Suite("systemd")
struct ServiceManagerTests {
    /// A datagram socket that receives what is told to the manager.
    private final class Inbox {
        let path = FileManager.default.temporaryDirectory.appending(path: "n\(UInt32.random(in: 0 ... .max))").path
        private let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)

        init() throws {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(status == 0)
        }

        deinit {
            close(descriptor)
            unlink(path)
        }

        /// The next message, which must be there already.
        func take() -> String? {
            var bytes = [UInt8](repeating: 0, count: 1024)
            let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }

    @Test("is told what happens, in one message each time")
    func notifications() throws {
        let inbox = try Inbox()
        let manager = ServiceManager(environment: ["NOTIFY_SOCKET": inbox.path])
        manager.tell(.ready, .status("two\nlines"))
        #expect(inbox.take() == "READY=1\nSTATUS=two lines")
        manager.tell(.watchdog)
        manager.tell(.stopping)
        #expect(inbox.take() == "WATCHDOG=1")
        #expect(inbox.take() == "STOPPING=1")
        manager.tell(.reloading)
        let reloading = try #require(inbox.take())
        #expect(reloading.wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=\d+/) != nil)
        #expect(inbox.take() == nil)
    }

    @Test("is not there, not listening or badly named: nothing happens", arguments: [nil, "/nowhere/socket", "x", ""])
    func silence(_ path: String?) {
        ServiceManager(environment: path.map { ["NOTIFY_SOCKET": $0] } ?? [:]).tell(.ready)
    }

    @Test("passes sockets, by their names, to the process that they are for")
    func sockets() {
        var environment = ["LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:admin"]
        let manager = ServiceManager(environment: environment, process: 7)
        #expect(manager.sockets == [.init(descriptor: 3, name: "http"), .init(descriptor: 4, name: "admin")])
        #expect(ServiceManager(environment: environment, process: 8).sockets.isEmpty)
        environment["LISTEN_FDNAMES"] = nil
        #expect(ServiceManager(environment: environment, process: 7).sockets.map(\.name) == ["", ""])
        environment["LISTEN_FDS"] = "-1"
        #expect(ServiceManager(environment: environment, process: 7).sockets.isEmpty)
    }

    @Test("wants signs of life twice in its time")
    func watchdog() {
        #expect(ServiceManager(environment: ["WATCHDOG_USEC": "30000000"]).watchdogInterval == .seconds(15))
        let other = ["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"]
        #expect(ServiceManager(environment: other, process: 7).watchdogInterval == nil)
        #expect(ServiceManager(environment: other, process: 8).watchdogInterval == .seconds(15))
        #expect(ServiceManager(environment: ["WATCHDOG_USEC": "soon"]).watchdogInterval == nil)
    }
}
