import Foundation
import Glibc

/// A file operation that failed: what was tried, on which path, and the system's reason.
package struct FileError: Error, Sendable, Equatable, CustomStringConvertible, LocalizedError {
    /// What was tried.
    package enum Operation: String, Sendable {
        case read
        case write
        case create
    }

    package let operation: Operation
    package let path: String
    /// As `strerror` words it, such as "Permission denied".
    package let reason: String

    /// - Parameter error: as Foundation or a system call reported it.
    package init(_ operation: Operation, _ path: String, _ error: any Error) {
        self.init(operation, path, reason: Self.reason(error))
    }

    package init(_ operation: Operation, _ path: String, reason: String) {
        self.operation = operation
        self.path = path
        self.reason = reason
    }

    /// `cannot read 'net.pth': No such file or directory`
    package var description: String { "cannot \(operation.rawValue) '\(path)': \(reason)" }
    package var errorDescription: String? { description }

    /// The system's words for what Foundation reports; another error's own description.
    package static func reason(_ error: any Error) -> String {
        if let error = error as? FileError { return error.reason }
        // Foundation reports a system call's number as `POSIXError` or as a plain `NSError` of its domain.
        if (error as NSError).domain == NSPOSIXErrorDomain { return words(Int32(clamping: (error as NSError).code)) }
        guard let error = error as? CocoaError else { return String(describing: error) }
        if let cause = error.underlying { return reason(cause) }
        return switch error.code {
        case .fileNoSuchFile, .fileReadNoSuchFile: words(ENOENT)
        case .fileReadNoPermission, .fileWriteNoPermission: words(EACCES)
        case .fileWriteOutOfSpace: words(ENOSPC)
        case .fileWriteFileExists: words(EEXIST)
        case .fileWriteVolumeReadOnly: words(EROFS)
        case .fileReadTooLarge: words(EFBIG)
        case .fileReadInvalidFileName, .fileWriteInvalidFileName: "Invalid file name"
        case .fileReadInapplicableStringEncoding, .fileReadUnknownStringEncoding: "Not valid UTF-8"
        default: words(EIO)
        }
    }

    /// An error that no caller has given a path: the path that Foundation names, if any, and the reason.
    package static func description(of error: any Error) -> String {
        let path = (error as? CocoaError).flatMap { $0.filePath ?? $0.url?.path }
        return path.map { "'\($0)': \(reason(error))" } ?? reason(error)
    }

    private static func words(_ number: Int32) -> String { String(cString: strerror(number)) }
}
