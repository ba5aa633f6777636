import Foundation

/// Files that are installed with the program: in SwiftPM's resource bundles beside it, or in `share/weightspace` of its
/// prefix.
package enum ProgramResources {
    /// Looks for a file or folder of the program.
    /// - Parameters:
    ///   - bundled: its path relative to the program's folder.
    ///   - installed: its path relative to `../share/weightspace`.
    /// - Returns: the first of the two that exists; nil if neither does.
    package static func url(bundled: String, installed: String) -> URL? {
        let files = FileManager.default
        guard let program = try? files.destinationOfSymbolicLink(atPath: "/proc/self/exe") else { return nil }
        let folder = URL(fileURLWithPath: program).deletingLastPathComponent()
        return [
            folder.appendingPathComponent(bundled),
            folder.deletingLastPathComponent().appendingPathComponent("share/weightspace").appendingPathComponent(
                installed),
        ].first { files.fileExists(atPath: $0.path) }
    }
}
