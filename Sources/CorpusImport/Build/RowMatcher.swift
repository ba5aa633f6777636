/// Which row of a table belongs to which network.
struct RowMatcher: Sendable {
    /// The row of each file; nil without one.
    private var fileRows: [Int?]
    /// Rows that say a position within a file, by file.
    private var placed: [Int: [Int: Int]] = [:]
    /// Rows of no file, by their text: they may name networks within files.
    private var memberRows: [String: Int] = [:]
    /// Rows by the position among all networks.
    private var positionRows: [Int: Int] = [:]
    private let hasTable: Bool
    private let hasFiles: Bool
    /// Rows that cannot be told apart, with the reason.
    private(set) var faults: [ImportProblem] = []

    init(_ facts: TableFacts?, _ files: [InputFile]) {
        fileRows = [Int?](repeating: nil, count: files.count)
        hasTable = facts != nil
        hasFiles = facts?.files != nil
        guard let facts else { return }
        guard let texts = facts.files else {
            for (row, position) in (facts.positions ?? []).enumerated() {
                if positionRows.updateValue(row, forKey: position) != nil {
                    faults.append(
                        Self.fault(facts, row, "position \(position)", "two_rows", "another row has the same position"))
                }
            }
            return
        }
        let index = PathIndex(files.map { (FileListing.absolute($0.path), $0.name) })
        var nameCounts: [String: Int] = [:]
        for text in texts { nameCounts[PathIndex.name(text), default: 0] += 1 }
        for (row, text) in texts.enumerated() {
            // Rows of one file with positions have one name.
            let isOnlyName = facts.positions != nil || nameCounts[PathIndex.name(text)] == 1
            switch index.match(text, isOnlyName: isOnlyName) {
            case .none: memberRows[text] = row
            case .several:
                faults.append(
                    Self.fault(
                        facts, row, text, "several_files", "more than one file has this path; write more of the path"))
            case .file(let file):
                if let position = facts.positions?[row] {
                    placed[file, default: [:]][position] = row
                } else if fileRows[file] != nil {
                    faults.append(
                        Self.fault(
                            facts, row, text, "two_rows", "another row names the same file, '\(files[file].name)'"))
                } else {
                    fileRows[file] = row
                }
            }
        }
    }

    private static func fault(
        _ facts: TableFacts, _ row: Int, _ name: String, _ code: String, _ detail: String
    ) -> ImportProblem {
        ImportProblem(file: name, code: code, detail: "'\(facts.path)', line \(facts.lines[row]): \(detail)")
    }

    /// Whether a file may hold networks with a row, so that it must be read.
    func mayBeListed(_ file: Int) -> Bool {
        !hasTable || !hasFiles || fileRows[file] != nil || placed[file] != nil || !memberRows.isEmpty
    }

    /// The row of a network.
    /// - Parameters:
    ///   - member: its name in its file, where that holds several.
    ///   - place: its number in its file.
    ///   - position: its number among all networks.
    func row(file: Int, name: String, member: String?, place: Int, position: Int) -> Int? {
        guard hasFiles else { return positionRows[position] }
        if let row = fileRows[file] { return row }
        if let row = placed[file]?[place] { return row }
        guard let member, !memberRows.isEmpty else { return nil }
        return memberRows["\(name)[\(member)]"] ?? memberRows["\(name)/\(member)"] ?? memberRows[member]
    }

    /// Rows that no file or position below `networks` belongs to, apart from those that networks in files took.
    func unusedRows(networks: Int, used: Set<Int>) -> [Int] {
        hasFiles
            ? memberRows.values.filter { !used.contains($0) }.sorted()
            : positionRows.filter { $0.key >= networks }.map(\.value).sorted()
    }

    /// Whether a row was found by the name of a network in a file.
    func isMemberRow(_ row: Int, file: Int) -> Bool { hasFiles && fileRows[file] == nil && placed[file] == nil }
}
