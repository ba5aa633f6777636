import Datasets
import Foundation
import Host
import WeightFormats

/// How far an import has come: `import.json` in the corpus' folder, written after every shard. It has all that an import
/// needs to go on as if it had not been stopped.
struct ImportState: Equatable {
    /// A digest of the options, the list of files and the table.
    var settings: String
    /// The next unit, and networks of it that are done.
    var unit = 0
    var place = 0
    /// Networks so far, also those that cannot be imported.
    var position = 0
    var shards = 0
    /// Bytes of `problems.jsonl` that belong to networks before `unit` and `place`.
    var problemBytes = 0
    var notations = CorpusNotations()
    /// Networks before `unit` and `place` that no shard has yet: unit, place, position.
    var pending: [[Int]] = []
    /// Rows of the table that networks in files have taken.
    var rows: [Int] = []
    var counts = ImportCounts()
    var isComplete = false

    init(settings: String) { self.settings = settings }

    private static func path(_ folder: String) -> String { folder + "/import.json" }

    /// - Returns: nil where the folder has none.
    /// - Throws: where it cannot be read.
    init?(folder: String) throws(DatasetError) {
        let path = Self.path(folder)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: path)),
            let value = try? JSONValue.parse([UInt8](bytes), limits: .checkpoint),
            let settings = value["settings"]?.string,
            let unit = value["unit"]?.int, let place = value["place"]?.int, let position = value["position"]?.int,
            let shards = value["shards"]?.int, let problemBytes = value["problem_bytes"]?.int,
            let notations = value["notations"]?.string.flatMap(CorpusNotations.init), let rows = value["rows"]?.ints,
            let pending = value["pending"]?.array?.map(\.ints), let counts = value["counts"].flatMap(ImportCounts.init),
            let isComplete = value["complete"]?.bool, pending.allSatisfy({ $0?.count == 3 })
        else { throw DatasetError("'\(path)' is damaged; delete '\(folder)' and import again") }
        (self.settings, self.unit, self.place, self.position) = (settings, unit, place, position)
        (self.shards, self.problemBytes, self.notations) = (shards, problemBytes, notations)
        (self.rows, self.counts, self.isComplete) = (rows, counts, isComplete)
        self.pending = pending.compactMap(\.self)
    }

    func write(_ folder: String) throws(DatasetError) {
        var json = JSONWriter()
        json.beginObject()
        json.member("settings", settings)
        json.member("complete", isComplete)
        for (name, value) in [
            ("unit", unit), ("place", place), ("position", position), ("shards", shards),
            ("problem_bytes", problemBytes),
        ] { json.member(name, value) }
        json.member("notations", notations.text)
        json.name("rows")
        json.array(rows) { $0.value($1) }
        json.name("pending")
        json.array(pending) { writer, entry in writer.array(entry) { $0.value($1) } }
        json.name("counts")
        counts.write(&json)
        json.endObject()
        do {
            try Data(json.bytes).write(to: URL(fileURLWithPath: Self.path(folder)), options: .atomic)
        } catch {
            throw DatasetError(FileError(.write, Self.path(folder), error).description)
        }
    }
}

/// What an import has met so far.
package struct ImportCounts: Sendable, Equatable {
    /// Networks that were imported.
    package internal(set) var networks = 0
    /// Networks and files that could not be.
    package internal(set) var problems = 0
    /// Files of folders that hold no network.
    package internal(set) var skipped = 0
    /// Networks that no row of the table names.
    package internal(set) var unlisted = 0
    /// INRs whose notation is not certain.
    package internal(set) var doubtful = 0
    /// CNNs whose activation was assumed.
    package internal(set) var assumed = 0
    /// Networks of another notation than the corpus', which were converted.
    package internal(set) var converted = 0
    /// Networks without a split in a corpus with splits.
    package internal(set) var withoutSplit = 0
    /// Networks by their kind: `2-32-32-1 inr, sine …`.
    package internal(set) var kinds: [String: Int] = [:]
    /// Names, or reasons, of the first problems and the like, by kind.
    package internal(set) var examples: [String: [String]] = [:]

    init() {}

    mutating func note(_ kind: String, _ text: @autoclosure () -> String) {
        if examples[kind, default: []].count < 3 { examples[kind, default: []].append(text()) }
    }

    private static var numbers: [(String, WritableKeyPath<ImportCounts, Int>)] {
        [
            ("networks", \.networks), ("problems", \.problems), ("skipped", \.skipped), ("unlisted", \.unlisted),
            ("doubtful", \.doubtful), ("assumed", \.assumed), ("converted", \.converted),
            ("without_split", \.withoutSplit),
        ]
    }

    init?(_ value: JSONValue) {
        for (name, path) in Self.numbers {
            guard let number = value[name]?.int else { return nil }
            self[keyPath: path] = number
        }
        for member in value["kinds"]?.members ?? [] { kinds[member.name] = member.value.int }
        for member in value["examples"]?.members ?? [] { examples[member.name] = member.value.strings }
    }

    func write(_ json: inout JSONWriter) {
        json.beginObject()
        for (name, path) in Self.numbers { json.member(name, self[keyPath: path]) }
        json.name("kinds")
        json.beginObject()
        for (kind, count) in kinds.sorted(by: { $0.key < $1.key }) { json.member(kind, count) }
        json.endObject()
        json.name("examples")
        json.beginObject()
        for (kind, texts) in examples.sorted(by: { $0.key < $1.key }) {
            json.name(kind)
            json.array(texts) { $0.value($1) }
        }
        json.endObject()
        json.endObject()
    }
}
