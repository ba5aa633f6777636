import Tensors

/// Collects the tensors of one network, and checks names and shapes against the limits before memory is used for them.
struct StateDictBuilder {
    private let limits: FormatLimits
    private var entries: [NamedTensor] = []
    private var names: Set<String> = []
    /// Elements that further tensors of the file may have; shared by the networks of a batch.
    private(set) var remainingElements: Int
    /// Members that are not tensors.
    private(set) var ignored: [String] = []

    init(limits: FormatLimits, remainingElements: Int? = nil) {
        self.limits = limits
        self.remainingElements = remainingElements ?? limits.maxElements
    }

    var isEmpty: Bool { entries.isEmpty }

    /// Checks a tensor's name and shape, and counts its elements against the limit.
    /// - Returns: the number of elements.
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
            // Extents of 0 count as 1, so that the product of the others is checked for overflow too.
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
    /// - Throws: `malformed` where the shape does not fit the values, `non_finite` if finite values are required.
    mutating func add(_ name: String, shape: [Int], values: [Float], type: ElementType) throws(FormatError) {
        guard values.count == shape.reduce(1, *) else {
            throw FormatError(.malformed, "tensor \(quoted(name)): \(values.count) values for shape \(shape)")
        }
        if limits.requiresFinite, let index = values.firstIndex(where: { !$0.isFinite }) {
            throw FormatError(
                .nonFinite, "tensor \(quoted(name)): \(values[index]) at \(indices(of: index, in: shape))")
        }
        entries.append(NamedTensor(name: name, tensor: Tensor(shape: shape, values: values), elementType: type))
    }

    /// Notes a member that is not a tensor.
    mutating func ignore(_ name: String) { ignored.append(name) }

    /// - Throws: `malformed` if there is no tensor.
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

/// Whether a tensor is an integer scalar, which is a label or a counter and not a weight.
func isLabel(_ type: ElementType, rank: Int) -> Bool { rank == 0 && !type.isFloatingPoint }

/// The index along every axis of an element in row-major order.
private func indices(of index: Int, in shape: [Int]) -> [Int] {
    var rest = index
    var result: [Int] = []
    for extent in shape.reversed() {
        result.append(rest % extent)
        rest /= extent
    }
    return result.reversed()
}
