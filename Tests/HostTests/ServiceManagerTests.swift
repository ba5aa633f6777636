import TestSupport
import Testing

@testable import Host

@Suite("systemd")
struct ServiceManagerTests {
    @Test("is notified with one message for each call")
    func notifications() throws {
        let inbox = try DatagramInbox()
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

    @Test(
        "a notification that nobody receives is not sent, and no error", arguments: [nil, "/nowhere/socket", "x", ""])
    func unheard(_ path: String?) throws {
        let manager = ServiceManager(environment: path.map { ["NOTIFY_SOCKET": $0] } ?? [:])
        #expect(!manager.tell(.ready))
        let inbox = try DatagramInbox()
        #expect(ServiceManager(environment: ["NOTIFY_SOCKET": inbox.path]).tell(.ready))
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

    @Test("is sent keep-alives at half its timeout")
    func watchdog() {
        #expect(ServiceManager(environment: ["WATCHDOG_USEC": "30000000"]).watchdogInterval == .seconds(15))
        let other = ["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"]
        #expect(ServiceManager(environment: other, process: 7).watchdogInterval == nil)
        #expect(ServiceManager(environment: other, process: 8).watchdogInterval == .seconds(15))
        #expect(ServiceManager(environment: ["WATCHDOG_USEC": "soon"]).watchdogInterval == nil)
    }
}
