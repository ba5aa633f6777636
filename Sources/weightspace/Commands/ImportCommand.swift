import ArgumentParser
import CorpusImport
import Datasets
import Engine
import Foundation
import Host
import Networks
import SIREN
import Synchronization

/// `weightspace import PATH… --labels TABLE --output CORPUS`
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Reads files of networks and writes them as a corpus to train on.",
        discussion: """
            Reads every upload format: single files, files of many networks, folders, zip and tar archives, and the shards \
            of other corpora, which are merged. The table (CSV, TSV, JSON, JSON lines or a JSON file of splits; may be \
            compressed) has a row for each network: 'file', or 'position' without files; 'label', a number or the name of a \
            class; 'source', which groups networks of one picture; 'view'; 'split' (train, val, test); and columns of \
            numbers, which are kept and may be targets. Without --labels, see --labels-from and --label-pattern. Networks \
            that cannot be read are listed in CORPUS/problems.jsonl. The same command continues an import that was stopped.

            Exit codes: 0, 1 where nothing could be imported, or with --strict where anything was in doubt, 2 for a wrong \
            command line.
            """)

    @Argument(help: "Files or folders of networks, archives, arrays of networks, or corpora.")
    var paths: [String]

    @Option(help: "The table with a row for each network.")
    var labels: String?

    @Option(help: "The corpus' folder.")
    var output: String

    @Option(
        help:
            "A column of the table that models are to predict; repeat for several. (default: target, test_accuracy or accuracy)"
    )
    var target: [String] = []

    @Option(
        help: "The names of the classes in order, separated by commas. (default: those of the labels, in natural order)"
    )
    var classes: String?

    @Option(
        name: .customLong("where"),
        help:
            "Take only rows that fulfil this condition, such as step=86, activation=relu or accuracy>0.2; repeat for several."
    )
    var conditions: [String] = []

    @Option(
        help:
            "Where labels come from without a table: folders (one for each class) or files (a number 'label' beside the network)."
    )
    var labelsFrom: LabelOrigin?

    @Option(help: "A regular expression whose first group, in a file's path, is its label, as in '_(\\d+)s/'.")
    var labelPattern: String?

    @Option(help: "The same for the source.")
    var sourcePattern: String?

    @Option(help: "files, or cnn-zoo for a folder of the Small CNN Zoo: weights.npy, layout.csv, metrics.csv(.gz).")
    var layout = ImportLayout.files

    @Option(help: "The layers of networks that come as vectors of all parameters, as in 2-32-32-1.")
    var sizes: String?

    @Option(help: "With --sizes, the kernel of each layer, as in 3x3,3x3,-; '-' is a fully connected layer.")
    var kernels: String?

    @Option(help: "The kind of the networks: inr or cnn. (default: cnn where a network has a convolution)")
    var family: NetworkFamily?

    @Option(help: "The size of the pictures that INRs draw, as in 28x28x1.")
    var image: String?

    @OptionGroup var notation: NotationOptions
    @Option(help: "The member of each file that holds the network, such as ema.params. (default: it is searched for)")
    var member: String?

    @Flag(help: "Import networks without a row of the table too, without a label.")
    var keepUnlisted = false

    @Flag(help: "Where corpora are merged, take equal numbers of sources for one source.")
    var shareSources = false

    @Option(help: "The most networks of a shard; its weights have at most 64 MiB.")
    var shardSize = 5000

    @Flag(help: "Fail where a file could not be read, a notation is not certain, or a row or network lacks the other.")
    var strict = false

    @OptionGroup var threads: ThreadOption

    func validate() throws {
        try checkBounds("--shard-size", shardSize, 1...1_000_000)
        guard sizes != nil || kernels == nil else { throw ValidationError("--kernels: expected --sizes beside it") }
    }

    private func options() throws -> ImportOptions {
        var options = ImportOptions(paths: paths)
        options.tablePath = labels
        options.table.targets = target
        options.table.classes =
            classes.map { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } } ?? []
        options.table.conditions = try conditions.map { text in
            guard let condition = ColumnCondition(text) else {
                throw ValidationError(
                    "--where: expected a condition such as step=86, activation=relu or accuracy>0.2, received '\(text)'"
                )
            }
            return condition
        }
        options.layout = layout
        options.claims = try notation.claims()
        options.family = family
        if let sizes {
            var metadata = ["sizes": sizes]
            metadata["kernels"] = kernels
            do throws(DatasetError) { options.spec = try ShardHeader.layers(metadata) } catch {
                throw ValidationError("--sizes, --kernels: \(error)")
            }
        }
        options.member = member
        if let image {
            guard let shape = ImageShape(text: image) else {
                throw ValidationError("--image: expected height, width and channels as in 28x28x1, received '\(image)'")
            }
            options.image = shape
        }
        options.labelsFrom = labelsFrom
        (options.labelPattern, options.sourcePattern) = (labelPattern, sourcePattern)
        (options.keepsUnlisted, options.sharesSources, options.shardSize) = (keepUnlisted, shareSources, shardSize)
        return options
    }

    func run() throws {
        var settings = Settings()
        let pool = WorkerPool(threads: try threads.resolve(&settings))
        var importer = try CorpusImporter(try options(), output: output, pool: pool)
        let isInterrupted = Mutex(false)
        let signals = SignalWatcher([SIGINT, SIGTERM]) { _ in isInterrupted.withLock { $0 = true } }
        defer { signals.cancel() }
        var progress = ProgressBar(total: importer.total, unit: "files")
        var first: Int?
        let outcome = try importer.run(shouldStop: { isInterrupted.withLock { $0 } }) { done, _ in
            first = first ?? done
            progress.update(done, counted: done - (first ?? 0))
        }
        progress.clear()
        guard outcome.isComplete else {
            throw CommandFailure(
                "stopped after \(outcome.counts.networks) networks; the same command continues from there")
        }
        warn(outcome)
        guard outcome.counts.networks > 0 else { throw CommandFailure("no network could be imported") }
        print(summary(outcome))
        if strict, !outcome.isFlawless {
            throw CommandFailure("--strict: not everything was imported as it is; see above")
        }
    }

    /// Prints what was not imported and what was assumed, with examples, on standard error.
    private func warn(_ outcome: CorpusImporter.Outcome) {
        let counts = outcome.counts
        func say(_ count: Int, _ what: String, _ kind: String, _ advice: String = "") {
            guard count > 0 else { return }
            Terminal.complain("\(count) \(what)\(advice)")
            for example in counts.examples[kind] ?? [] { Terminal.complain("    \(example)") }
            if count > 3 { Terminal.complain("    …") }
        }
        say(counts.problems, "not imported, listed in \(output)/problems.jsonl:", "problems")
        say(counts.skipped, "files of folders hold no network, listed there too:", "skipped")
        say(
            counts.unlisted, "networks have no row in the table and were left out (--keep-unlisted imports them):",
            "unlisted")
        if outcome.unusedRows.count > 0 {
            Terminal.complain(
                "\(outcome.unusedRows.count) rows of the table have no network: \(outcome.unusedRows.first.joined(separator: ", "))\(outcome.unusedRows.count > 3 ? ", …" : "")"
            )
        }
        say(counts.withoutSplit, "networks have no split; they are training networks:", "without_split")
        say(counts.doubtful, "networks do not tell their notation for certain; the others' was assumed:", "doubtful")
        say(counts.converted, "networks of another notation were converted to that of the corpus:", "converted")
        if counts.assumed > 0 {
            Terminal.complain(
                "\(counts.assumed) CNNs do not tell their activation; relu was assumed (--activation says another)")
        }
        if !outcome.ignoredColumns.isEmpty {
            Terminal.complain(
                "columns that hold no numbers were left out: \(outcome.ignoredColumns.joined(separator: ", "))")
        }
    }

    private func summary(_ outcome: CorpusImporter.Outcome) -> String {
        var lines = [
            "\(outcome.counts.networks) networks in \(outcome.shards) \(outcome.shards == 1 ? "shard" : "shards") of \(output)"
        ]
        for (kind, count) in outcome.counts.kinds.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            lines.append("  \(count) × \(kind)")
        }
        if let classes = outcome.classes { lines.append("  classes: \(classes.joined(separator: ", "))") }
        if !outcome.targets.isEmpty { lines.append("  targets: \(outcome.targets.joined(separator: ", "))") }
        lines.append("look at it:  weightspace inspect \(output)")
        lines.append("train on it: weightspace train --data \(output) --output RUN")
        return lines.joined(separator: "\n")
    }
}

extension LabelOrigin: ExpressibleByArgument {}
extension ImportLayout: ExpressibleByArgument {}
extension NetworkFamily: ExpressibleByArgument {}
