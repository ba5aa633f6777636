import Datasets
import Foundation
import Networks
import WeightFormats

/// The layers in a row of the Small CNN Zoo's `weights.npy` by its `layout.csv`: for each variable its name, the range of
/// its elements and its shape. Biases come before kernels, and kernels are (height, width, inputs, outputs), or
/// (inputs, outputs) in the dense layer.
struct ZooLayout: Equatable {
    let spec: NetworkSpec
    /// The element of a row for each parameter in the order w0, b0, w1, …, weights as (outputs, inputs, height, width).
    let order: [Int]

    private struct Variable {
        let range: Range<Int>
        let shape: [Int]
    }

    /// - Throws: an error that names the table, the line, what is expected and what is there.
    init(_ table: ImportTable) throws(DatasetError) {
        do throws(DatasetError) { try self.init(reading: table) } catch {
            throw DatasetError("'\(table.path)': \(error)")
        }
    }

    private init(reading table: ImportTable) throws(DatasetError) {
        guard let name = table.column("varname"), let start = table.column("start_idx"),
            let end = table.column("end_idx"), let shape = table.column("shape")
        else {
            throw DatasetError(
                "expected the columns varname, start_idx, end_idx and shape, received \(table.columns.joined(separator: ", "))"
            )
        }
        var modules: [String] = []
        var kernels: [String: Variable] = [:]
        var biases: [String: Variable] = [:]
        var covered = 0
        let rows = zip(table.rows, table.lines).sorted { (Int($0.0[start]) ?? 0) < (Int($1.0[start]) ?? 0) }
        for (row, line) in rows {
            let extents = row[shape].split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
            guard let first = Int(row[start]), let last = Int(row[end]), first == covered, last > first,
                last <= 1 << 28, extents.allSatisfy({ (1...65536).contains($0) }),
                extents.reduce(1, { min($0 * $1, 1 << 40) }) == last - first
            else {
                throw DatasetError(
                    "line \(line): expected a variable that starts at \(covered) and whose shape has as many elements as its range, received \(row[start]) to \(row[end]) of shape '\(row[shape])'"
                )
            }
            covered = last
            let parts = row[name].split(separator: "/")
            let module = parts.dropLast().joined(separator: "/")
            let variable = Variable(range: first..<last, shape: extents)
            if !modules.contains(module) { modules.append(module) }
            switch parts.last?.split(separator: ":").first {
            case "kernel" where kernels[module] == nil && [2, 4].contains(extents.count): kernels[module] = variable
            case "bias" where biases[module] == nil && extents.count == 1: biases[module] = variable
            default:
                throw DatasetError(
                    "line \(line): expected a kernel of 2 or 4 axes or a bias of 1 axis, one of each in a layer, received '\(row[name].prefix(80))' of shape '\(row[shape])'"
                )
            }
        }
        var layers: [LayerShape] = []
        var order: [Int] = []
        for module in modules {
            guard let kernel = kernels[module], let bias = biases[module], kernel.shape.last == bias.shape[0] else {
                throw DatasetError("layer '\(module.prefix(80))': expected a kernel and a bias of as many outputs")
            }
            let outputs = bias.shape[0]
            let inputs = kernel.shape[kernel.shape.count - 2]
            let sides = Array(kernel.shape.dropLast(2))
            let positions = sides.reduce(1, *)
            guard layers.last.map({ $0.outputs == inputs }) ?? true else {
                throw DatasetError(
                    "layer '\(module.prefix(80))': expected \(layers.last?.outputs ?? 0) inputs, the outputs of the layer before, received \(inputs)"
                )
            }
            layers.append(LayerShape(outputs: outputs, inputs: inputs, kernel: sides))
            for output in 0..<outputs {
                for input in 0..<inputs {
                    for position in 0..<positions {
                        order.append(kernel.range.lowerBound + (position * inputs + input) * outputs + output)
                    }
                }
            }
            order += Array(bias.range)
        }
        guard !layers.isEmpty else { throw DatasetError("no variables") }
        spec = NetworkSpec(layers: layers)
        self.order = order
    }
}

/// A folder of the Small CNN Zoo.
struct ZooFolder {
    let rows: RowSource
    /// A row for each network, in order.
    let metrics: ImportTable

    /// - Throws: where one of the three files is missing or not as expected.
    init(_ folder: String) throws(DatasetError) {
        let layout = try ZooLayout(try ImportTable(contentsOf: folder + "/layout.csv"))
        let weights = folder + "/weights.npy"
        guard let rows = RowSource(path: weights, spec: layout.spec, order: layout.order) else {
            let found = RowSource.matrix(weights).map { "[\($0.rows), \($0.columns)]" } ?? "none"
            throw DatasetError(
                "'\(weights)': expected a NumPy matrix [networks, \(layout.spec.parameterCount)] of floats, as layout.csv says, received \(found)"
            )
        }
        let names = ["metrics.csv", "metrics.csv.gz"].map { folder + "/" + $0 }
        guard let path = names.first(where: FileManager.default.fileExists) else {
            throw DatasetError("'\(folder)': expected metrics.csv or metrics.csv.gz")
        }
        let metrics = try ImportTable(contentsOf: path)
        guard metrics.rows.count == rows.matrix.rows else {
            throw DatasetError(
                "'\(path)': expected \(rows.matrix.rows) rows, as many as weights.npy has, received \(metrics.rows.count)"
            )
        }
        (self.rows, self.metrics) = (rows, metrics)
    }
}
