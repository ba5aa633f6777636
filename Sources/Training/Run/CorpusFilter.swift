import Datasets
import Foundation

/// Which networks of a corpus are used: conditions on their numbers, and whether only the last network of each source is.
package struct CorpusFilter: Sendable, Equatable {
    private static let noCondition = "expected final or a condition such as step=18 or test_accuracy>0.2"

    private var conditions: [ColumnCondition] = []
    /// Whether only the network of the largest `step` of each source is kept; without such a column the last one.
    package var keepsFinalOnly = false

    /// Every network.
    package init() {}

    /// - Parameter texts: `final`, or a `ColumnCondition`, as in `step=18`. The names `label`, `source` and `view` are those
    ///   numbers of the networks; `label` is also compared with the name of a class.
    /// - Throws: where a text is neither.
    package init(_ texts: [String]) throws(RunError) {
        for text in texts {
            if text == "final" {
                keepsFinalOnly = true
                continue
            }
            guard let found = ColumnCondition(text), found.number != nil || found.column == "label" else {
                throw RunError("--where '\(text)': \(Self.noCondition)")
            }
            conditions.append(found)
        }
    }

    /// The rows of a shard that fulfil all conditions.
    /// - Throws: where a condition's column is missing.
    func rows(of shard: CorpusShard) throws(DatasetError) -> [Int] {
        var rows = Array(0..<shard.count)
        for condition in conditions {
            if condition.column == "label", condition.number == nil {
                let names = shard.header.classes ?? []
                guard names.contains(condition.value) else {
                    throw DatasetError(
                        "--where \(condition): no such class; there are \(names.joined(separator: ", "))")
                }
                rows = rows.filter { row in
                    let label = shard.labels?[row] ?? -1
                    return condition.holds(names.indices.contains(label) ? names[label] : "")
                }
                continue
            }
            let values: [Float]
            switch condition.column {
            case "label": values = (shard.labels ?? shard.sources.map { _ in -1 }).map { Float($0) }
            case "source": values = shard.sources.map { Float($0) }
            case "view": values = shard.views.map { Float($0) }
            case "psnr" where shard.psnr != nil: values = shard.psnr ?? []
            default:
                guard let column = shard.column(condition.column) else {
                    let known = ["label", "source", "view"] + shard.columns.map(\.name)
                    throw DatasetError(
                        "--where \(condition.column): no such column; there are \(known.joined(separator: ", "))")
                }
                values = column
            }
            rows = rows.filter { condition.holds(values[$0]) }
        }
        return rows
    }
}
