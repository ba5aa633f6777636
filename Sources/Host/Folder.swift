import Foundation

/// Questions about a folder of the file system.
package enum Folder {
    /// Whether a path, with its symbolic links followed, is a folder.
    package static func exists(at path: String) -> Bool {
        let url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        return (try? url.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true
    }
}
