import Glibc

/// Waits for a file to be put into a folder, each time anew, by inotify(7).
final class FileArrivals {
    enum Failure: Error { case system(String, Int32), timeout }

    private let name: String
    private let descriptor: Int32
    private var arrivals = 0

    /// Watches from now on.
    init(of name: String, in folder: String) throws {
        self.name = name
        descriptor = inotify_init1(Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { throw Failure.system("inotify_init1", errno) }
        guard inotify_add_watch(descriptor, folder, UInt32(IN_MOVED_TO) | UInt32(IN_CREATE)) >= 0 else {
            throw Failure.system("inotify_add_watch", errno)
        }
    }

    deinit { close(descriptor) }

    /// Waits for the next one, at most 30 seconds.
    func wait() throws {
        while arrivals == 0 {
            var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&request, 1, 30_000) > 0 else { throw Failure.timeout }
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = read(descriptor, &bytes, bytes.count)
            guard count > 0 else { throw Failure.system("read", errno) }
            // Each event is 16 bytes, of which the last four are the length of the name that follows, padded with zeros.
            var start = 0
            while start + 16 <= count {
                let length = (0..<4).reduce(0) { $0 | Int(bytes[start + 12 + $1]) << (8 * $1) }
                let text = bytes[(start + 16)..<min(count, start + 16 + length)].prefix { $0 != 0 }
                if String(decoding: text, as: UTF8.self) == name { arrivals += 1 }
                start += 16 + length
            }
        }
        arrivals -= 1
    }
}
