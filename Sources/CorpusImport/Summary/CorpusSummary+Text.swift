import Datasets
import Foundation
import Networks
import WeightFormats

extension CorpusSummary {
    /// The summary as lines for people.
    package var text: String {
        var lines = ["\(path): \(networks) networks in \(shards) shards"]
        for kind in kinds {
            lines.append(
                "  \(kind.networks) × \(kind.header.spec.summary) \(kind.header.family.rawValue), \(kind.header.spec.parameterCount) parameters, \(kind.notation)"
            )
            let rows =
                [["array", "min", "max", "mean", "std"]]
                + zip(kind.arrayNames, kind.arrays).map { name, array in
                    [name] + [array.min, array.max, array.mean, array.deviation].map(Self.short)
                }
            lines += Self.table(rows).map { "    " + $0 }
        }
        if let labelCounts {
            let texts = labelCounts.sorted { $0.key < $1.key }.map { label, count in
                "\(label < 0 ? "none" : classes.flatMap { $0.indices.contains(label) ? $0[label] : nil } ?? String(label)) \(count)"
            }
            lines.append("  classes: \(texts.joined(separator: ", "))")
        }
        for column in columns {
            let values = column.values
            let median = values.isEmpty ? .nan : values[values.count / 2]
            let missing = column.missing > 0 ? ", \(column.missing) missing" : ""
            let isTarget = targets.contains(column.name) ? " (a target)" : ""
            lines.append(
                "  \(column.name)\(isTarget): \(Self.short(Double(values.first ?? .nan))) to \(Self.short(Double(values.last ?? .nan))), median \(Self.short(Double(median)))\(missing)"
            )
        }
        if let splitCounts {
            lines.append(
                "  splits: training \(splitCounts[.training] ?? 0), validation \(splitCounts[.validation] ?? 0), test \(splitCounts[.test] ?? 0)"
            )
        }
        lines.append("  sources: \(sources), at most \(mostViews) networks each")
        let pairs = duplicateExamples.map { "\($0.0) = \($0.1)" }.joined(separator: ", ")
        lines.append(
            "  exact duplicates: \(duplicates)\(pairs.isEmpty ? "" : " (\(pairs)\(duplicates > 3 ? ", …" : ""))")")
        lines.append("  with values that are not finite: \(nonFinite)")
        return lines.joined(separator: "\n")
    }

    /// The summary as a JSON object.
    package var json: String {
        var json = JSONWriter()
        json.beginObject()
        json.member("corpus", path)
        json.member("networks", networks)
        json.member("shards", shards)
        json.name("kinds")
        json.array(kinds) { json, kind in
            json.beginObject()
            json.member("family", kind.header.family.rawValue)
            json.member("sizes", kind.header.spec.summary)
            json.member("networks", kind.networks)
            json.member("parameters", kind.header.spec.parameterCount)
            json.member("notation", kind.notation)
            json.name("arrays")
            json.array(zip(kind.arrayNames, kind.arrays)) { json, array in
                json.beginObject()
                json.member("name", array.0)
                json.member("min", array.1.min)
                json.member("max", array.1.max)
                json.member("mean", array.1.mean)
                json.member("std", array.1.deviation)
                json.member("non_finite", array.1.nonFiniteCount)
                json.endObject()
            }
            json.endObject()
        }
        if let classes {
            json.name("classes")
            json.array(classes) { $0.value($1) }
        }
        if let labelCounts {
            json.name("labels")
            json.beginObject()
            for (label, count) in labelCounts.sorted(by: { $0.key < $1.key }) { json.member(String(label), count) }
            json.endObject()
        }
        json.name("targets")
        json.array(targets) { $0.value($1) }
        json.name("columns")
        json.array(columns) { json, column in
            json.beginObject()
            json.member("name", column.name)
            if let least = column.values.first, let most = column.values.last {
                json.member("min", least)
                json.member("median", column.values[column.values.count / 2])
                json.member("max", most)
            }
            json.member("missing", column.missing)
            json.endObject()
        }
        if let splitCounts {
            json.name("splits")
            json.beginObject()
            for split in CorpusSplit.allCases { json.member("\(split)", splitCounts[split] ?? 0) }
            json.endObject()
        }
        json.member("sources", sources)
        json.member("most_views", mostViews)
        json.member("duplicates", duplicates)
        json.member("non_finite", nonFinite)
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self)
    }

    static func short(_ value: Double) -> String {
        guard value.isFinite else { return "-" }
        return value == value.rounded() && abs(value) < 1e9 ? String(Int(value)) : String(format: "%.4g", value)
    }

    private static func table(_ rows: [[String]]) -> [String] {
        let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
        }
    }
}
