import Networks
import Tensors

extension CorpusShard {
    private static let columnPrefix = "column."

    /// Reads a shard's tensors and metadata. Without `source` every network has a source of its own, without `view` it is
    /// 0; tensors of other names are ignored.
    /// - Throws: `DatasetError`, which names the tensor or member, without the file.
    init(_ state: StateDict) throws(DatasetError) {
        let header = try ShardHeader(metadata: state.metadata)
        let parameters = header.spec.parameterCount
        guard let weights = state["weights"] else {
            throw DatasetError("tensor 'weights' is missing; expected shape [networks, \(parameters)]")
        }
        let count = weights.shape.first ?? 0
        guard weights.shape == [count, parameters], count > 0 else {
            throw DatasetError(
                "tensor 'weights': expected shape [networks, \(parameters)], the parameters of \(header.spec.summary), received \(weights.shape)"
            )
        }
        func values(_ name: String) throws(DatasetError) -> [Float]? {
            guard let tensor = state[name] else { return nil }
            guard tensor.shape == [count] else {
                throw DatasetError("tensor '\(name)': expected shape \([count]), received \(tensor.shape)")
            }
            return tensor.values
        }
        func integers(_ name: String) throws(DatasetError) -> [Int]? {
            guard let values = try values(name) else { return nil }
            var result: [Int] = []
            for (index, value) in values.enumerated() {
                // Tensors are float32 in memory, which does not have every whole number above 2²⁴.
                guard abs(value) <= 0x1p24, let integer = Int(exactly: value) else {
                    throw DatasetError(
                        "tensor '\(name)', element \(index): expected a whole number of at most 16777216 in magnitude, received \(value)"
                    )
                }
                result.append(integer)
            }
            return result
        }
        var splits: [CorpusSplit]?
        if let numbers = try integers("split") {
            splits = numbers.compactMap(CorpusSplit.init)
            if let wrong = numbers.first(where: { CorpusSplit(rawValue: $0) == nil }) {
                throw DatasetError(
                    "tensor 'split': expected 0 (training), 1 (validation) or 2 (test), received \(wrong)")
            }
        }
        var columns: [ShardColumn] = []
        for name in state.names where name.hasPrefix(Self.columnPrefix) {
            guard let own = try values(name) else { continue }
            columns.append(ShardColumn(name: String(name.dropFirst(Self.columnPrefix.count)), values: own))
        }
        for target in header.targets where !columns.contains(where: { $0.name == target }) {
            throw DatasetError("metadata 'targets' names '\(target)', but tensor 'column.\(target)' is missing")
        }
        let files = try ShardHeader.names("files", state.metadata)
        if let files, files.count != count {
            throw DatasetError("metadata 'files': expected \(count) names, received \(files.count)")
        }
        let labels = try integers("label")
        if let classes = header.classes, let wrong = labels?.first(where: { $0 >= classes.count }) {
            throw DatasetError(
                "tensor 'label': expected at most \(classes.count - 1), the last class, received \(wrong)")
        }
        self.init(
            header: header, weights: weights.values, labels: labels, sources: try integers("source"),
            views: try integers("view"), splits: splits, psnr: try values("psnr"), columns: columns, files: files)
    }

    /// The shard's tensors, with its metadata.
    var stateDict: StateDict {
        func column(_ name: String, _ values: [Int]) -> NamedTensor {
            NamedTensor(
                name: name, tensor: Tensor(shape: [values.count], values: values.map { Float($0) }),
                elementType: .int64)
        }
        func column(_ name: String, _ values: [Float]) -> NamedTensor {
            NamedTensor(name: name, tensor: Tensor(shape: [values.count], values: values))
        }
        var state = StateDict([
            NamedTensor(name: "weights", tensor: Tensor(shape: [count, header.spec.parameterCount], values: weights))
        ])
        if let labels { state.set(column("label", labels)) }
        state.set(column("source", sources))
        state.set(column("view", views))
        if let splits { state.set(column("split", splits.map(\.rawValue))) }
        if let psnr { state.set(column("psnr", psnr)) }
        for own in columns { state.set(column(Self.columnPrefix + own.name, own.values)) }
        state.metadata = header.metadata
        if let files { state.metadata["files"] = ShardHeader.json(files) }
        return state
    }
}
