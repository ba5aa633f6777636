import HTTPCore
import HTTPTypes

/// The time that a request took, by stage.
package struct RequestTiming: Sendable, Equatable {
    /// Reading the body and preparing its networks.
    package var parse: Duration = .zero
    /// Waiting in the queue.
    package var queue: Duration = .zero
    /// Computing all passes.
    package var compute: Duration = .zero

    package init() {}

    /// The `Server-Timing` field (W3C Server Timing), in milliseconds.
    package var field: String {
        [("parse", parse), ("queue", queue), ("compute", compute)]
            .map { name, duration in "\(name);dur=\(milliseconds(duration))" }
            .joined(separator: ", ")
    }

    private func milliseconds(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        let fraction = String(microseconds % 1000)
        return "\(microseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }
}

extension Response {
    /// The response with a `Server-Timing` field: `timing`, or where it is nil the field that is there or else zeros.
    func timed(_ timing: RequestTiming? = nil) -> Response {
        guard timing != nil || !fields.contains(.serverTiming) else { return self }
        var response = self
        response.fields[.serverTiming] = timing?.field ?? Self.untimed
        return response
    }

    private static let untimed = RequestTiming().field
}

extension HTTPField.Name {
    fileprivate static let serverTiming = HTTPField.Name(token: "Server-Timing")
}
