import Tensors

/// Collects the tensors of one network and holds them to the limits, before memory is spent on them.
struct StateDictBuilder {
    private let limits: FormatLimits
    private var entries: [NamedTensor] = []
    private var names: Set<String> = []
    /// Elements that the file's tensors may still have; shared by the networks of a batch.
    private(set) var remainingElements: Int
    /// Members that are not tensors.
    private(set) var ignored: [String] = []

    init(limits: FormatLimits, remainingElements: Int? = nil) {
        self.limits = limits
        self.remainingElements = remainingElements ?? limits.maxElements
    }

    var isEmpty: Bool { entries.isEmpty }

    /// Claims a name and the memory of a tensor.
    /// - Returns: the elements of `shape`.
    @discardableResult
    mutating func reserve(_ name: String, shape: [Int]) throws(FormatError) -> Int {
        guard names.insert(name).inserted else {
            throw FormatError(.malformed, "tensor \(quoted(name)) appears twice")
        }
        guard names.count <= limits.maxTensors else {
            throw FormatError(
                .unexpectedTensor, "more than \(limits.maxTensors) tensors; \(quoted(name)) is one too many")
        }
        guard shape.count <= limits.maxRank else {
            throw FormatError(
                .shapeMismatch, "tensor \(quoted(name)): \(shape.count) axes, expected at most \(limits.maxRank)")
        }
        var count = 1
        var extent = 1
        for size in shape {
            // An empty axis must not hide a product that later arithmetic could not hold.
            let (product, overflow) = extent.multipliedReportingOverflow(by: max(size, 1))
            guard size >= 0, !overflow else {
                throw FormatError(.malformed, "tensor \(quoted(name)): impossible shape \(shape)")
            }
            extent = product
            count *= size
        }
        guard extent <= remainingElements else {
            throw FormatError(
                .inflatedTooLarge,
                "tensor \(quoted(name)): shape \(shape) exceeds the "
                    + "\(limits.maxInflatedBytes) bytes that all tensors may take as float32"
            )
        }
        remainingElements -= count
        return count
    }

    /// Adds a tensor whose name and shape were reserved.
    mutating func add(_ name: String, shape: [Int], values: [Float], type: ElementType) throws(FormatError) {
        guard values.count == shape.reduce(1, *) else {
            throw FormatError(.malformed, "tensor \(quoted(name)): \(values.count) values for shape \(shape)")
        }
        if limits.requiresFinite, let index = values.firstIndex(where: { !$0.isFinite }) {
            throw FormatError(
                .nonFinite, "tensor \(quoted(name)): \(values[index]) at \(coordinates(of: index, in: shape))")
        }
        entries.append(NamedTensor(name: name, tensor: Tensor(shape: shape, values: values), elementType: type))
    }

    mutating func ignore(_ name: String) { ignored.append(name) }

    /// - Throws: `malformed` if there is no tensor at all.
    func finish(metadata: [String: String] = [:]) throws(FormatError) -> StateDict {
        guard !entries.isEmpty else {
            let others = ignored.prefix(8).map(quoted).joined(separator: ", ")
            throw FormatError(.malformed, "no tensors" + (others.isEmpty ? "" : "; only \(others)"))
        }
        var state = StateDict(entries)
        state.metadata = metadata
        return state
    }
}

/// Whether an element of this kind and rank is a label or a counter and not a weight.
func isLabel(_ type: ElementType, rank: Int) -> Bool { rank == 0 && !type.isFloatingPoint }

private func coordinates(of index: Int, in shape: [Int]) -> [Int] {
    var rest = index
    var result: [Int] = []
    for extent in shape.reversed() {
        result.append(rest % extent)
        rest /= extent
    }
    return result.reversed()
}
