import Foundation

/// The modification times, sizes and inode numbers of files before they are read, to detect that one has changed since.
struct FileSnapshot {
    private struct State: Equatable {
        let modified: Date?
        let size: Int?
        let number: Int?
    }

    private var states: [String: State] = [:]

    /// Records a file's state; to be called before it is read.
    mutating func note(_ path: String) {
        if states[path] == nil { states[path] = Self.state(path) }
    }

    /// Whether every file's state is as recorded: it was neither written to nor replaced.
    var isCurrent: Bool { states.allSatisfy { $0.value == Self.state($0.key) } }

    private static func state(_ path: String) -> State {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return State(
            modified: attributes?[.modificationDate] as? Date, size: attributes?[.size] as? Int,
            number: attributes?[.systemFileNumber] as? Int)
    }
}
