import Tensors

/// Turns what a pickle describes into a file's tree.
///
/// Values that a pickle uses several times are in the tree several times, and count as often against the limits; a
/// value that contains itself exceeds the depth limit.
struct PickleTree {
    private let heap: PickleHeap
    private var storages: TorchStorages?
    /// The elements of storages in the pickle, by their positions; each is decoded once.
    private var decoded: [UInt32: [Float]] = [:]
    /// The most elements that further ones may have.
    private var remaining: Int

    init(_ heap: PickleHeap, storages: TorchStorages? = nil, limits: FormatLimits) {
        self.heap = heap
        remaining = limits.maxElements
        self.storages = storages
    }

    mutating func tree(_ value: PickleValue, _ builder: inout TreeBuilder) throws(FormatError) -> FileTree {
        switch value {
        case .none: return .inert("None")
        case .bool(let value): return .inert(value ? "true" : "false")
        case .int(let value): return .number(Double(value))
        case .float(let value): return .number(value)
        case .text(let text):
            guard text.count <= builder.limits.maxPickleStringBytes else { return .inert("str") }
            try builder.charge(Int(text.count) / 64)
            return .text(String(decoding: heap.content(text), as: UTF8.self))
        case .bytes, .latin1: return .inert("bytes")
        case .tuple(let tuple): return try list(heap[tuple], &builder)
        case .list(let index): return try list(heap.lists[index][...], &builder)
        case .dict(let index): return try dict(heap.dicts[index], &builder)
        case .symbol(let symbol): return .inert(symbol.text)
        case .storage(let index):
            let storage = heap.storages[index]
            guard let type = storage.type, storage.isPlain else { return .inert("torch.Storage") }
            return try tensor(
                PickleTensor(storage: index, type: type, offset: 0, shape: [storage.count], strides: [1]), &builder)
        case .tensor(let index): return try tensor(heap.tensors[index], &builder)
        case .otherTensor(let name):
            return builder.unreadable(.dtype, "\(quoted(name.text)) holds no numbers that convert to float32")
        case .array(let index): return try array(heap.arrays[index], &builder)
        case .elementType: return .inert("numpy.dtype")
        case .inert(let name): return .inert(name.text)
        }
    }

    // MARK: Containers

    private mutating func list(
        _ values: ArraySlice<PickleValue>, _ builder: inout TreeBuilder
    ) throws(FormatError) -> FileTree {
        if !values.isEmpty, values.allSatisfy(\.isNumber) { return try numbers(values, &builder) }
        var elements: [FileTree] = []
        var rows: [Tensor] = []
        var scalars: [Float] = []
        for (index, value) in values.enumerated() {
            try builder.enter(.index(index))
            let element = try tree(value, &builder)
            builder.leave()
            switch element {
            case .array(let row, _) where value.isSequence && row.shape == rows.first?.shape ?? row.shape:
                rows.append(row)
            case .number(let number): scalars.append(Float(number))
            default: break
            }
            elements.append(element)
        }
        if elements.isEmpty { return .list([]) }
        if rows.count == elements.count { return try builder.stack(rows) }
        if scalars.count == elements.count {
            return try builder.array([scalars.count], .float32) { () throws(FormatError) in scalars }
        }
        return .list(elements)
    }

    private func numbers(
        _ values: ArraySlice<PickleValue>, _ builder: inout TreeBuilder
    ) throws(FormatError) -> FileTree {
        try builder.array([values.count], .float32) { () throws(FormatError) in
            values.map { value in
                switch value {
                case .int(let int): Float(int)
                case .float(let float): Float(float)
                default: 0
                }
            }
        }
    }

    /// Of members with equal keys the last is kept, in the place of the first, as in Python.
    private mutating func dict(
        _ items: [(key: PickleValue, value: PickleValue)], _ builder: inout TreeBuilder
    ) throws(FormatError) -> FileTree {
        var members: [FileTree.Member] = []
        members.reserveCapacity(min(items.count, 4096))
        var positions: [String: Int] = [:]
        for (key, value) in items {
            let name = self.key(key)
            try builder.enter(.key(name))
            try builder.charge(name.utf8.count / 64)
            let member = FileTree.Member(key: name, value: try tree(value, &builder))
            builder.leave()
            if let position = positions.updateValue(members.count, forKey: name) {
                positions[name] = position
                members[position] = member
            } else {
                members.append(member)
            }
        }
        return .dict(members)
    }

    /// A key as text: numbers in decimal, the parts of a tuple between dots.
    private func key(_ value: PickleValue, isNested: Bool = false) -> String {
        switch value {
        case .text(let text), .bytes(let text), .latin1(let text):
            let content = heap.content(text)
            return String(decoding: content.prefix(512), as: UTF8.self)
        case .int(let value): return String(value)
        case .float(let value): return String(value)
        case .bool(let value): return value ? "True" : "False"
        case .none: return "None"
        case .tuple(let tuple) where !isNested:
            return heap[tuple].prefix(32).map { key($0, isNested: true) }.joined(separator: ".")
        case .array(let index):
            if let number = try? number(heap.arrays[index]) { return FileTree.text(of: number) }
            return value.kind
        case .symbol(let symbol): return symbol.text
        default: return value.kind
        }
    }

    // MARK: Tensors and arrays

    private mutating func tensor(
        _ tensor: PickleTensor, _ builder: inout TreeBuilder
    ) throws(FormatError) -> FileTree {
        let storage = heap.storages[tensor.storage]
        return try builder.array(tensor.shape, tensor.type) { () throws(FormatError) in
            let count = storage.type == nil ? storage.count / tensor.type.byteCount : storage.count
            let view = try StridedView(
                shape: tensor.shape, strides: tensor.strides, offset: tensor.offset, within: count)
            return view.gather(try elements(of: tensor.storage, as: tensor.type))
        }
    }

    private mutating func elements(of index: Int, as type: ElementType) throws(FormatError) -> [Float] {
        let storage = heap.storages[index]
        guard let content = storage.content else {
            return try storages?.values(of: storage, as: type) ?? []
        }
        if let known = decoded[content.start] { return known }
        guard storage.count <= remaining else {
            throw FormatError(.inflatedTooLarge, "the storages take too much memory as float32")
        }
        remaining -= storage.count
        let values = try ElementDecoder.decode(heap.content(content), as: type)
        decoded[content.start] = values
        return values
    }

    private mutating func array(
        _ array: PickleArray, _ builder: inout TreeBuilder
    ) throws(FormatError) -> FileTree {
        guard let index = array.type else {
            throw FormatError(.malformed, "\(builder.subject): an array without content")
        }
        switch heap.types[index] {
        case .objects: return try objects(array, &builder)
        case .other(let description):
            if array.shape.isEmpty, let text = NumPyText.decode(try bytes(array.content, 4096), description) {
                return .text(text)
            }
            return builder.unreadable(.dtype, "dtype \(quoted(description)), expected numbers such as '<f4'")
        case .type(let type, let bigEndian):
            if array.isScalar { return .number(try number(array)) }
            let shape = array.shape
            return try builder.array(shape, type) { () throws(FormatError) in
                let count = shape.reduce(1, *)
                let content = try bytes(array.content, count * type.byteCount)
                return try NPYReader.values(
                    content, shape: shape, type, bigEndian: bigEndian, isColumnMajor: array.isColumnMajor)
            }
        }
    }

    /// The elements of an array of objects; the only one of an array without axes.
    private mutating func objects(_ array: PickleArray, _ builder: inout TreeBuilder) throws(FormatError) -> FileTree {
        if array.isScalar {
            // A step of its own: scalars of objects can hold each other, as deep as the pickle is long.
            try builder.enter(.index(0))
            defer { builder.leave() }
            return try tree(array.content, &builder)
        }
        guard case .list(let index) = array.content else {
            throw FormatError(.malformed, "\(builder.subject): an array of objects without a list of them")
        }
        if array.shape.isEmpty, heap.lists[index].count == 1 {
            // A step of its own, so that an array that contains itself exceeds the depth limit.
            try builder.enter(.index(0))
            defer { builder.leave() }
            return try tree(heap.lists[index][0], &builder)
        }
        return try list(heap.lists[index][...], &builder)
    }

    /// The number in a scalar of NumPy.
    private func number(_ array: PickleArray) throws(FormatError) -> Double {
        guard array.isScalar, let index = array.type, case .type(let type, let bigEndian) = heap.types[index] else {
            throw FormatError(.dtype, "not a number")
        }
        let content = try bytes(array.content, type.byteCount)
        guard content.count == type.byteCount else {
            throw FormatError(.malformed, "\(content.count) bytes for a scalar of \(type.rawValue)")
        }
        return ElementDecoder.scalar(content, as: type, bigEndian: bigEndian)
    }

    /// The bytes of an array.
    /// - Parameter limit: the most bytes that are needed; a text of code points gives no more than one beyond them.
    private func bytes(_ value: PickleValue, _ limit: Int) throws(FormatError) -> ArraySlice<UInt8> {
        switch value {
        case .bytes(let text): return heap.content(text)
        case .latin1(let text): return try PickleEscapes.latin1(heap.content(text), limit: limit)[...]
        default: throw FormatError(.malformed, "an array whose content is \(value.kind), expected bytes")
        }
    }
}

extension PickleValue {
    var isNumber: Bool {
        switch self {
        case .int, .float: true
        default: false
        }
    }

    var isSequence: Bool {
        switch self {
        case .list, .tuple: true
        default: false
        }
    }
}

/// Reads files of `pickle.dump`.
enum PickleReader {
    /// - Returns: the tree of the file's pickle, or a list of those of several that follow each other.
    static func read(_ bytes: ArraySlice<UInt8>, _ builder: inout TreeBuilder) throws(FormatError) -> FileTree {
        var trees: [FileTree] = []
        var rest = bytes
        var limits = builder.limits
        repeat {
            let (root, heap, length, opcodes) = try PickleMachine.run(
                rest, name: "the pickle", place: .file, limits: limits)
            // Each takes memory for its values while it is read, which is bounded for all of them together.
            limits.maxPickleOpcodes -= opcodes
            rest = rest.dropFirst(length)
            if rest.allSatisfy(isSpace) { rest = [] }
            var pickle = PickleTree(heap, limits: limits)
            if trees.isEmpty, rest.isEmpty { return try pickle.tree(root, &builder) }
            try builder.enter(.index(trees.count))
            trees.append(try pickle.tree(root, &builder))
            builder.leave()
        } while !rest.isEmpty
        return .list(trees)
    }
}
