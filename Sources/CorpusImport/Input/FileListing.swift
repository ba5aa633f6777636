import Datasets
import Foundation
import Host
import Tensors

/// A file that the user named, or one in a folder that the user named.
struct ListedFile: Equatable {
    /// The path with which it is opened.
    let path: String
    /// The path below the folder that was named, or the last part of the path of a file that was named itself.
    let name: String
    /// Whether it was found in a folder, so that it may be something else than a network.
    let isFound: Bool
    /// Which of the named paths it belongs to.
    let root: Int
}

/// The files of folders, recursively and in natural order, without hidden files and folders.
struct FileListing {
    private(set) var files: [ListedFile] = []
    /// Folders by their real paths: one that a symbolic link leads back to is listed once.
    private var visited: Set<String> = []
    private let excluded: Set<String>

    private static let deepest = 64

    /// - Parameter excluded: paths that are no input, such as the table and the output folder.
    /// - Throws: where a named path cannot be read.
    init(_ paths: [String], excluding excluded: [String]) throws(DatasetError) {
        self.excluded = Set(excluded.map(Self.realPath))
        for (root, path) in paths.enumerated() {
            guard FileManager.default.fileExists(atPath: path) else {
                throw DatasetError(FileError(.read, path, reason: "No such file or directory").description)
            }
            if Folder.exists(at: path) {
                try list(path.hasSuffix("/") ? String(path.dropLast()) : path, below: "", root, depth: 0)
            } else {
                files.append(ListedFile(path: path, name: PathIndex.name(path), isFound: false, root: root))
            }
        }
    }

    private mutating func list(_ folder: String, below name: String, _ root: Int, depth: Int) throws(DatasetError) {
        let real = Self.realPath(folder)
        guard depth <= Self.deepest, !excluded.contains(real), visited.insert(real).inserted else { return }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw DatasetError(FileError(.read, folder, error).description)
        }
        for own in names.filter({ !$0.hasPrefix(".") }).sorted(by: naturallyPrecedes) {
            let path = folder + "/" + own
            let below = name.isEmpty ? own : name + "/" + own
            if Folder.exists(at: path) {
                try list(path, below: below, root, depth: depth + 1)
            } else if !excluded.contains(Self.realPath(path)) {
                files.append(ListedFile(path: path, name: below, isFound: true, root: root))
            }
        }
    }

    static func realPath(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }
}

extension FileListing {
    /// The path from the root of the file system, with its symbolic links as they are.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}
