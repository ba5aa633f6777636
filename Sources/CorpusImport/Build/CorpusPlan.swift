import Datasets
import Foundation
import Networks
import Tensors

/// What all shards of the corpus have in common, and what is known of each file before it is read.
struct CorpusPlan: Sendable {
    private(set) var classes: [String]?
    private(set) var targets: [String] = []
    /// The names of the columns, in order.
    private(set) var columns: [String] = []
    private(set) var hasLabels = false
    private(set) var hasSplits = false
    private(set) var hasPSNR = false
    /// The class of each file by its folder or a pattern; nil without either.
    private(set) var fileLabels: [Int]?
    /// The source of each file by a pattern.
    private(set) var fileSources: [Int]?
    /// What is added to the sources of the corpora of each named path.
    private(set) var sourceOffsets: [Int]
    /// What is added to a network's position to get the source of one that has none.
    private(set) var ownSourceBase = 0

    init(_ options: ImportOptions, _ files: [InputFile], _ facts: TableFacts?) throws(DatasetError) {
        sourceOffsets = [Int](repeating: 0, count: options.paths.count)
        classes = options.table.classes.isEmpty ? nil : options.table.classes
        try readShards(files, options)
        if let facts {
            columns += facts.columns.map(\.name).filter { !columns.contains($0) }
            hasLabels = hasLabels || facts.labels != nil
            hasSplits = hasSplits || facts.splits != nil
            hasPSNR = hasPSNR || facts.psnr != nil
            if !facts.targets.isEmpty { targets = facts.targets }
            try take(facts.classes, from: "'\(facts.path)'")
            ownSourceBase = max(ownSourceBase, (facts.sources?.max() ?? -1) + 1)
        }
        if let pattern = options.labelPattern {
            try label(try Self.matches(pattern, files, "--label-pattern"), options.table.classes)
        } else if options.labelsFrom == .folders {
            try label(
                files.map { file in
                    let parts = PathIndex.parts(file.name)
                    return parts.count > 1 ? String(parts[options.paths.count > 1 ? min(1, parts.count - 2) : 0]) : ""
                }, options.table.classes)
        }
        hasLabels = hasLabels || options.labelsFrom == .files
        if let pattern = options.sourcePattern {
            let sources = TableFacts.sources(try Self.matches(pattern, files, "--source-pattern"))
            fileSources = sources
            ownSourceBase = max(ownSourceBase, (sources.max() ?? -1) + 1)
        }
        for target in options.table.targets where !columns.contains(target) {
            throw DatasetError(
                "--target \(target): expected a column of numbers, one of \(columns.joined(separator: ", "))")
        }
        if !options.table.targets.isEmpty { targets = options.table.targets }
    }

    /// Columns, classes and sources of the corpora that are merged.
    private mutating func readShards(_ files: [InputFile], _ options: ImportOptions) throws(DatasetError) {
        var greatest = [Int](repeating: -1, count: options.paths.count)
        for file in files {
            guard case .shard = file.content else { continue }
            let (folder, name) = FileListing.split(file.path)
            let shard = try CorpusFolder(folder).read(name)
            columns += shard.columns.map(\.name).filter { !columns.contains($0) }
            targets += shard.header.targets.filter { !targets.contains($0) }
            hasLabels = hasLabels || shard.labels != nil
            hasSplits = hasSplits || shard.splits != nil
            hasPSNR = hasPSNR || shard.psnr != nil
            try take(shard.header.classes, from: "'\(file.path)'")
            greatest[file.root] = max(greatest[file.root], shard.sources.max() ?? -1)
        }
        for root in options.paths.indices.dropFirst() {
            sourceOffsets[root] = options.sharesSources ? 0 : sourceOffsets[root - 1] + greatest[root - 1] + 1
        }
        ownSourceBase = zip(sourceOffsets, greatest).map { $0 + $1 + 1 }.max() ?? 0
    }

    private mutating func take(_ names: [String]?, from place: String) throws(DatasetError) {
        guard let names else { return }
        guard classes == nil || classes == names else {
            throw DatasetError(
                "\(place) has the classes \(names.joined(separator: ", ")), others \(classes?.joined(separator: ", ") ?? ""); name them all, in order, by --classes"
            )
        }
        classes = names
    }

    /// Labels of files by texts: numbers, or names of classes. An empty text is none.
    private mutating func label(_ texts: [String], _ named: [String]) throws(DatasetError) {
        hasLabels = true
        let numbers = texts.map { $0.isEmpty ? -1 : Int($0) }
        if named.isEmpty, numbers.allSatisfy({ ($0 ?? -2) >= -1 }) {
            fileLabels = numbers.map { $0 ?? -1 }
            return
        }
        let names = named.isEmpty ? Set(texts.filter { !$0.isEmpty }).sorted(by: naturallyPrecedes) : named
        var labels: [Int] = []
        for (text, number) in zip(texts, numbers) {
            let inRange = number.flatMap { $0 < names.count ? $0 : nil }
            guard let label = names.firstIndex(of: text) ?? inRange else {
                throw DatasetError("'\(text)' is no class of --classes (\(names.joined(separator: ", ")))")
            }
            labels.append(label)
        }
        fileLabels = labels
        try take(names, from: "the folders' names")
    }

    /// The first group of a pattern in every file's name, or the whole match without a group; empty without a match.
    private static func matches(
        _ pattern: String, _ files: [InputFile], _ option: String
    ) throws(DatasetError) -> [String] {
        guard let regex = try? Regex(pattern) else {
            throw DatasetError("\(option): '\(pattern)' is no regular expression")
        }
        return files.map { file in
            guard let match = try? regex.firstMatch(in: file.name) else { return "" }
            return String(match.output[match.output.count > 1 ? 1 : 0].substring ?? "")
        }
    }
}

extension FileListing {
    /// A path's folder and last part.
    static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = String(path[..<slash])
        return (folder.isEmpty ? "/" : folder, String(path[path.index(after: slash)...]))
    }
}
