import Foundation

/// How files were when they were first looked at, to tell whether they are still the same.
struct FileSnapshot {
    private struct State: Equatable {
        let modified: Date?
        let size: Int?
        let number: Int?
    }

    private var states: [String: State] = [:]

    /// Looks at a file before it is read.
    mutating func note(_ path: String) {
        if states[path] == nil { states[path] = Self.state(path) }
    }

    /// Whether every file is still what it was: neither written to nor replaced.
    var isCurrent: Bool { states.allSatisfy { $0.value == Self.state($0.key) } }

    private static func state(_ path: String) -> State {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return State(
            modified: attributes?[.modificationDate] as? Date, size: attributes?[.size] as? Int,
            number: attributes?[.systemFileNumber] as? Int)
    }
}
