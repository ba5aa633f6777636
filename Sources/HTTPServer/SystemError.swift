import Glibc

/// A system call that failed, with its name and `errno`.
package struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    package let call: String
    /// Its `errno`.
    package let number: Int32

    /// The failure that the last call on this thread left in `errno`.
    static func last(_ call: String) -> SystemError { SystemError(call: call, number: errno) }

    package var description: String {
        "\(call): \(String(cString: strerror(number)))"
    }
}
