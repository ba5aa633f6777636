import Foundation
import Glibc
import Host
import Testing

@Suite("File errors")
struct FileErrorTests {
    private func failure(_ operation: FileError.Operation, _ path: String, _ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return FileError(operation, path, error).description
        }
    }

    @Test("say what was tried, where, and the system's reason")
    func descriptions() {
        let missing = "/nowhere/net.pth"
        #expect(
            failure(.read, missing) { _ = try Data(contentsOf: URL(filePath: missing)) }
                == "cannot read '/nowhere/net.pth': No such file or directory")
        #expect(
            failure(.read, missing) { _ = try FileHandle(forReadingFrom: URL(filePath: missing)) }
                == "cannot read '/nowhere/net.pth': No such file or directory")
        #expect(
            failure(.write, missing) { try Data().write(to: URL(filePath: missing), options: .atomic) }
                == "cannot write '/nowhere/net.pth': No such file or directory")
        #expect(
            failure(.read, "/nowhere") { _ = try FileManager.default.contentsOfDirectory(atPath: "/nowhere") }
                == "cannot read '/nowhere': No such file or directory")
        #expect(
            failure(.create, "/dev/null/x") {
                try FileManager.default.createDirectory(atPath: "/dev/null/x", withIntermediateDirectories: true)
            } == "cannot create '/dev/null/x': Not a directory")
    }

    @Test(
        "give the system's reason also where Foundation names only its own code",
        arguments: [
            (CocoaError.fileReadNoPermission, EACCES), (.fileWriteNoPermission, EACCES), (.fileWriteOutOfSpace, ENOSPC),
            (.fileNoSuchFile, ENOENT), (.fileWriteVolumeReadOnly, EROFS),
        ] as [(CocoaError.Code, Int32)])
    func codes(_ code: CocoaError.Code, _ number: Int32) {
        #expect(FileError.reason(CocoaError(code)) == String(cString: strerror(number)))
    }
}
