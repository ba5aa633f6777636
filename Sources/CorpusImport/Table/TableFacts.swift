import Datasets
import Engine
import SIREN
import Tensors

/// What the user says about the columns of a table.
package struct TableOptions: Sendable, Equatable {
    /// The names of the classes in order; empty for those of the labels, in natural order.
    package var classes: [String] = []
    /// The columns that a model is to predict.
    package var targets: [String] = []
    /// Rows that count: those whose cells fulfil all of these.
    package var conditions: [ColumnCondition] = []

    /// Nothing is said.
    package init() {}
}

/// The rows of a table, by the meaning of its columns.
struct TableFacts: Sendable {
    /// The table's path, for messages.
    let path: String
    /// Rows that meet the conditions.
    let count: Int
    /// The number of each row's line.
    let lines: [Int]
    /// The file of each row; nil where rows have positions.
    let files: [String]?
    /// The position of each row's network: in the file where there are files, else among all networks, and then the row's
    /// own number where there is no column of positions; nil where files alone say it.
    let positions: [Int]?
    /// The class of each row, −1 without one; nil without a column of labels.
    let labels: [Int]?
    let classes: [String]?
    let sources: [Int]?
    /// Given, or the number of earlier rows of the same source; nil without sources.
    let views: [Int]?
    let splits: [CorpusSplit?]?
    let activations: [Nonlinearity?]?
    let psnr: [Float]?
    let columns: [ShardColumn]
    let targets: [String]
    /// Columns that are neither numbers nor of a known meaning.
    let ignored: [String]

    private enum Role: String, CaseIterable {
        case file, position, label, source, split, view, activation, psnr

        /// In the order of preference, in lower case.
        var names: [String] {
            switch self {
            case .file: ["file", "filename", "file_name", "path", "filepath", "file_path", "name"]
            case .position: ["position", "index"]
            case .label: ["label", "class", "class_name", "class_id", "category"]
            case .source: ["source", "source_id", "modeldir"]
            case .split: ["split", "subset", "partition"]
            case .view: ["view", "restart"]
            case .activation: ["activation", "config.activation"]
            case .psnr: ["psnr"]
            }
        }
    }

    private static let targetNames = ["target", "test_accuracy", "accuracy"]

    /// Names of the Small CNN Zoo's columns in the corpora that `zoo` writes.
    private static let renamed = [
        "config.learning_rate": "learning_rate", "config.l2reg": "l2", "config.dropout": "dropout",
        "config.init_std": "deviation", "config.train_fraction": "fraction",
    ]

    /// - Throws: an error that names the table, the line and the column.
    init(_ table: ImportTable, _ options: TableOptions) throws(DatasetError) {
        do throws(DatasetError) { try self.init(reading: table, options) } catch {
            throw DatasetError("'\(table.path)': \(error)")
        }
    }

    private init(reading table: ImportTable, _ options: TableOptions) throws(DatasetError) {
        path = table.path
        let keys = table.columns.map { $0.lowercased() }
        func find(_ role: Role) -> Int? { role.names.lazy.compactMap { keys.firstIndex(of: $0) }.first }
        let kept = try Self.kept(table, options.conditions)
        count = kept.count
        lines = kept.map { table.lines[$0] }
        func cells(_ column: Int) -> [String] { kept.map { table.rows[$0][column] } }

        let fileColumn = find(.file)
        files = fileColumn.map(cells)
        // Beside files, 'index' is most often the row's own number, as pandas writes it.
        let positionColumn = fileColumn == nil ? find(.position) : keys.firstIndex(of: "position")
        let indexColumn = keys.firstIndex(of: "index")
        let labelColumn =
            options.targets.contains(where: { Role.label.names.contains($0.lowercased()) }) ? nil : find(.label)
        let sourceColumn = find(.source)
        let splitColumn = find(.split)
        let viewColumn = find(.view)
        let activationColumn = find(.activation)
        let psnrColumn = find(.psnr)
        var used = Set(
            [
                fileColumn, positionColumn, indexColumn, labelColumn, sourceColumn, splitColumn, viewColumn,
                activationColumn, psnrColumn,
            ]
            .compactMap(\.self))
        used.formUnion(keys.indices.filter { keys[$0].isEmpty })

        func integers(_ column: Int, least: Int) throws(DatasetError) -> [Int] {
            var result: [Int] = []
            result.reserveCapacity(kept.count)
            for row in kept {
                let text = table.rows[row][column]
                guard let value = Self.integer(text), value >= least, value <= 1 << 24 else {
                    throw Self.wrong(
                        table, row, column, "a whole number from \(least) to \(1 << 24)")
                }
                result.append(value)
            }
            return result
        }
        if let positionColumn {
            positions = try integers(positionColumn, least: 0)
        } else {
            // Without files and positions the rows are in the order of the networks.
            positions = fileColumn == nil ? kept : nil
        }

        if let labelColumn {
            (labels, classes) = try Self.labels(table, kept, labelColumn, options.classes)
        } else {
            (labels, classes) = (nil, nil)
        }
        let ownSources = sourceColumn.map { Self.sources(cells($0)) }
        sources = ownSources
        if let viewColumn {
            views = try integers(viewColumn, least: 0)
        } else {
            views = ownSources.map(Self.views)
        }
        var ownSplits: [CorpusSplit?]?
        if let splitColumn {
            var values: [CorpusSplit?] = []
            for row in kept {
                let text = table.rows[row][splitColumn]
                let name = SplitName(text: text)
                guard text.isEmpty || name != nil else {
                    throw Self.wrong(table, row, splitColumn, "train, val or test")
                }
                values.append(name?.split)
            }
            ownSplits = values
        }
        splits = ownSplits
        if let ownSources, let ownSplits {
            try Self.check(ownSources, ownSplits, kept.map { table.lines[$0] })
        }
        if let activationColumn {
            var values: [Nonlinearity?] = []
            for row in kept {
                let text = table.rows[row][activationColumn]
                let value = NotationClaims.activation(text)
                guard text.isEmpty || value != nil else {
                    throw Self.wrong(
                        table, row, activationColumn, Nonlinearity.allCases.map(\.rawValue).joined(separator: ", "))
                }
                values.append(value)
            }
            activations = values
        } else {
            activations = nil
        }
        psnr = psnrColumn.flatMap { Self.numbers(cells($0)) }

        var columns: [ShardColumn] = []
        var ignored: [String] = []
        for column in keys.indices where !used.contains(column) {
            let name = Self.renamed[table.columns[column]] ?? table.columns[column]
            if let values = Self.numbers(cells(column)), !columns.contains(where: { $0.name == name }) {
                columns.append(ShardColumn(name: name, values: values))
            } else {
                ignored.append(table.columns[column])
            }
        }
        self.columns = columns
        self.ignored = ignored
        for target in options.targets where !columns.contains(where: { $0.name == target }) {
            let names = columns.map(\.name).joined(separator: ", ")
            throw DatasetError(
                "--target \(target): expected a column of numbers, one of \(names.isEmpty ? "none" : names)")
        }
        let found = labels == nil ? Self.targetNames.filter { name in columns.contains { $0.name == name } } : []
        targets = options.targets.isEmpty ? Array(found.prefix(1)) : options.targets
        guard fileColumn != nil || positionColumn != nil || labels != nil || !columns.isEmpty || sources != nil else {
            throw DatasetError(
                "the first line names no known column; expected 'file' or 'position', and 'label' or columns of numbers, received '\(table.columns.prefix(6).joined(separator: "', '"))'"
            )
        }
    }

    // MARK: Columns

    private static func kept(
        _ table: ImportTable, _ conditions: [ColumnCondition]
    ) throws(DatasetError) -> [Int] {
        var kept = Array(table.rows.indices)
        for condition in conditions {
            guard let column = table.column(condition.column) else {
                throw DatasetError(
                    "--where \(condition): expected a column of the table, one of \(table.columns.joined(separator: ", "))"
                )
            }
            kept.removeAll { !condition.holds(table.rows[$0][column]) }
        }
        guard !kept.isEmpty else {
            let text = conditions.map(\.description).joined(separator: ", ")
            throw DatasetError(text.isEmpty ? "the table has no rows" : "no row fulfils \(text)")
        }
        return kept
    }

    /// Whole numbers, also such as pandas writes them beside missing ones, `3.0`.
    private static func integer(_ text: String) -> Int? { Int(text) ?? Double(text).flatMap { Int(exactly: $0) } }

    /// Classes by number, or by name in natural order.
    private static func labels(
        _ table: ImportTable, _ rows: [Int], _ column: Int, _ named: [String]
    ) throws(DatasetError) -> ([Int], [String]?) {
        let texts = rows.map { table.rows[$0][column] }
        let areNamed = !named.isEmpty && texts.contains(where: named.contains)
        if !areNamed, texts.allSatisfy({ $0.isEmpty || integer($0) != nil }) {
            var labels: [Int] = []
            for (row, text) in zip(rows, texts) {
                let label = text.isEmpty ? -1 : integer(text) ?? -1
                guard label >= -1, label < 1 << 24, named.isEmpty || label < named.count else {
                    throw wrong(
                        table, row, column,
                        "a class from 0 to \((named.isEmpty ? 1 << 24 : named.count) - 1), or -1 for none")
                }
                labels.append(label)
            }
            return (labels, named.isEmpty ? nil : named)
        }
        if let row = zip(rows, texts).first(where: { integer($1) == nil && Double($1) != nil })?.0 {
            throw wrong(
                table, row, column,
                "a class: a whole number or a name (a number to be predicted is a target: --target \(table.columns[column]))"
            )
        }
        let classes = named.isEmpty ? Set(texts.filter { !$0.isEmpty }).sorted(by: naturallyPrecedes) : named
        let numbers = Dictionary(uniqueKeysWithValues: zip(classes, classes.indices))
        var labels: [Int] = []
        for (row, text) in zip(rows, texts) {
            guard let label = text.isEmpty ? -1 : numbers[text] else {
                throw wrong(table, row, column, "a class of --classes (\(classes.joined(separator: ", ")))")
            }
            labels.append(label)
        }
        return (labels, classes)
    }

    /// The numbers as they are if all are whole, else texts in the order of their first row.
    static func sources(_ texts: [String]) -> [Int] {
        let numbers = texts.compactMap { text in integer(text).flatMap { (0..<1 << 24).contains($0) ? $0 : nil } }
        if numbers.count == texts.count { return numbers }
        var known: [String: Int] = [:]
        return texts.map { text in
            if let number = known[text] { return number }
            known[text] = known.count
            return known.count - 1
        }
    }

    private static func views(_ sources: [Int]) -> [Int] {
        var counts: [Int: Int] = [:]
        return sources.map { source in
            let view = counts[source, default: 0]
            counts[source] = view + 1
            return view
        }
    }

    /// Throws where two rows of one source are in different splits.
    private static func check(_ sources: [Int], _ splits: [CorpusSplit?], _ lines: [Int]) throws(DatasetError) {
        var first: [Int: Int] = [:]
        for index in sources.indices {
            guard let other = first[sources[index]] else {
                first[sources[index]] = index
                continue
            }
            guard splits[other] == splits[index] else {
                throw DatasetError(
                    "lines \(lines[other]) and \(lines[index]) have one source and different splits; networks of one source must be in one split"
                )
            }
        }
    }

    /// NaN where a cell is empty; nil where one is no number, or none is.
    private static func numbers(_ texts: [String]) -> [Float]? {
        var values: [Float] = []
        values.reserveCapacity(texts.count)
        var hasNumber = false
        for text in texts {
            if text.isEmpty {
                values.append(.nan)
                continue
            }
            guard let value = Float(text) else { return nil }
            hasNumber = true
            values.append(value)
        }
        return hasNumber ? values : nil
    }

    private static func wrong(_ table: ImportTable, _ row: Int, _ column: Int, _ expected: String) -> DatasetError {
        DatasetError(
            "line \(table.lines[row]), column '\(table.columns[column])': expected \(expected), received '\(table.rows[row][column].prefix(80))'"
        )
    }
}
