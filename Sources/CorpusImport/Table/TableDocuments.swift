import Datasets
import WeightFormats

extension ImportTable {
    /// A table in JSON, or in lines of JSON objects.
    static func document(_ path: String, _ bytes: [UInt8]) throws(DatasetError) -> ImportTable {
        var limits = FormatLimits.checkpoint
        limits.maxJSONValues = 64 << 20
        let value: JSONValue
        do throws(FormatError) {
            value = try JSONValue.parse(bytes, limits: limits)
        } catch {
            guard let lines = try jsonLines(bytes, limits) else { throw DatasetError(error.detail) }
            return try records(path, lines.map(\.value), lines: lines.map(\.line))
        }
        if let elements = value.array { return try records(path, elements) }
        return try object(path, value.members ?? [])
    }

    /// The values of lines that each hold an object; nil where the first line is no whole object.
    private static func jsonLines(
        _ bytes: [UInt8], _ limits: FormatLimits
    ) throws(DatasetError) -> [(line: Int, value: JSONValue)]? {
        var result: [(line: Int, value: JSONValue)] = []
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where line.contains(where: { $0 > 0x20 }) {
            do throws(FormatError) {
                let value = try JSONValue.parse(Array(line), limits: limits)
                guard value.members != nil else { return nil }
                result.append((index + 1, value))
            } catch {
                guard !result.isEmpty else { return nil }
                throw DatasetError("line \(index + 1): \(error.detail)")
            }
        }
        return result.count > 1 ? result : nil
    }

    /// Objects with the columns as members.
    private static func records(
        _ path: String, _ elements: [JSONValue], lines: [Int]? = nil
    ) throws(DatasetError) -> ImportTable {
        var columns: [String] = []
        var positions: [String: Int] = [:]
        for (index, element) in elements.enumerated() {
            guard let members = element.members else {
                throw DatasetError(
                    "element \(index): expected an object such as {\"file\": \"net0.pth\", \"label\": 3}")
            }
            for member in members where positions[member.name] == nil {
                positions[member.name] = columns.count
                columns.append(member.name)
            }
        }
        guard !columns.isEmpty else { throw DatasetError("the table has no rows") }
        var rows: [[String]] = []
        rows.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            var row = [String](repeating: "", count: columns.count)
            for member in element.members ?? [] {
                row[positions[member.name] ?? 0] = try cell(member.value, "element \(index), '\(member.name)'")
            }
            rows.append(row)
        }
        return ImportTable(path: path, columns: columns, rows: rows, lines: lines ?? Array(1...max(1, rows.count)))
    }

    private static func object(_ path: String, _ members: [JSONMember]) throws(DatasetError) -> ImportTable {
        guard let first = members.first else { throw DatasetError("the table is empty") }
        // Splits, each with its paths and what is known of them.
        if members.allSatisfy({ SplitName(text: $0.name) != nil && ($0.value.members != nil || $0.value.array != nil) })
        {
            return try splits(path, members)
        }
        if first.value.array != nil {
            let table = try columns(path, members)
            return ImportTable(
                path: path, columns: table.columns, rows: table.rows, lines: Array(1...max(1, table.rows.count)))
        }
        if first.value.members != nil {
            return try records(
                path,
                members.map { member in
                    .object(
                        [JSONMember("file", .string(member.name))]
                            + (member.value.members ?? []).filter { $0.name != "file" })
                })
        }
        var rows: [[String]] = []
        for member in members { rows.append([member.name, try cell(member.value, "'\(member.name)'")]) }
        return ImportTable(path: path, columns: ["file", "label"], rows: rows, lines: Array(1...rows.count))
    }

    private static func splits(_ path: String, _ members: [JSONMember]) throws(DatasetError) -> ImportTable {
        var names: [String] = []
        var parts: [(split: String, columns: [String], rows: [[String]])] = []
        for member in members {
            let own =
                member.value.array.map { [JSONMember("path", .array($0))] } ?? member.value.members ?? []
            do throws(DatasetError) {
                let table = try columns(path, own)
                for name in table.columns where !names.contains(name) { names.append(name) }
                parts.append((member.name, table.columns, table.rows))
            } catch {
                throw DatasetError("split '\(member.name)': \(error)")
            }
        }
        names.removeAll { $0 == "split" }
        var rows: [[String]] = []
        for part in parts {
            let places = names.map { part.columns.firstIndex(of: $0) }
            for row in part.rows { rows.append(places.map { $0.map { row[$0] } ?? "" } + [part.split]) }
        }
        guard !rows.isEmpty else { throw DatasetError("no split has any path") }
        return ImportTable(path: path, columns: names + ["split"], rows: rows, lines: Array(1...rows.count))
    }

    /// Arrays of one length, one for each column.
    private static func columns(
        _ path: String, _ members: [JSONMember]
    ) throws(DatasetError) -> (columns: [String], rows: [[String]]) {
        let count = members.first?.value.array?.count ?? 0
        var rows = [[String]](repeating: [], count: count)
        for member in members {
            guard let values = member.value.array, values.count == count else {
                throw DatasetError(
                    "'\(member.name)': expected an array of \(count) elements, as many as '\(members[0].name)' has, received \(member.value.array.map { "\($0.count)" } ?? "\(member.value.kind)")"
                )
            }
            for (index, value) in values.enumerated() {
                rows[index].append(try cell(value, "'\(member.name)', element \(index)"))
            }
        }
        return (members.map(\.name), rows)
    }

    private static func cell(_ value: JSONValue, _ place: String) throws(DatasetError) -> String {
        switch value {
        case .null: return ""
        case .string(let text): return text
        case .bool(let flag): return flag ? "1" : "0"
        case .number(let number): return Int(exactly: number).map { String($0) } ?? String(number)
        case .array, .object: throw DatasetError("\(place): expected a text or number, received an \(value.kind)")
        }
    }
}

/// The words for the parts of an experiment.
struct SplitName {
    let split: CorpusSplit

    /// `train`, `training`, `val`, `valid`, `validation`, `dev`, `test`, `testing`, `0`, `1` or `2`, in any letter case.
    init?(text: String) {
        switch text.lowercased() {
        case "train", "training", "0": split = .training
        case "val", "valid", "validation", "dev", "1": split = .validation
        case "test", "testing", "2": split = .test
        default: return nil
        }
    }
}
