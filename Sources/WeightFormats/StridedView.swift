/// A tensor in a flat array: the element (i, j, …) is at `offset` + i · `strides`[0] + j · `strides`[1] + …
struct StridedView {
    let shape: [Int]
    let strides: [Int]
    let offset: Int

    /// - Parameter count: elements of the flat array.
    /// - Throws: `malformed` unless all elements are within it.
    init(shape: [Int], strides: [Int], offset: Int, within count: Int) throws(FormatError) {
        guard strides.count == shape.count else {
            throw FormatError(.malformed, "\(shape.count) axes but \(strides.count) strides")
        }
        guard offset >= 0, offset <= count, strides.allSatisfy({ $0 >= 0 }), shape.allSatisfy({ $0 >= 0 }) else {
            throw FormatError(
                .malformed, "offset \(offset), shape \(shape) or strides \(strides) out of range for \(count) elements"
            )
        }
        if !shape.contains(0) {
            var last = offset
            for (extent, stride) in zip(shape, strides) {
                let (span, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
                let (sum, sumOverflow) = last.addingReportingOverflow(span)
                guard !overflow, !sumOverflow, sum < count else {
                    throw FormatError(
                        .malformed,
                        "offset \(offset), shape \(shape), strides \(strides) reach past a storage of \(count) elements"
                    )
                }
                last = sum
            }
            guard last < count else {
                throw FormatError(.malformed, "offset \(offset) lies past a storage of \(count) elements")
            }
        }
        self.shape = shape
        // The stride of an axis of extent 1 is not used, and may be too large to add.
        self.strides = zip(shape, strides).map { $0 > 1 ? $1 : 0 }
        self.offset = offset
    }

    /// The strides of a column-major array, whose first index varies fastest.
    static func columnMajor(_ shape: [Int]) -> [Int] {
        var strides: [Int] = []
        var step = 1
        for extent in shape {
            strides.append(step)
            step *= max(extent, 1)
        }
        return strides
    }

    /// Whether the elements are contiguous and in row-major order.
    private var isRowMajor: Bool {
        var step = 1
        for (extent, stride) in zip(shape, strides).reversed() where extent != 1 {
            if stride != step { return false }
            step *= extent
        }
        return true
    }

    /// The elements in row-major order. The caller has checked the number of elements against the limits.
    func gather(_ flat: [Float]) -> [Float] {
        let count = shape.reduce(1, *)
        guard count > 0 else { return [] }
        if isRowMajor {
            return offset == 0 && count == flat.count ? flat : Array(flat[offset..<offset + count])
        }
        let innerExtent = shape.last ?? 1
        let innerStride = strides.last ?? 0
        var result: [Float] = []
        result.reserveCapacity(count)
        var index = [Int](repeating: 0, count: shape.count)
        var base = offset
        while result.count < count {
            var position = base
            for _ in 0..<innerExtent {
                result.append(flat[position])
                position += innerStride
            }
            base = advance(&index, from: base)
        }
        return result
    }

    /// Advances the index of all axes but the last by one, the last of them fastest.
    /// - Parameter base: the position of the current index.
    /// - Returns: the position of the next index.
    private func advance(_ index: inout [Int], from base: Int) -> Int {
        var base = base
        for axis in shape.indices.dropLast().reversed() {
            index[axis] += 1
            base += strides[axis]
            if index[axis] < shape[axis] { break }
            base -= shape[axis] * strides[axis]
            index[axis] = 0
        }
        return base
    }
}
