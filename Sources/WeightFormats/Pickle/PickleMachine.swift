/// Interprets a pickle as data: a stack machine that builds only descriptions of tensors and arrays, and plain values.
///
/// It cannot import, call or construct anything: global names are cases of `PickleSymbol`, and `REDUCE`, `NEWOBJ` and
/// `BUILD` accept only certain combinations of them. Time and memory are linear in the number of opcodes, which is limited.
struct PickleMachine {
    var heap: PickleHeap
    var stack: [PickleValue] = []
    private var marks: [Int] = []
    /// Values in the memo under the keys from 0, as picklers number them; the others are in `sparseMemo`.
    private var memo: [PickleValue] = []
    private var sparseMemo: [UInt32: PickleValue] = [:]
    private var reader: ByteReader
    /// What the pickle is called in messages.
    private let name: String
    let place: Place
    let limits: FormatLimits
    /// Opcodes, and values copied by calls, that may follow.
    private var remaining: Int

    /// Where a pickle is, which decides what storages it may have.
    enum Place {
        /// In a file of its own: storages are in the pickle.
        case file
        /// In an archive of PyTorch, beside its storages.
        case archive
        /// In a storage's file, which is itself in a pickle.
        case storage
    }

    /// Interprets the pickle at the front of `bytes`.
    /// - Returns: the value that it describes, the heap to which its indices refer, and the pickle's length.
    static func run(
        _ bytes: ArraySlice<UInt8>, name: String, place: Place, limits: FormatLimits
    ) throws(FormatError) -> (root: PickleValue, heap: PickleHeap, length: Int, opcodes: Int) {
        // Positions have 32 bits, with room for texts whose escapes are resolved.
        guard bytes.count <= 1 << 30 else {
            throw FormatError(.inflatedTooLarge, "\(name) takes \(bytes.count) bytes, expected at most \(1 << 30)")
        }
        var machine = PickleMachine(bytes, name: name, place: place, limits: limits)
        let root = try machine.run()
        return (root, machine.heap, machine.reader.offset, limits.maxPickleOpcodes - machine.remaining)
    }

    private init(_ bytes: ArraySlice<UInt8>, name: String, place: Place, limits: FormatLimits) {
        heap = PickleHeap(bytes)
        reader = ByteReader(bytes, of: name)
        self.name = name
        self.place = place
        self.limits = limits
        remaining = limits.maxPickleOpcodes
    }

    private mutating func run() throws(FormatError) -> PickleValue {
        while true {
            let offset = reader.offset
            let byte = try reader.byte()
            guard let opcode = PickleOpcode(rawValue: byte) else {
                guard let refused = PickleOpcode.nameOfRefused(byte) else {
                    throw malformed("0x\(hexadecimal(byte)) at byte \(offset) of \(name) is no opcode")
                }
                throw FormatError(
                    .unsafePickle, "opcode \(refused) at byte \(offset) of \(name) is not allowed")
            }
            do throws(FormatError) {
                if opcode == .stop { return try pop() }
                try charge(1)
                try execute(opcode)
            } catch {
                throw error.within("byte \(offset) of \(name)")
            }
            guard stack.count <= limits.maxPickleStack, marks.count <= limits.maxPickleStack else {
                throw malformed("more than \(limits.maxPickleStack) values on the stack")
            }
        }
    }

    /// Counts opcodes, and values that a call copies, against the limit.
    mutating func charge(_ count: Int) throws(FormatError) {
        remaining -= count
        guard remaining >= 0 else {
            throw FormatError(.inflatedTooLarge, "more than \(limits.maxPickleOpcodes) opcodes and values")
        }
    }

    private mutating func execute(_ opcode: PickleOpcode) throws(FormatError) {
        switch opcode {
        case .proto:
            let version = try reader.byte()
            guard version <= 5 else { throw malformed("pickle protocol \(version), expected at most 5") }
        case .frame: try reader.skip(8)
        case .stop: break
        case .mark: marks.append(stack.count)
        case .pop:
            if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
        case .popMark: stack.removeSubrange(try popMark()...)
        case .none: stack.append(.none)
        case .newTrue: stack.append(.bool(true))
        case .newFalse: stack.append(.bool(false))
        case .binInt: stack.append(.int(Int(try reader.littleEndian(Int32.self))))
        case .binInt1: stack.append(.int(Int(try reader.byte())))
        case .binInt2: stack.append(.int(Int(try reader.littleEndian(UInt16.self))))
        case .long1: stack.append(try readLong(Int(try reader.byte())))
        case .long4: stack.append(try readLong(Int(try reader.littleEndian(UInt32.self))))
        case .binFloat:
            stack.append(.float(Double(bitPattern: try reader.littleEndian(UInt64.self).byteSwapped)))
        case .int, .long, .float: stack.append(try readNumberLine(opcode))
        case .string, .unicode: stack.append(try readTextLine(opcode))
        case .binUnicode: stack.append(.text(try readText(try reader.littleEndian(UInt32.self))))
        case .shortBinUnicode: stack.append(.text(try readText(try reader.byte())))
        case .binUnicode8: stack.append(.text(try readText(try reader.littleEndian(UInt64.self))))
        case .binString, .binBytes: stack.append(.bytes(try readText(try reader.littleEndian(UInt32.self))))
        case .shortBinString, .shortBinBytes: stack.append(.bytes(try readText(try reader.byte())))
        case .binBytes8, .byteArray8: stack.append(.bytes(try readText(try reader.littleEndian(UInt64.self))))
        case .emptyTuple: pushTuple(from: stack.count)
        case .tuple: pushTuple(from: try popMark())
        case .tuple1: pushTuple(from: try depth(1))
        case .tuple2: pushTuple(from: try depth(2))
        case .tuple3: pushTuple(from: try depth(3))
        case .emptyList, .emptySet: pushList(from: stack.count)
        case .list, .frozenSet: pushList(from: try popMark())
        case .append: try extendList(from: try depth(1))
        case .appends, .addItems: try extendList(from: try popMark())
        case .emptyDict: pushDict()
        case .dict:
            let start = try popMark()
            heap.dicts.append([])
            let dict = PickleValue.dict(heap.dicts.count - 1)
            try extend(dict, from: start)
            stack.append(dict)
        case .setItem: try extendDict(from: try depth(2))
        case .setItems: try extendDict(from: try popMark())
        case .get: try recall(try readKey())
        case .binGet: try recall(UInt32(try reader.byte()))
        case .longBinGet: try recall(try reader.littleEndian(UInt32.self))
        case .put: try memorize(try readKey())
        case .binPut: try memorize(UInt32(try reader.byte()))
        case .longBinPut: try memorize(try reader.littleEndian(UInt32.self))
        case .memoize: try memorize(UInt32(memo.count + sparseMemo.count))
        case .global:
            let module = try readLine()
            stack.append(.symbol(try PickleSymbol.named(try readLine(), of: module)))
        case .stackGlobal: try pushSymbol()
        case .reduce: try reduce()
        case .build: try build()
        case .newObject: try newObject()
        case .binPersistentID: try referToStorage()
        }
    }

    // MARK: Scalars

    /// A little-endian two's complement integer of any length; beyond 64 bits it is inert, since tensors do not use it.
    private mutating func readLong(_ count: Int) throws(FormatError) -> PickleValue {
        let bytes = try reader.take(count)
        guard bytes.count <= 8 else { return .inert(.integer) }
        var value = (bytes.last ?? 0) >= 0x80 ? -1 : 0
        for byte in bytes.reversed() { value = value << 8 | Int(byte) }
        return .int(value)
    }

    /// A number of protocol 0: the rest of the line in decimal; `00` and `01` are booleans.
    private mutating func readNumberLine(_ opcode: PickleOpcode) throws(FormatError) -> PickleValue {
        var line = try readLine()
        if opcode == .float {
            guard let value = Double(line) else { throw malformed("\(quoted(line)) is not a number") }
            return .float(value)
        }
        if opcode == .int, line == "00" || line == "01" { return .bool(line == "01") }
        if opcode == .long, line.last == "L" { line.removeLast() }
        if let value = Int(line) { return .int(value) }
        guard line.utf8.dropFirst(line.hasPrefix("-") ? 1 : 0).allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw malformed("\(quoted(line)) is not an integer")
        }
        return .inert(.integer)
    }

    private mutating func readKey() throws(FormatError) -> UInt32 {
        let line = try readLine()
        guard let key = UInt32(line) else { throw malformed("\(quoted(line)) is not a key of the memo") }
        return key
    }

    private mutating func readText<Length: UnsignedInteger>(_ length: Length) throws(FormatError) -> PickleText {
        guard let count = Int(exactly: length) else { throw malformed("a text of \(length) bytes") }
        let start = reader.offset
        try reader.skip(count)
        return PickleText(start: UInt32(start), count: UInt32(count))
    }

    /// A text of protocol 0: the rest of the line, with escapes.
    private mutating func readTextLine(_ opcode: PickleOpcode) throws(FormatError) -> PickleValue {
        let line = try reader.line(terminator: UInt8(ascii: "\n"), limit: reader.remaining)
        if opcode == .unicode { return .text(heap.add(try PickleEscapes.unicode(line))) }
        guard line.count >= 2, let quote = line.first, quote == line.last, quote == 0x22 || quote == 0x27 else {
            throw malformed("a string without quotes")
        }
        return .bytes(heap.add(try PickleEscapes.bytes(line.dropFirst().dropLast())))
    }

    private mutating func readLine() throws(FormatError) -> String {
        let line = try reader.line(terminator: UInt8(ascii: "\n"), limit: 512)
        guard let text = String(validating: line, as: UTF8.self) else { throw malformed("name is not valid UTF-8") }
        return text
    }

    private mutating func pushSymbol() throws(FormatError) {
        let name = try pop()
        let module = try pop()
        guard case .text(let moduleText) = module, case .text(let nameText) = name,
            moduleText.count <= 512, nameText.count <= 512, let module = heap.string(module),
            let name = heap.string(name)
        else { throw malformed("STACK_GLOBAL of \(module.kind) and \(name.kind)") }
        stack.append(.symbol(try PickleSymbol.named(name, of: module)))
    }

    // MARK: Stack and memo

    mutating func pop() throws(FormatError) -> PickleValue {
        let index = try depth(1)
        return stack.remove(at: index)
    }

    /// The index on the stack of the last `count` values, which no mark may separate.
    private func depth(_ count: Int) throws(FormatError) -> Int {
        guard stack.count - (marks.last ?? 0) >= count else { throw malformed("not enough values on the stack") }
        return stack.count - count
    }

    /// Removes the last mark; the values after it begin at the index that is returned.
    private mutating func popMark() throws(FormatError) -> Int {
        guard let mark = marks.popLast() else { throw malformed("no mark on the stack") }
        return mark
    }

    private mutating func memorize(_ key: UInt32) throws(FormatError) {
        guard let top = stack.last else { throw malformed("nothing to memorize") }
        if key < memo.count {
            memo[Int(key)] = top
        } else if key == memo.count {
            memo.append(top)
        } else {
            sparseMemo[key] = top
        }
        guard memo.count + sparseMemo.count <= limits.maxPickleMemo else {
            throw malformed("more than \(limits.maxPickleMemo) values in the memo")
        }
    }

    private mutating func recall(_ key: UInt32) throws(FormatError) {
        guard let value = key < memo.count ? memo[Int(key)] : sparseMemo[key] else {
            throw malformed("nothing in the memo under \(key)")
        }
        stack.append(value)
    }

    // MARK: Containers

    private mutating func pushTuple(from start: Int) {
        let tuple = heap.addTuple(stack[start...])
        stack.removeSubrange(start...)
        stack.append(.tuple(tuple))
    }

    mutating func pushList(from start: Int) {
        heap.lists.append(Array(stack[start...]))
        stack.removeSubrange(start...)
        stack.append(.list(heap.lists.count - 1))
    }

    mutating func pushDict() {
        heap.dicts.append([])
        stack.append(.dict(heap.dicts.count - 1))
    }

    private mutating func extendList(from start: Int) throws(FormatError) {
        guard start > 0, case .list(let index) = stack[start - 1] else {
            throw malformed("append to \(start > 0 ? stack[start - 1].kind : "nothing")")
        }
        heap.lists[index].append(contentsOf: stack[start...])
        stack.removeSubrange(start...)
    }

    private mutating func extendDict(from start: Int) throws(FormatError) {
        guard start > 0 else { throw malformed("items set in nothing") }
        try extend(stack[start - 1], from: start)
    }

    /// Moves the keys and values from `start` on the stack into a dict.
    private mutating func extend(_ dict: PickleValue, from start: Int) throws(FormatError) {
        guard case .dict(let index) = dict else { throw malformed("items set in \(dict.kind)") }
        guard (stack.count - start).isMultiple(of: 2) else { throw malformed("a key without a value") }
        for position in stride(from: start, to: stack.count, by: 2) {
            heap.dicts[index].append((stack[position], stack[position + 1]))
        }
        stack.removeSubrange(start...)
    }

    func malformed(_ detail: String) -> FormatError { FormatError(.malformed, detail) }
}

/// The escapes in texts of protocol 0.
enum PickleEscapes {
    /// The UTF-8 form of a text in which `\uXXXX` and `\UXXXXXXXX` are code points and any other byte is one itself.
    static func unicode(_ line: ArraySlice<UInt8>) throws(FormatError) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(line.count)
        var rest = line
        while let byte = rest.popFirst() {
            var value = UInt32(byte)
            if byte == UInt8(ascii: "\\"), let kind = rest.first, kind | 0x20 == UInt8(ascii: "u") {
                value = try hexadecimalValue(&rest, digits: kind == UInt8(ascii: "u") ? 4 : 8)
            }
            result += String(Unicode.Scalar(value) ?? "\u{fffd}").utf8
        }
        return result
    }

    /// The bytes of a string in which `\xXX`, `\n`, `\r`, `\t`, `\\` and escaped quotes stand for one byte each.
    static func bytes(_ line: ArraySlice<UInt8>) throws(FormatError) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(line.count)
        var rest = line
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let kind = rest.first else {
                result.append(byte)
                continue
            }
            switch kind {
            case UInt8(ascii: "x"):
                result.append(UInt8(truncatingIfNeeded: try hexadecimalValue(&rest, digits: 2)))
                continue
            case UInt8(ascii: "n"): result.append(0x0a)
            case UInt8(ascii: "r"): result.append(0x0d)
            case UInt8(ascii: "t"): result.append(0x09)
            default: result.append(kind)
            }
            rest.removeFirst()
        }
        return result
    }

    /// The bytes that a text's code points stand for.
    /// - Parameter limit: after one byte more than these, the rest is not read.
    static func latin1(_ text: ArraySlice<UInt8>, limit: Int) throws(FormatError) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(min(text.count, limit))
        var index = text.startIndex
        while index < text.endIndex, result.count <= limit {
            let byte = text[index]
            index += 1
            guard byte >= 0x80 else {
                result.append(byte)
                continue
            }
            guard byte & 0xfe == 0xc2, index < text.endIndex, text[index] & 0xc0 == 0x80 else {
                throw FormatError(.malformed, "bytes as a text with characters beyond U+00FF")
            }
            result.append(byte << 6 | text[index] & 0x3f)
            index += 1
        }
        return result
    }

    /// Consumes a letter and the digits after it.
    private static func hexadecimalValue(_ rest: inout ArraySlice<UInt8>, digits: Int) throws(FormatError) -> UInt32 {
        let text = String(decoding: rest.dropFirst().prefix(digits), as: UTF8.self)
        guard text.utf8.count == digits, let value = UInt32(text, radix: 16) else {
            throw FormatError(.malformed, "an escape of \(quoted(text)), expected \(digits) hexadecimal digits")
        }
        rest = rest.dropFirst(digits + 1)
        return value
    }
}
