import Datasets
import Foundation

/// Which networks of a corpus are used: conditions on their numbers, and whether only the last network of each source is.
package struct CorpusFilter: Sendable, Equatable {
    private enum Comparison: String, CaseIterable {
        // Two characters first, so that `>=` is not read as `>` and `=…`.
        case atMost = "<="
        case atLeast = ">="
        case unequal = "!="
        case equal = "="
        case below = "<"
        case above = ">"

        func holds(_ left: Float, _ right: Float) -> Bool {
            switch self {
            case .atMost: left <= right
            case .atLeast: left >= right
            case .unequal: left != right
            case .equal: left == right
            case .below: left < right
            case .above: left > right
            }
        }
    }

    private struct Condition: Sendable, Equatable {
        let name: String
        let comparison: Comparison
        let value: Float
    }

    private var conditions: [Condition] = []
    /// Whether only the network of the largest `step` of each source is kept; without such a column the last one.
    package var keepsFinalOnly = false

    /// Every network.
    package init() {}

    /// - Parameter texts: `final`, or a column's name, a comparison (=, !=, <, <=, >, >=) and a number, as in `step=18`.
    ///   The names `label`, `source` and `view` are those numbers of the networks. A number that is not known (NaN)
    ///   fulfils no condition but `!=`.
    /// - Throws: where a text is neither.
    package init(_ texts: [String]) throws(RunError) {
        for text in texts {
            if text == "final" {
                keepsFinalOnly = true
                continue
            }
            let found = Comparison.allCases.lazy.compactMap { comparison -> Condition? in
                guard let range = text.range(of: comparison.rawValue), range.lowerBound > text.startIndex,
                    let value = Float(text[range.upperBound...])
                else { return nil }
                return Condition(name: String(text[..<range.lowerBound]), comparison: comparison, value: value)
            }.first
            guard let found else {
                throw RunError("--where '\(text)': expected final or a condition such as step=18 or test_accuracy>0.2")
            }
            conditions.append(found)
        }
    }

    /// The rows of a shard that fulfil all conditions.
    /// - Throws: where a condition's column is missing.
    func rows(of shard: CorpusShard) throws(DatasetError) -> [Int] {
        var rows = Array(0..<shard.count)
        for condition in conditions {
            let values: [Float]
            switch condition.name {
            case "label": values = (shard.labels ?? shard.sources.map { _ in -1 }).map { Float($0) }
            case "source": values = shard.sources.map { Float($0) }
            case "view": values = shard.views.map { Float($0) }
            case "psnr" where shard.psnr != nil: values = shard.psnr ?? []
            default:
                guard let column = shard.column(condition.name) else {
                    let known = ["label", "source", "view"] + shard.columns.map(\.name)
                    throw DatasetError(
                        "--where \(condition.name): no such column; there are \(known.joined(separator: ", "))")
                }
                values = column
            }
            rows = rows.filter { condition.comparison.holds(values[$0], condition.value) }
        }
        return rows
    }
}
