import Datasets
import Engine
import Foundation
import Networks
import SIREN
import Synchronization
import Uploads
import WeightFormats

/// Reads files of networks and writes them as the shards of a corpus.
///
/// Networks are taken in the order of the files, and a shard is written as soon as it is full, so that the same import,
/// stopped and continued at any time, at any number of threads, writes the same bytes.
package struct CorpusImporter {
    /// How an import ended.
    package struct Outcome: Sendable {
        /// False where it was stopped; the same import goes on from there.
        package let isComplete: Bool
        package let counts: ImportCounts
        /// The shards of the corpus.
        package let shards: Int
        /// Rows of the table without a network: their number, and the first ones.
        package let unusedRows: (count: Int, first: [String])
        /// Columns of the table that are neither numbers nor of a known meaning.
        package let ignoredColumns: [String]
        package let classes: [String]?
        package let targets: [String]
        package let hasLabels: Bool
        /// Whether `problems.jsonl` lists anything.
        package var hasProblems: Bool { counts.problems > 0 || counts.skipped > 0 }
        /// Whether nothing was in doubt: no file that could not be read, no notation that was not certain, no row or
        /// network without the other.
        package var isFlawless: Bool {
            counts.problems == 0 && counts.doubtful == 0 && counts.unlisted == 0 && unusedRows.count == 0
                && counts.withoutSplit == 0
        }
    }

    private let options: ImportOptions
    private let folder: CorpusFolder
    private let reader: UnitReader
    private let facts: TableFacts?
    private let matcher: RowMatcher
    private let plan: CorpusPlan
    private let pool: WorkerPool
    private var state: ImportState
    private var problems: ProblemLog
    private var builders: [ShardBuilder] = []
    private var builderOf: [ShardHeader: Int] = [:]
    private var family: NetworkFamily?

    private static let unitsAtATime = 64

    /// Lists the files, reads the table and finds how far an earlier run has come.
    /// - Parameter output: the corpus' folder, which is created.
    /// - Throws: where a path, the table or an option is not as expected, or the folder holds another corpus.
    package init(_ options: ImportOptions, output: String, pool: WorkerPool) throws(DatasetError) {
        self.options = options
        self.pool = pool
        folder = CorpusFolder(output)
        var inputs = try InputFiles(options, excluding: [output] + (options.tablePath.map { [$0] } ?? []))
        var table: ImportTable?
        if let path = options.tablePath { table = try ImportTable(contentsOf: path) }
        if options.layout == .cnnZoo {
            guard options.paths.count == 1, let path = options.paths.first, table == nil else {
                throw DatasetError(
                    "--layout cnn-zoo: expected one folder, and no --labels, since metrics.csv is the table")
            }
            let zoo = try ZooFolder(path)
            inputs.append(zoo, root: 0)
            table = zoo.metrics
        }
        guard !inputs.files.isEmpty else {
            throw DatasetError("no files are in \(options.paths.joined(separator: ", "))")
        }
        facts = try table.map { table throws(DatasetError) in try TableFacts(table, options.table) }
        matcher = RowMatcher(facts, inputs.files)
        plan = try CorpusPlan(options, inputs.files, facts)
        reader = UnitReader(files: inputs, options: options)
        let settings = Self.digest(options, inputs, table)
        if let found = try ImportState(folder: output) {
            guard found.settings == settings else {
                throw DatasetError(
                    "'\(output)' was imported from other files or with other options; choose another folder, or delete it"
                )
            }
            state = found
        } else {
            try folder.create()
            guard try folder.names().isEmpty else {
                throw DatasetError("'\(output)' holds shards already; choose another folder")
            }
            state = ImportState(settings: settings)
        }
        problems = ProblemLog(output, size: state.problemBytes)
        if state.position == 0, state.unit == 0, !state.isComplete {
            for fault in matcher.faults { note(fault, kind: "problems") }
        }
    }

    /// The pieces of work, for progress.
    package var total: Int { reader.files.units.count }

    private static func digest(_ options: ImportOptions, _ files: InputFiles, _ table: ImportTable?) -> String {
        var digest = ContentDigest()
        digest.update(Array(options.summary.utf8))
        for file in files.files {
            let size = (try? FileManager.default.attributesOfItem(atPath: file.path)[.size]) as? Int ?? 0
            digest.update(Array("\(file.name) \(size)\n".utf8))
        }
        for row in [table?.columns ?? []] + (table?.rows ?? []) {
            digest.update(Array(row.joined(separator: "\u{1}").utf8) + [0])
        }
        return digest.finish()
    }

    // MARK: The run

    /// Imports all that is left.
    /// - Parameters:
    ///   - shouldStop: asked between pieces of work.
    ///   - report: called with the pieces of work that are done, and the networks.
    package mutating func run(
        shouldStop: () -> Bool = { false }, report: (_ done: Int, _ networks: Int) -> Void = { _, _ in }
    ) throws(DatasetError) -> Outcome {
        if state.isComplete { return outcome(isComplete: true) }
        let pending = state.pending
        state.pending = []
        try replay(pending)
        let units = reader.files.units
        while state.unit < units.count {
            guard !shouldStop() else {
                try save()
                return outcome(isComplete: false)
            }
            let chunk = state.unit..<min(state.unit + Self.unitsAtATime, units.count)
            let slots = read(Array(chunk))
            state.notations.learn(slots.joined().compactMap { try? $0.result.get() })
            for (unit, own) in zip(chunk, slots) {
                let first = state.unit == unit ? state.place : 0
                for (place, slot) in own.enumerated().dropFirst(first) {
                    (state.unit, state.place) = (unit, place + 1)
                    try take(slot, unit, place, position: state.position, isNew: true)
                    state.position += 1
                    try flush { $0.isFull }
                }
                (state.unit, state.place) = (unit + 1, 0)
            }
            report(state.unit, state.counts.networks)
        }
        try flush { !$0.entries.isEmpty }
        state.isComplete = true
        try save()
        return outcome(isComplete: true)
    }

    /// Reads networks again that no shard had when the last run ended.
    private mutating func replay(_ pending: [[Int]]) throws(DatasetError) {
        var start = 0
        while start < pending.count {
            // Entries of one unit follow one another.
            var unitNumbers: [Int] = []
            var end = start
            while end < pending.count, unitNumbers.count < Self.unitsAtATime || unitNumbers.last == pending[end][0] {
                if unitNumbers.last != pending[end][0] { unitNumbers.append(pending[end][0]) }
                end += 1
            }
            let slots = Dictionary(zip(unitNumbers, read(unitNumbers)), uniquingKeysWith: { first, _ in first })
            for entry in pending[start..<end] {
                guard let own = slots[entry[0]], own.indices.contains(entry[1]) else {
                    throw DatasetError(
                        "the files have changed since the import began; delete '\(folder.path)' and import again")
                }
                try take(own[entry[1]], entry[0], entry[1], position: entry[2], isNew: false)
            }
            start = end
        }
    }

    /// The networks of units; none of those that no row of the table can name.
    private func read(_ numbers: [Int]) -> [[ReadSlot]] {
        let units = reader.files.units
        let results = Mutex([[ReadSlot]](repeating: [], count: numbers.count))
        let (reader, matcher) = (reader, matcher)
        let keepsUnlisted = options.keepsUnlisted
        pool.run(tasks: numbers.count) { task, _ in
            let unit = units[numbers[task]]
            let slots =
                keepsUnlisted || matcher.mayBeListed(unit.file)
                ? reader(unit)
                : [ReadSlot(member: nil, result: .failure(UnitReader.unlisted))]
            results.withLock { $0[task] = slots }
        }
        return results.withLock { $0 }
    }

    private mutating func save() throws(DatasetError) {
        try problems.write()
        state.problemBytes = problems.size
        state.pending = builders.flatMap(\.entries).map { [$0.unit, $0.place, $0.position] }
            .sorted { ($0[0], $0[1]) < ($1[0], $1[1]) }
        try state.write(folder.path)
    }

    /// Writes the networks of the builders for which this holds, and then how far the import has come.
    private mutating func flush(_ isReady: (ShardBuilder) -> Bool) throws(DatasetError) {
        for index in builders.indices where isReady(builders[index]) {
            let number = String(state.shards)
            let name = "networks-" + String(repeating: "0", count: max(0, 5 - number.count)) + number + ".safetensors"
            try folder.write(builders[index].take(plan), as: name)
            state.shards += 1
            try save()
        }
    }

    // MARK: A network

    private mutating func note(_ problem: ImportProblem, kind: String) {
        problems.append(problem)
        if kind == "skipped" { state.counts.skipped += 1 } else { state.counts.problems += 1 }
        state.counts.note(kind, "\(problem.file): \(problem.code): \(problem.detail)")
    }

    private mutating func take(
        _ slot: ReadSlot, _ unit: Int, _ place: Int, position: Int, isNew: Bool
    ) throws(DatasetError) {
        let own = reader.files.units[unit]
        let file = reader.files.files[own.file]
        let name = slot.member.map { "\(file.name)[\($0)]" } ?? file.name
        let row = matcher.row(
            file: own.file, name: file.name, member: slot.member, place: (own.rows?.lowerBound ?? 0) + place,
            position: position)
        guard row != nil || facts == nil || options.keepsUnlisted else {
            state.counts.unlisted += 1
            state.counts.note("unlisted", name)
            return
        }
        let network: ReadNetwork
        switch slot.result {
        case .success(let read): network = read
        case .failure(let fault):
            let mayBeOther = file.isFound && [.unknownFormat, .noNetwork].contains(fault.code) && row == nil
            let isWeights = ["pt", "pth", "safetensors", "npz", "npy", "pkl", "pickle", "ckpt"].contains(
                InputFiles.ending(file.name))
            note(
                ImportProblem(file: name, code: fault.code.rawValue, detail: fault.detail),
                kind: mayBeOther && !isWeights ? "skipped" : "problems")
            return
        }
        if family == nil { family = network.family }
        guard network.family == family else {
            note(
                ImportProblem(
                    file: name, code: "mixed_families",
                    detail:
                        "expected a network of the family \(family?.rawValue ?? ""), as the first one, received one of \(network.family.rawValue); import it into a corpus of its own, or say the family by --family"
                ), kind: "problems")
            return
        }
        if isNew, let row, matcher.isMemberRow(row, file: own.file) { state.rows.append(row) }
        append(network, unit, place, position, file: own.file, name: name, row: row, isNew: isNew)
    }

    private mutating func append(
        _ network: ReadNetwork, _ unit: Int, _ place: Int, _ position: Int, file: Int, name: String, row: Int?,
        isNew: Bool
    ) {
        let shard = network.facts
        var (weights, notation) = (network.weights, network.notation.notation)
        if network.family == .inr {
            (weights, notation) = state.notations.settled(network)
        } else if let row, let activation = facts?.activations?[row] {
            notation = Notation(activation: activation, omega0: 1)
        }
        let split = row.flatMap { facts?.splits?[$0] } ?? shard?.split
        if isNew { count(network, name, weights, notation, hasRow: row != nil && facts?.activations != nil, split) }
        let label =
            row.flatMap { facts?.labels?[$0] } ?? plan.fileLabels?[file] ?? shard.map(\.label)
            ?? (options.labelsFrom == .files ? network.label : nil) ?? -1
        let given = row.flatMap { facts?.sources?[$0] } ?? plan.fileSources?[file]
        let root = reader.files.files[file].root
        let source = given ?? shard.map { $0.source + plan.sourceOffsets[root] } ?? plan.ownSourceBase + position
        let columns = plan.columns.map { column in
            row.flatMap { row in facts?.columns.first { $0.name == column }?.values[row] } ?? shard?.columns[column]
                ?? .nan
        }
        let header = ShardHeader(
            family: network.family, spec: network.spec, notation: notation, image: options.image ?? shard?.header.image,
            classes: plan.classes, targets: plan.targets, recipe: shard?.header.recipe ?? "imported")
        let builder = builderOf[header] ?? builders.count
        if builder == builders.count {
            builders.append(ShardBuilder(header, options))
            builderOf[header] = builder
        }
        builders[builder].append(
            CorpusEntry(
                unit: unit, place: place, position: position, weights: weights, label: label, source: source,
                view: row.flatMap { facts?.views?[$0] } ?? shard?.view ?? 0, split: split ?? .training,
                psnr: row.flatMap { facts?.psnr?[$0] } ?? shard?.psnr ?? .nan, columns: columns,
                file: shard?.file ?? name))
    }

    private mutating func count(
        _ network: ReadNetwork, _ name: String, _ weights: [Float], _ notation: Notation, hasRow: Bool,
        _ split: CorpusSplit?
    ) {
        state.counts.networks += 1
        let kind =
            network.family == .inr
            ? "\(network.spec.summary) inr, \(notation.text)"
            : "\(network.spec.summary) cnn, \(notation.activation.rawValue)"
        state.counts.kinds[kind, default: 0] += 1
        if plan.hasSplits, split == nil {
            state.counts.withoutSplit += 1
            state.counts.note("without_split", name)
        }
        if let doubt = network.notation.doubt {
            if network.family == .cnn {
                if !hasRow { state.counts.assumed += 1 }
            } else {
                state.counts.doubtful += 1
                state.counts.note("doubtful", "\(name): \(doubt)")
            }
        } else if network.family == .inr, weights != network.weights {
            state.counts.converted += 1
            state.counts.note("converted", "\(name): \(network.notation.notation.text)")
        }
    }

    private func outcome(isComplete: Bool) -> Outcome {
        let unused = isComplete ? matcher.unusedRows(networks: state.position, used: Set(state.rows)) : []
        let first = unused.prefix(3).map { row in
            "line \(facts?.lines[row] ?? 0)" + (facts?.files.map { " (\($0[row]))" } ?? "")
        }
        return Outcome(
            isComplete: isComplete, counts: state.counts, shards: state.shards, unusedRows: (unused.count, first),
            ignoredColumns: facts?.ignored ?? [], classes: plan.classes, targets: plan.targets,
            hasLabels: plan.hasLabels)
    }
}

extension UnitReader {
    /// What stands for the networks of a file that no row of the table names, which is not read.
    static let unlisted = UploadError(.noNetwork, "no row of the table names it")
}
