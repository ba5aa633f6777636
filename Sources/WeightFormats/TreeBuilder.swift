import Tensors

/// Builds a file's tree: counts its values, arrays and elements against the limits before memory is used for them, and
/// knows the path of the value that is being read, for errors.
struct TreeBuilder {
    let limits: FormatLimits
    /// Elements that further arrays may have.
    private(set) var remainingElements: Int
    private var remainingValues: Int
    private var remainingArrays: Int
    private var remainingInflatedBytes: Int
    private var path: [Step] = []

    /// One step of a path.
    enum Step {
        case key(String)
        case index(Int)
    }

    init(limits: FormatLimits) {
        self.limits = limits
        remainingElements = limits.maxElements
        remainingValues = limits.maxTreeValues
        remainingArrays = limits.maxBatchTensors
        remainingInflatedBytes = limits.maxInflatedBytes
    }

    // MARK: Nesting

    /// Begins a member of a dict or an element of a list.
    /// - Throws: `malformed` beyond the depth limit, `inflated_too_large` beyond that of values.
    mutating func enter(_ step: Step) throws(FormatError) {
        if case .key(let key) = step, key.utf8.count > limits.maxKeyBytes {
            throw FormatError(
                .malformed,
                "\(subject): a key of \(key.utf8.count) bytes, expected at most \(limits.maxKeyBytes): \(quoted(key))")
        }
        path.append(step)
        guard path.count <= limits.maxTreeDepth else {
            throw FormatError(.malformed, "\(subject): nested more than \(limits.maxTreeDepth) deep")
        }
        try charge(1)
    }

    /// Ends the member or element.
    mutating func leave() { path.removeLast() }

    /// Counts values against the limit.
    mutating func charge(_ count: Int) throws(FormatError) {
        remainingValues -= count
        guard remainingValues >= 0 else {
            throw FormatError(.inflatedTooLarge, "the file holds more than \(limits.maxTreeValues) values")
        }
    }

    /// Counts what an archive within an archive inflates to against the limit of one file.
    mutating func chargeInflated(_ count: Int) throws(FormatError) {
        remainingInflatedBytes -= count
        guard remainingInflatedBytes >= 0 else {
            throw FormatError(
                .inflatedTooLarge, "zip: archives inside inflate to more than \(limits.maxInflatedBytes) bytes")
        }
    }

    /// The path of the value that is being read, as keys and indices between dots; empty at the top level.
    var name: String {
        path.map { step in
            switch step {
            case .key(let key): key
            case .index(let index): String(index)
            }
        }.joined(separator: ".")
    }

    /// The value that is being read, for messages.
    var subject: String { path.isEmpty ? "the file's value" : "tensor \(quoted(name))" }

    // MARK: Arrays

    /// Makes an array of the elements that `values` reads, once its shape has been checked.
    ///
    /// - Returns: the array, or the reason why it cannot be read as float32: too many axes, an integer beyond ±2²⁴, or
    ///   an infinity where the limits require finite values.
    /// - Throws: `malformed` and `inflated_too_large` for shapes, and what `values` throws apart from `dtype`.
    mutating func array(
        _ shape: [Int], _ type: ElementType, _ values: () throws(FormatError) -> [Float]
    ) throws(FormatError) -> FileTree {
        remainingArrays -= 1
        guard remainingArrays >= 0 else {
            throw FormatError(.batchTooLarge, "more than \(limits.maxBatchTensors) tensors in one file")
        }
        guard shape.count <= limits.maxRank else {
            return unreadable(.shapeMismatch, "\(shape.count) axes, expected at most \(limits.maxRank)")
        }
        try reserve(shape)
        let elements: [Float]
        do throws(FormatError) {
            elements = try values()
        } catch {
            let error = error.within(subject)
            if error.code == .dtype { return .unreadable(error) }
            throw error
        }
        guard elements.count == shape.reduce(1, *) else {
            throw FormatError(.malformed, "\(subject): \(elements.count) values for shape \(shape)")
        }
        if limits.requiresFinite, let index = elements.firstIndex(where: { !$0.isFinite }) {
            return unreadable(.nonFinite, "\(elements[index]) at \(indices(of: index, in: shape))")
        }
        return .array(Tensor(shape: shape, values: elements), type)
    }

    /// An array or scalar that cannot be read.
    func unreadable(_ code: FormatError.Code, _ detail: String) -> FileTree {
        .unreadable(FormatError(code, "\(subject): \(detail)"))
    }

    /// Joins arrays of equal shape, made of plain numbers, along a new first axis.
    mutating func stack(_ rows: [Tensor]) throws(FormatError) -> FileTree {
        let shape = [rows.count] + (rows.first?.shape ?? [])
        remainingArrays += rows.count
        remainingValues += rows.count
        return try array(shape, .float32) { () throws(FormatError) in
            var values: [Float] = []
            values.reserveCapacity(shape.reduce(1, *))
            for row in rows { values += row.values }
            return values
        }
    }

    /// Counts the elements of a shape against the limit.
    private mutating func reserve(_ shape: [Int]) throws(FormatError) {
        var count = 1
        var extent = 1
        for size in shape {
            // Extents of 0 count as 1, so that the product of the others is checked for overflow too.
            let (product, overflow) = extent.multipliedReportingOverflow(by: max(size, 1))
            guard size >= 0, !overflow else {
                throw FormatError(.malformed, "\(subject): impossible shape \(shape)")
            }
            extent = product
            count *= size
        }
        guard extent <= remainingElements else {
            throw FormatError(
                .inflatedTooLarge,
                "\(subject): shape \(shape) exceeds the \(limits.maxInflatedBytes) bytes that all tensors may take as "
                    + "float32")
        }
        remainingElements -= count
    }
}

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
