/// Files by the ends of their paths, so that the rows of a table find them wherever the table was written. Paths of a
/// table are compared with those of the files that were found, and never opened.
struct PathIndex {
    enum Match: Equatable {
        case file(Int)
        /// More than one file ends with the row's path.
        case several
        case none
    }

    /// The most parts of a path that are compared.
    private static let deepest = 16

    /// The file whose path ends with these parts; −1 for several.
    private var files: [String: Int] = [:]
    /// The same without the last part's extension.
    private var stems: [String: Int] = [:]
    /// Parts of each file's path below the folder that was named.
    private let depths: [Int]

    /// - Parameter files: the absolute path of each file, and its path below the folder that the user named.
    init(_ files: [(path: String, name: String)]) {
        depths = files.map { Self.parts($0.name).count }
        for (index, file) in files.enumerated() {
            let parts = Self.parts(file.path)
            Self.enter(parts, index, &self.files)
            Self.enter(Self.withoutExtension(parts), index, &stems)
        }
    }

    /// The file of a row: that whose path ends with the row's, or the longest end of it: either all of it, or at least the
    /// file's path below the named folder, or the last part where no other row has it.
    /// - Parameter isOnlyName: whether no other row of the table has the same last part.
    func match(_ path: String, isOnlyName: Bool) -> Match {
        let parts = Self.parts(path)
        let match = match(parts, in: files, isOnlyName)
        return match == .none ? self.match(parts, in: stems, isOnlyName) : match
    }

    private func match(_ parts: [Substring], in files: [String: Int], _ isOnlyName: Bool) -> Match {
        for count in stride(from: min(parts.count, Self.deepest), to: 0, by: -1) {
            guard let file = files[parts.suffix(count).joined(separator: "/")] else { continue }
            guard file >= 0 else { return .several }
            return count == parts.count || count >= depths[file] || isOnlyName ? .file(file) : .none
        }
        return .none
    }

    /// The parts of a path with `.` and `..` resolved as text.
    static func parts(_ path: String) -> [Substring] {
        var parts: [Substring] = []
        for part in path.split(whereSeparator: { $0 == "/" || $0 == "\\" }) where part != "." {
            if part == "..", let last = parts.last, last != ".." { parts.removeLast() } else { parts.append(part) }
        }
        return parts
    }

    /// The last part of a path.
    static func name(_ path: String) -> String { String(parts(path).last ?? "") }

    private static func withoutExtension(_ parts: [Substring]) -> [Substring] {
        guard let last = parts.last, let dot = last.lastIndex(of: "."), dot > last.startIndex else { return parts }
        return parts.dropLast() + [last[..<dot]]
    }

    private static func enter(_ parts: [Substring], _ index: Int, _ files: inout [String: Int]) {
        for count in 1...max(1, min(parts.count, deepest)) {
            let end = parts.suffix(count).joined(separator: "/")
            files[end] = files[end] == nil ? index : -1
        }
    }
}
