import Tensors

/// Reads a JSON document as a tree. Rectangular arrays of numbers are arrays, read without values between; all other
/// arrays are lists. Numbers alone are doubles, and infinite beyond their range; as members they may also be `NaN`,
/// `Infinity` or `-Infinity`, as curves of a training have them.
struct JSONTreeReader {
    private var builder: TreeBuilder
    /// Bytes that were read as an array of numbers and then again as a list.
    private var bytesReadAgain = 0

    static func read(_ bytes: [UInt8], _ builder: inout TreeBuilder) throws(FormatError) -> FileTree {
        var scanner = JSONScanner(bytes, limits: builder.limits)
        var reader = JSONTreeReader(builder: builder)
        let tree = try reader.value(&scanner)
        try scanner.finish()
        builder = reader.builder
        return tree
    }

    private mutating func value(_ scanner: inout JSONScanner) throws(FormatError) -> FileTree {
        switch try scanner.peek() {
        case .object: return try object(&scanner)
        case .array: return try array(&scanner)
        case .number: return .number(try scanner.scanNumber())
        case .string: return .text(try scanner.readString())
        case .boolean: return .inert(try scanner.readBool() ? "true" : "false")
        case .null:
            try scanner.readNull()
            return .inert("null")
        }
    }

    private mutating func object(_ scanner: inout JSONScanner) throws(FormatError) -> FileTree {
        var members: [FileTree.Member] = []
        try scanner.readObject { name, scanner throws(FormatError) in
            try builder.enter(.key(name))
            let member: FileTree =
                if let number = scanner.readNonFinite() { .number(number) } else { try value(&scanner) }
            members.append(FileTree.Member(key: name, value: member))
            builder.leave()
        }
        return .dict(members)
    }

    /// An array of numbers if it is a rectangular one; otherwise a list, of which as many elements as are arrays of
    /// equal shape are not read again.
    private mutating func array(_ scanner: inout JSONScanner) throws(FormatError) -> FileTree {
        guard scanner.mayHoldNumbers, bytesReadAgain <= scanner.bytes.count else { return try list(&scanner) }
        let start = scanner.position
        let depth = scanner.depth
        let part = try scanner.readNumberArrayPart(
            maxRank: builder.limits.maxRank, maxCount: builder.remainingElements)
        switch part {
        case .whole(let array) where !array.values.isEmpty:
            return try builder.array(array.shape, .float32) { () throws(FormatError) in array.values }
        case .start(let shape, let count, let values, let next) where !values.isEmpty:
            bytesReadAgain += scanner.position - next
            scanner.rewind(to: next, depth: depth + 1)
            var elements: [FileTree] = []
            let size = values.count / count
            for index in 0..<count {
                try builder.enter(.index(index))
                elements.append(
                    try builder.array(shape, .float32) { () throws(FormatError) in
                        Array(values[index * size..<(index + 1) * size])
                    })
                builder.leave()
            }
            try scanner.readElements(from: count) { index, scanner throws(FormatError) in
                try builder.enter(.index(index))
                elements.append(try value(&scanner))
                builder.leave()
            }
            return .list(elements)
        case .whole, .start, .none:
            bytesReadAgain += scanner.position - start
            scanner.rewind(to: start, depth: depth)
            return try list(&scanner)
        }
    }

    /// Reads an array element by element. Its elements are an array after all if they are numbers, or arrays of equal
    /// shape: that is so where they are no longer read together, since too many bytes have been read again. Numbers beside
    /// nulls are an array with values that are not finite, which JavaScript writes as null.
    private mutating func list(_ scanner: inout JSONScanner) throws(FormatError) -> FileTree {
        var elements: [FileTree] = []
        var numbers: [Float] = []
        var rows: [Tensor] = []
        var nulls: [Int] = []
        try scanner.readArray { index, scanner throws(FormatError) in
            try builder.enter(.index(index))
            let element = try value(&scanner)
            builder.leave()
            switch element {
            case .number(let value): numbers.append(Float(value))
            case .inert("null"): nulls.append(index)
            case .array(let row, _) where row.shape == rows.first?.shape ?? row.shape: rows.append(row)
            default: break
            }
            elements.append(element)
        }
        if elements.isEmpty { return .list([]) }
        if numbers.count == elements.count {
            return try builder.array([numbers.count], .float32) { () throws(FormatError) in numbers }
        }
        if let index = nulls.first, !numbers.isEmpty, numbers.count + nulls.count == elements.count {
            return builder.unreadable(.nonFinite, "null in place of the number at index \(index)")
        }
        return rows.count == elements.count ? try builder.stack(rows) : .list(elements)
    }
}

extension JSONScanner {
    /// Whether the array at the position begins with a number or with arrays.
    fileprivate var mayHoldNumbers: Bool {
        var index = position + 1
        while index < bytes.count, isSpace(bytes[index]) { index += 1 }
        guard index < bytes.count else { return false }
        switch bytes[index] {
        case UInt8(ascii: "["), UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return true
        default: return false
        }
    }
}
