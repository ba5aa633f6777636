/// A nested array of numbers, flattened in row-major order.
package struct NumberArray: Sendable, Equatable {
    /// Extents, outermost first; empty for a single number.
    package var shape: [Int]
    package var values: [Float]
}

extension JSONScanner {
    /// Reads a number or a nested array of numbers of equal length at each level, rounded to float32.
    ///
    /// A number that is too large for float32 becomes infinite.
    ///
    /// - Parameters:
    ///   - maxRank: the deepest nesting.
    ///   - maxCount: the most numbers.
    /// - Throws: `shape_mismatch` for ragged arrays, `dtype` for elements that are not numbers,
    ///   `inflated_too_large` past `maxCount`, `bad_json` for faults of syntax.
    package mutating func readNumberArray(maxRank: Int, maxCount: Int) throws(FormatError) -> NumberArray {
        var reader = NumberArrayReader(maxRank: maxRank, maxCount: maxCount)
        while try !reader.step(&self) {}
        return NumberArray(shape: reader.shape.map { $0 ?? 0 }, values: reader.values)
    }
}

extension JSONScanner {
    /// What was read of an array that may be one of numbers.
    enum NumberArrayPart {
        case whole(NumberArray)
        /// The elements before the first that does not fit, which are arrays of equal shape: a list may begin with
        /// them. `next` is the position of that element, in the open array.
        case start(shape: [Int], count: Int, values: [Float], next: Int)
        /// Not an array of numbers, nor a list that begins with them.
        case none
    }

    /// Reads a number array like `readNumberArray`, or as much of it as is one.
    /// - Throws: `inflated_too_large` and `bad_json`.
    mutating func readNumberArrayPart(maxRank: Int, maxCount: Int) throws(FormatError) -> NumberArrayPart {
        var reader = NumberArrayReader(maxRank: maxRank, maxCount: maxCount)
        do throws(FormatError) {
            while try !reader.step(&self) {}
        } catch {
            guard error.code == .shapeMismatch || error.code == .dtype else { throw error }
            guard let element = reader.lastElement, element.index > 0, let shape = reader.elementShape else {
                return .none
            }
            reader.values.removeLast(reader.values.count - element.values)
            return .start(shape: shape, count: element.index, values: reader.values, next: element.position)
        }
        return .whole(NumberArray(shape: reader.shape.map { $0 ?? 0 }, values: reader.values))
    }
}

/// Reads nested arrays without recursion. The depth of the first number is the rank of all.
private struct NumberArrayReader {
    let maxRank: Int
    let maxCount: Int
    /// The extent of each level, taken from the first array there; nil until that array ends.
    var shape: [Int?] = []
    var values: [Float] = []
    /// The number of elements read of every open array.
    private var counts: [Int] = []
    private var rank: Int?
    /// The last element of the outermost array that is an array: its index, its position and the values before it.
    private(set) var lastElement: (index: Int, position: Int, values: Int)?

    /// The shape of the outermost array's elements; nil where none has been read to its end.
    var elementShape: [Int]? {
        guard let rank, rank > 1, let index = lastElement?.index, index > 0 else { return nil }
        return shape[1..<rank].map { $0 ?? 0 }
    }

    init(maxRank: Int, maxCount: Int) {
        self.maxRank = maxRank
        self.maxCount = maxCount
    }

    /// Reads one row of numbers or the start of one array, and the ends of arrays after it.
    /// - Returns: whether the whole value has been read.
    mutating func step(_ scanner: inout JSONScanner) throws(FormatError) -> Bool {
        switch try scanner.peek() {
        case .number:
            try reach(counts.count, scanner)
            try readRow(&scanner)
            if counts.isEmpty { return true }
        case .array:
            if counts.count == 1 { lastElement = (counts[0], scanner.position, values.count) }
            guard counts.count < maxRank else {
                throw FormatError(
                    .shapeMismatch, "arrays nested more than \(maxRank) deep at byte \(scanner.position)")
            }
            if let rank, counts.count >= rank {
                throw FormatError(
                    .shapeMismatch, "ragged array: expected a number, found an array at byte \(scanner.position)")
            }
            try scanner.enter()
            counts.append(0)
            if shape.count < counts.count { shape.append(nil) }
            guard try scanner.closes(UInt8(ascii: "]")) else { return false }
            try reach(counts.count, scanner)
            try close(&scanner)
            if counts.isEmpty { return true }
        case let kind:
            throw FormatError(.dtype, "expected a number, found \(kind.phrase) at byte \(scanner.position)")
        }
        repeat {
            counts[counts.count - 1] += 1
            if try !scanner.separated(before: UInt8(ascii: "]")) { return false }
            try close(&scanner)
        } while !counts.isEmpty
        return true
    }

    /// Reads numbers for as long as a comma and another number follow.
    private mutating func readRow(_ scanner: inout JSONScanner) throws(FormatError) {
        while true {
            guard values.count < maxCount else {
                throw FormatError(.inflatedTooLarge, "more than \(maxCount) numbers at byte \(scanner.position)")
            }
            values.append(Float(try scanner.scanNumber()))
            guard !counts.isEmpty, scanner.skipToNextNumber() else { return }
            counts[counts.count - 1] += 1
        }
    }

    /// Checks that a number or an empty array at this depth agrees with the rank.
    private mutating func reach(_ level: Int, _ scanner: JSONScanner) throws(FormatError) {
        guard rank == nil || rank == level else {
            throw FormatError(
                .shapeMismatch, "ragged array: expected an array, found a number at byte \(scanner.position)")
        }
        rank = level
    }

    /// Ends the innermost array, whose bracket has been consumed, and checks its extent.
    private mutating func close(_ scanner: inout JSONScanner) throws(FormatError) {
        scanner.depth -= 1
        let count = counts.removeLast()
        let level = counts.count
        guard let expected = shape[level] else {
            shape[level] = count
            return
        }
        guard count == expected else {
            throw FormatError(
                .shapeMismatch,
                "ragged array: expected \(expected) elements, found \(count) before byte \(scanner.position)")
        }
    }
}

extension JSONScanner {
    /// Consumes a comma if a number follows it.
    fileprivate mutating func skipToNextNumber() -> Bool {
        var index = position
        while index < bytes.count, isSpace(bytes[index]) { index += 1 }
        guard index < bytes.count, bytes[index] == UInt8(ascii: ",") else { return false }
        index += 1
        while index < bytes.count, isSpace(bytes[index]) { index += 1 }
        guard index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] &- UInt8(ascii: "0") <= 9 else {
            return false
        }
        position = index
        return true
    }
}
