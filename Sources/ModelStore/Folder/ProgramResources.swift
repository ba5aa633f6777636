import Foundation

/// Files that come with the program: in SwiftPM's resource bundles beside it, or in the share folder of its prefix.
package enum ProgramResources {
    /// - Parameters:
    ///   - bundled: the path below the program's folder.
    ///   - installed: the path below `share/weightspace`.
    /// - Returns: the first of the two that is there.
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
