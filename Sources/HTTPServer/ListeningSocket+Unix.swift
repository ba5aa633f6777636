import Glibc

extension ListeningSocket {
    /// Binds a path. A socket file that a process has left behind is replaced; one that accepts connections is not.
    init(path: String, permissions: UInt32) throws(ServerError) {
        guard let candidate = ResolvedAddress(path: path) else { throw .invalidPath(path) }
        do throws(SystemError) {
            try Self.removeAbandoned(path, candidate)
            let descriptor = socket(AF_UNIX, Self.type, 0)
            guard descriptor >= 0 else { throw .last("socket") }
            do throws(SystemError) {
                guard candidate.withPointer({ bind(descriptor, $0, $1) }) == 0 else { throw .last("bind") }
                guard chmod(path, permissions) == 0 else { throw .last("chmod") }
                guard Glibc.listen(descriptor, Self.backlog) == 0 else { throw .last("listen") }
            } catch {
                Glibc.close(descriptor)
                throw error
            }
            self.init(descriptor: descriptor, address: .unix(path: path), ownPath: path)
        } catch {
            throw .cannotListen(address: path, error)
        }
    }

    private static func removeAbandoned(_ path: String, _ address: ResolvedAddress) throws(SystemError) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        let probe = socket(AF_UNIX, type, 0)
        guard probe >= 0 else { throw .last("socket") }
        defer { Glibc.close(probe) }
        guard address.withPointer({ connect(probe, $0, $1) }) != 0 else {
            throw SystemError(call: "bind", number: EADDRINUSE)
        }
        if errno == ECONNREFUSED { unlink(path) }
    }
}
