import Foundation
import Host
import Tensors

/// The files that a command line names. A folder stands for the files in it, without hidden files and folders, in
/// natural order.
struct FileList {
    let paths: [String]
    /// Those of `paths` that come from a folder.
    let found: Set<String>

    init(_ named: [String]) throws {
        var paths: [String] = []
        var found: Set<String> = []
        for path in named {
            guard Folder.exists(at: path) else {
                paths.append(path)
                continue
            }
            let names: [String]
            do {
                names = try FileManager.default.contentsOfDirectory(atPath: path)
            } catch {
                throw FileError(.read, path, error)
            }
            let files = names.filter { !$0.hasPrefix(".") }.sorted(by: naturallyPrecedes)
                .map { (path.hasSuffix("/") ? path : path + "/") + $0 }.filter { !Folder.exists(at: $0) }
            paths += files
            found.formUnion(files)
        }
        guard !paths.isEmpty else { throw CommandFailure("no files are in \(named.joined(separator: ", "))") }
        self.paths = paths
        self.found = found
    }
}
