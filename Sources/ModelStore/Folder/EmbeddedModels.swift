import Foundation

/// The models that come with the program.
package enum EmbeddedModels {
    /// Where their folder is: beside the program (SwiftPM's resource bundle), or in the share folder of its prefix.
    package static func directory() -> URL? {
        let files = FileManager.default
        guard let program = try? files.destinationOfSymbolicLink(atPath: "/proc/self/exe") else { return nil }
        let folder = URL(fileURLWithPath: program).deletingLastPathComponent()
        let candidates = [
            folder.appendingPathComponent("weightspace_ModelStore.resources/Models"),
            folder.deletingLastPathComponent().appendingPathComponent("share/weightspace/models"),
        ]
        return candidates.first { (try? files.contentsOfDirectory(atPath: $0.path)) != nil }
    }
}
