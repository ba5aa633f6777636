import Foundation
import Glibc

/// A Unix socket that receives what is told to a service manager.
package final class DatagramInbox {
    package enum Failure: Error { case system(String, Int32) }

    package let path = FileManager.default.temporaryDirectory.appending(path: "n\(UInt32.random(in: 0 ... .max))").path
    private let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)

    package init() throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else { throw Failure.system("bind", errno) }
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    /// The next message; nil if none comes in so many milliseconds.
    package func take(within milliseconds: Int32 = 0) -> String? {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&request, 1, milliseconds) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
