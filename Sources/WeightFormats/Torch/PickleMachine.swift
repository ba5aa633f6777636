/// Interprets a pickle as data: a stack machine that builds only descriptions of tensors, and plain containers.
///
/// It cannot import, call or construct anything: global names are cases of `PickleSymbol`, and `REDUCE` and `BUILD`
/// accept only certain combinations of them. Time and memory are linear in the pickle's length.
struct PickleMachine {
    var heap = PickleHeap()
    var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [UInt32: PickleValue] = [:]
    private var reader: ByteReader
    let limits: FormatLimits

    /// - Returns: the value that the pickle describes, and the heap that its indices refer to.
    static func run(
        _ bytes: ArraySlice<UInt8>, limits: FormatLimits
    ) throws(FormatError) -> (root: PickleValue, heap: PickleHeap) {
        guard bytes.count <= limits.maxPickleBytes else {
            throw FormatError(
                .inflatedTooLarge, "data.pkl takes \(bytes.count) bytes, expected at most \(limits.maxPickleBytes)")
        }
        var machine = PickleMachine(bytes, limits: limits)
        let root = try machine.run()
        return (root, machine.heap)
    }

    private init(_ bytes: ArraySlice<UInt8>, limits: FormatLimits) {
        reader = ByteReader(bytes, of: "data.pkl")
        self.limits = limits
    }

    private mutating func run() throws(FormatError) -> PickleValue {
        while true {
            let offset = reader.offset
            let byte = try reader.byte()
            guard let opcode = PickleOpcode(rawValue: byte) else {
                throw FormatError(
                    .unsafePickle,
                    "opcode \(PickleOpcode.nameOfRefused(byte)) at byte \(offset) of data.pkl is not allowed")
            }
            if opcode == .stop { return try pop() }
            do throws(FormatError) {
                try execute(opcode)
            } catch {
                throw error.within("byte \(offset) of data.pkl")
            }
            guard stack.count <= limits.maxPickleStack, marks.count <= limits.maxPickleStack else {
                throw malformed("more than \(limits.maxPickleStack) values on the stack")
            }
        }
    }

    private mutating func execute(_ opcode: PickleOpcode) throws(FormatError) {
        switch opcode {
        case .proto:
            let version = try reader.byte()
            guard version <= 5 else { throw malformed("pickle protocol \(version), expected at most 5") }
        case .frame: _ = try reader.take(8)
        case .stop: break
        case .mark: marks.append(stack.count)
        case .none, .newTrue, .newFalse, .binInt, .binInt1, .binInt2, .long1, .binFloat, .binUnicode,
            .shortBinUnicode, .binBytes, .shortBinBytes:
            stack.append(try readScalar(opcode))
        case .emptyTuple: pushTuple([])
        case .tuple: pushTuple(try popToMark())
        case .tuple1: pushTuple(try pop(1))
        case .tuple2: pushTuple(try pop(2))
        case .tuple3: pushTuple(try pop(3))
        case .emptyList:
            heap.lists.append([])
            stack.append(.list(heap.lists.count - 1))
        case .append: try extendList(try pop(1))
        case .appends: try extendList(try popToMark())
        case .emptyDict: pushDict()
        case .setItem: try extendDict(try pop(2))
        case .setItems: try extendDict(try popToMark())
        case .binGet: try recall(UInt32(try reader.byte()))
        case .longBinGet: try recall(try reader.littleEndian(UInt32.self))
        case .binPut: try memorize(UInt32(try reader.byte()))
        case .longBinPut: try memorize(try reader.littleEndian(UInt32.self))
        case .memoize: try memorize(UInt32(truncatingIfNeeded: memo.count))
        case .global:
            let module = try readLine()
            stack.append(.symbol(try PickleSymbol.named(try readLine(), of: module)))
        case .stackGlobal:
            let names = try pop(2)
            guard case .string(let module) = names[0], case .string(let name) = names[1] else {
                throw malformed("STACK_GLOBAL of \(names[0].kind) and \(names[1].kind)")
            }
            stack.append(.symbol(try PickleSymbol.named(name, of: module)))
        case .reduce: try reduce()
        case .build: try build()
        case .binPersistentID: try referToStorage()
        }
    }

    // MARK: Scalars

    private mutating func readScalar(_ opcode: PickleOpcode) throws(FormatError) -> PickleValue {
        switch opcode {
        case .newTrue: return .bool(true)
        case .newFalse: return .bool(false)
        case .binInt: return .int(Int(try reader.littleEndian(Int32.self)))
        case .binInt1: return .int(Int(try reader.byte()))
        case .binInt2: return .int(Int(try reader.littleEndian(UInt16.self)))
        case .long1: return try readLong()
        case .binFloat: return .float(Double(bitPattern: try reader.littleEndian(UInt64.self).byteSwapped))
        case .binUnicode: return try readText(Int(try reader.littleEndian(UInt32.self)))
        case .shortBinUnicode: return try readText(Int(try reader.byte()))
        case .binBytes:
            _ = try reader.take(Int(try reader.littleEndian(UInt32.self)))
            return .opaque
        case .shortBinBytes:
            _ = try reader.take(Int(try reader.byte()))
            return .opaque
        default: return .none
        }
    }

    /// A little-endian two's complement integer of any length; beyond 64 bits it is opaque, since tensors do not use
    /// it.
    private mutating func readLong() throws(FormatError) -> PickleValue {
        let bytes = try reader.take(Int(try reader.byte()))
        guard bytes.count <= 8 else { return .opaque }
        var value = (bytes.last ?? 0) >= 0x80 ? -1 : 0
        for byte in bytes.reversed() { value = value << 8 | Int(byte) }
        return .int(value)
    }

    private mutating func readText(_ length: Int) throws(FormatError) -> PickleValue {
        guard length <= limits.maxPickleStringBytes else {
            throw malformed("string of \(length) bytes, expected at most \(limits.maxPickleStringBytes)")
        }
        guard let text = String(validating: try reader.take(length), as: UTF8.self) else {
            throw malformed("string is not valid UTF-8")
        }
        return .string(text)
    }

    private mutating func readLine() throws(FormatError) -> String {
        let line = try reader.line(terminator: UInt8(ascii: "\n"), limit: 256)
        guard let text = String(validating: line, as: UTF8.self) else { throw malformed("name is not valid UTF-8") }
        return text
    }

    // MARK: Stack and memo

    mutating func pop() throws(FormatError) -> PickleValue { try pop(1)[0] }

    private mutating func pop(_ count: Int) throws(FormatError) -> [PickleValue] {
        guard stack.count - (marks.last ?? 0) >= count else { throw malformed("not enough values on the stack") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws(FormatError) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw malformed("no mark on the stack") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private mutating func memorize(_ key: UInt32) throws(FormatError) {
        guard let top = stack.last else { throw malformed("nothing to memorize") }
        memo[key] = top
        guard memo.count <= limits.maxPickleMemo else {
            throw malformed("more than \(limits.maxPickleMemo) values in the memo")
        }
    }

    private mutating func recall(_ key: UInt32) throws(FormatError) {
        guard let value = memo[key] else { throw malformed("nothing in the memo under \(key)") }
        stack.append(value)
    }

    // MARK: Containers

    private mutating func pushTuple(_ elements: [PickleValue]) {
        heap.tuples.append(elements)
        stack.append(.tuple(heap.tuples.count - 1))
    }

    mutating func pushDict() {
        heap.dicts.append([])
        stack.append(.dict(heap.dicts.count - 1))
    }

    private mutating func extendList(_ elements: [PickleValue]) throws(FormatError) {
        guard case .list(let index) = stack.last else { throw malformed("append to \(stack.last?.kind ?? "nothing")") }
        heap.lists[index] += elements
    }

    private mutating func extendDict(_ elements: [PickleValue]) throws(FormatError) {
        guard case .dict(let index) = stack.last else {
            throw malformed("items set in \(stack.last?.kind ?? "nothing")")
        }
        guard elements.count.isMultiple(of: 2) else { throw malformed("a key without a value") }
        for position in stride(from: 0, to: elements.count, by: 2) {
            heap.dicts[index].append((elements[position], elements[position + 1]))
        }
    }

    func malformed(_ detail: String) -> FormatError { FormatError(.malformed, detail) }
}
