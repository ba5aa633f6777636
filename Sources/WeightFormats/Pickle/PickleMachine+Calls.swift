import Tensors

// The calls in pickles, each interpreted as a description of its result.
extension PickleMachine {
    /// `REDUCE`: replaces a symbol and its arguments by a description of what the call returns.
    mutating func reduce() throws(FormatError) {
        let arguments = try pop()
        let function = try pop()
        stack.append(try result(of: function, arguments, isNested: false))
    }

    /// - Parameter isNested: whether this is already the call of an argument, as `_rebuild_from_type_v2` has one.
    private mutating func result(
        of function: PickleValue, _ arguments: PickleValue, isNested: Bool
    ) throws(FormatError) -> PickleValue {
        guard case .symbol(let symbol) = function, case .tuple(let tuple) = arguments else {
            throw FormatError(.unsafePickle, "a call of \(function.kind), expected a symbol of the list")
        }
        let values = heap[tuple]
        switch symbol {
        case .dict: return try dict(values)
        case .namespace:
            return values.isEmpty ? newNamespace() : try dict(values)
        case .reconstructor:
            // `_reconstructor(class, base, state)`, by which protocols before 2 make objects.
            guard case .symbol(let type) = values.first else { throw malformed("an object of \(kinds(values))") }
            return try object(of: type)
        case .defaultDict:
            switch values.first {
            case nil, .some(PickleValue.none), .symbol: return try dict(values.dropFirst())
            default: throw malformed("defaultdict of \(kinds(values)), expected a class")
            }
        case .set:
            switch values.first {
            case nil: return newList()
            case .list, .tuple: return values[values.startIndex]
            default: throw malformed("set or deque of \(kinds(values)), expected a list")
            }
        case .tensor, .typedTensor: return try tensor(values, hasType: symbol == .typedTensor)
        case .parameter:
            switch values.first {
            case .tensor, .otherTensor, .array: return values[values.startIndex]
            default: throw malformed("a parameter of \(values.first?.kind ?? "nothing"), expected a tensor")
            }
        case .subclassedTensor:
            guard !isNested, values.count >= 3 else { throw malformed("a tensor with a type of \(kinds(values))") }
            return try result(of: values[values.startIndex], values[values.startIndex + 2], isNested: true)
        case .otherTensor(let name): return .otherTensor(name)
        case .numpyType: return try elementType(values)
        case .numpyArray:
            guard values.count == 3 else { throw malformed("an array of \(kinds(values))") }
            return add(PickleArray())
        case .numpyScalar:
            guard values.count == 2, case .elementType(let type) = values[values.startIndex] else {
                throw malformed("a scalar of \(kinds(values)), expected a dtype and bytes")
            }
            return add(PickleArray(type: type, content: values[values.startIndex + 1], isScalar: true))
        case .numpyBuffer: return try arrayOfBuffer(values)
        case .jaxArray:
            guard !isNested, values.count >= 3 else { throw malformed("an array of JAX of \(kinds(values))") }
            let state = values[values.startIndex + 2]
            let array = try result(of: values[values.startIndex], values[values.startIndex + 1], isNested: true)
            guard case .array(let index) = array else {
                throw malformed("an array of JAX around \(array.kind), expected an array of NumPy")
            }
            try fill(index, with: state)
            return array
        case .encode:
            guard values.count == 2, case .text(let text) = values[values.startIndex] else {
                throw malformed("encode of \(kinds(values)), expected two strings")
            }
            return heap.isText(values[values.startIndex + 1], "latin1") ? .latin1(text) : .bytes(text)
        case .bytes:
            switch values.first {
            case nil: return .bytes(PickleText(start: 0, count: 0))
            case .bytes, .latin1: return values[values.startIndex]
            default: throw malformed("bytes of \(kinds(values))")
            }
        case .storageFile: return try storageFile(values)
        case .inertCall(let name): return .inert(name)
        case .storage, .untypedStorage, .otherStorage: throw FormatError(.unsafePickle, "a call of a storage class")
        case .elementType, .name: throw FormatError(.unsafePickle, "a call of a value")
        }
    }

    private func kinds(_ values: ArraySlice<PickleValue>) -> String {
        values.isEmpty ? "nothing" : values.prefix(8).map(\.kind).joined(separator: ", ")
    }

    private mutating func newList() -> PickleValue {
        heap.lists.append([])
        return .list(heap.lists.count - 1)
    }

    /// A dict: empty, or another dict's members, or a list's pairs.
    private mutating func dict(_ values: ArraySlice<PickleValue>) throws(FormatError) -> PickleValue {
        switch values.first {
        case nil:
            heap.dicts.append([])
            return .dict(heap.dicts.count - 1)
        case .dict where values.count == 1: return values[values.startIndex]
        case .list(let index) where values.count == 1:
            try charge(heap.lists[index].count)
            var members: [(key: PickleValue, value: PickleValue)] = []
            for element in heap.lists[index] {
                var pair: ArraySlice<PickleValue> = []
                if case .tuple(let tuple) = element { pair = heap[tuple] }
                if case .list(let index) = element { pair = heap.lists[index][...] }
                guard pair.count == 2, let key = pair.first, let value = pair.last else {
                    throw malformed("a dict of \(element.kind), expected pairs")
                }
                members.append((key, value))
            }
            heap.dicts.append(members)
            return .dict(heap.dicts.count - 1)
        default: throw malformed("a dict of \(kinds(values)), expected a dict or a list of pairs")
        }
    }

    /// `NEWOBJ`: replaces a class and the arguments of its `__new__` by a description of the object.
    mutating func newObject() throws(FormatError) {
        let arguments = try pop()
        let type = try pop()
        guard case .symbol(let symbol) = type, case .tuple = arguments else {
            throw FormatError(.unsafePickle, "an object of \(type.kind), expected a class of the list")
        }
        stack.append(try object(of: symbol))
    }

    private mutating func object(of symbol: PickleSymbol) throws(FormatError) -> PickleValue {
        switch symbol {
        case .namespace: return newNamespace()
        case .inertCall(let name): return .inert(name)
        default: throw FormatError(.unsafePickle, "an object of a class that is not plain data: \(symbol.text)")
        }
    }

    /// An object whose attributes `BUILD` sets, as a dict of these.
    private mutating func newNamespace() -> PickleValue {
        heap.dicts.append([])
        heap.namespaces.insert(heap.dicts.count - 1)
        return .dict(heap.dicts.count - 1)
    }

    /// `BUILD`: fills an array or an element type of NumPy, and sets the attributes of a namespace; discards the state that
    /// is set on a dict (PyTorch's `_metadata`), a tensor or an inert value.
    mutating func build() throws(FormatError) {
        let state = try pop()
        switch stack.last {
        case .dict(let index) where heap.namespaces.contains(index):
            guard case .dict(let attributes) = state else { return }
            try charge(heap.dicts[attributes].count)
            heap.dicts[index] += heap.dicts[attributes]
        case .dict, .inert, .tensor, .otherTensor: return
        case .array(let index): try fill(index, with: state)
        case .elementType(let index): try setByteOrder(index, state)
        case let target:
            throw FormatError(.unsafePickle, "state set on \(target?.kind ?? "nothing"), expected a dict or an array")
        }
    }

    // MARK: PyTorch

    /// `BINPERSID`: replaces the tuple `('storage', class, key, location, count)` by a storage. A storage's own file has
    /// None after these.
    mutating func referToStorage() throws(FormatError) {
        guard place != .file else {
            throw FormatError(
                .unknownFormat,
                "a data.pkl without the storages beside it; send the whole file that torch.save wrote")
        }
        let id = try pop()
        guard case .tuple(let tuple) = id, tuple.count == (place == .archive ? 5 : 6) else {
            throw malformed("persistent id is not a tuple of five")
        }
        let parts = Array(heap[tuple])
        guard heap.isText(parts[0], "storage"), case .symbol(let symbol) = parts[1], case .text(let key) = parts[2],
            key.count <= 64, case .text = parts[3], case .int(let count) = parts[4], count >= 0
        else {
            throw malformed(
                "persistent id of \(kinds(parts[...])), "
                    + "expected 'storage', a storage class, a key, a location and a count")
        }
        var storage = PickleStorage(key: String(decoding: heap.content(key), as: UTF8.self), type: nil, count: count)
        switch symbol {
        case .storage(let type): storage.type = type
        case .untypedStorage: break
        case .otherStorage: storage.isPlain = false
        default: throw malformed("persistent id of a symbol that is no storage class")
        }
        heap.storages.append(storage)
        stack.append(.storage(heap.storages.count - 1))
    }

    /// `_load_from_bytes(bytes)`: the storage in a file of PyTorch before 1.6, which is five pickles (a number, a version,
    /// the system's properties, the storage and its key) and then the count of elements and the elements.
    private mutating func storageFile(_ values: ArraySlice<PickleValue>) throws(FormatError) -> PickleValue {
        guard place == .file else {
            throw FormatError(.unsafePickle, "a file of a storage, which is beside the pickle")
        }
        let file: PickleText
        switch values.first {
        case .bytes(let text) where values.count == 1: file = text
        case .latin1(let text) where values.count == 1:
            try charge(Int(text.count) / 16)
            file = heap.add(try PickleEscapes.latin1(heap.content(text), limit: Int(text.count)))
        default: throw malformed("a storage of \(kinds(values)), expected bytes")
        }
        let content = heap.content(file)
        guard FileFormat.isLegacyTorch(content) else { throw malformed("a storage that is no file of PyTorch") }
        try charge(64)
        var limits = limits
        limits.maxPickleOpcodes = 256
        var rest = content
        var storage: PickleStorage?
        for index in 0..<5 {
            let (root, inner, length, _) = try PickleMachine.run(
                rest, name: "the storage", place: .storage, limits: limits)
            rest = rest.dropFirst(length)
            if case .storage(let position) = root, index == 3 { storage = inner.storages[position] }
            if case .dict(let position) = root, index == 2 {
                let order = inner.dicts[position].first { inner.isText($0.key, "little_endian") }
                guard order?.value == .bool(true) else { throw malformed("a storage in another byte order") }
            }
        }
        guard var storage else { throw malformed("a storage's file without a storage") }
        guard storage.isPlain, let type = storage.type else { return .otherTensor(.storage) }
        var reader = ByteReader(rest, of: "the storage")
        let count = try reader.littleEndian(Int64.self)
        let (size, overflow) = storage.count.multipliedReportingOverflow(by: type.byteCount)
        guard count == storage.count, !overflow, reader.remaining == size else {
            throw malformed(
                "a storage of \(reader.remaining) bytes, expected \(storage.count) elements of \(type.rawValue)")
        }
        storage.content = PickleText(
            start: file.start + UInt32(reader.position - content.startIndex), count: UInt32(size))
        heap.storages.append(storage)
        return .storage(heap.storages.count - 1)
    }

    /// `_rebuild_tensor_v2(storage, offset, shape, strides[, requires_grad, hooks[, metadata]])`; version 3 has the
    /// element type before the metadata.
    private mutating func tensor(
        _ values: ArraySlice<PickleValue>, hasType: Bool
    ) throws(FormatError) -> PickleValue {
        let values = Array(values.prefix(8))
        if values.first == .otherTensor(.storage) { return .otherTensor(.storage) }
        guard values.count >= 4, case .storage(let index) = values[0], case .int(let offset) = values[1],
            let shape = try heap.ints(values[2], limit: limits.maxRank),
            let strides = try heap.ints(values[3], limit: limits.maxRank)
        else {
            throw malformed(
                "a tensor of \(kinds(values[...])), expected a storage, an offset, a shape and strides")
        }
        let storage = heap.storages[index]
        guard storage.isPlain else { return .otherTensor(.storage) }
        var type = storage.type
        var metadata = values.dropFirst(6).first
        if hasType {
            guard case .symbol(let symbol) = metadata else { throw malformed("a tensor without an element type") }
            switch symbol {
            case .elementType(let known): type = type ?? known
            case .name(let name): return .otherTensor(name)
            default: throw malformed("a tensor with a symbol in place of its element type")
            }
            metadata = values.dropFirst(7).first
        }
        if case .dict(let index) = metadata, heap.dicts[index].contains(where: { $0.value == .bool(true) }) {
            return .otherTensor(.view)
        }
        guard let type else { throw malformed("a tensor of bytes without an element type") }
        heap.tensors.append(
            PickleTensor(storage: index, type: type, offset: offset, shape: shape, strides: strides))
        return .tensor(heap.tensors.count - 1)
    }

    // MARK: NumPy

    private mutating func add(_ array: PickleArray) -> PickleValue {
        heap.arrays.append(array)
        return .array(heap.arrays.count - 1)
    }

    /// `dtype(code, align, copy)`, in the machine's byte order until `BUILD` says otherwise.
    private mutating func elementType(_ values: ArraySlice<PickleValue>) throws(FormatError) -> PickleValue {
        switch values.first {
        case .symbol(.elementType(let type)): heap.types.append(.type(type, bigEndian: false))
        case .text(let text), .bytes(let text):
            guard text.count <= 64 else { throw malformed("a dtype of \(text.count) characters") }
            heap.types.append(NPYHeader.element(String(decoding: heap.content(text), as: UTF8.self)))
        default: throw malformed("a dtype of \(kinds(values)), expected a string")
        }
        return .elementType(heap.types.count - 1)
    }

    /// The state `(version, order, …)` of an element type.
    private mutating func setByteOrder(_ index: Int, _ state: PickleValue) throws(FormatError) {
        guard case .tuple(let tuple) = state, tuple.count >= 2 else {
            throw malformed("the state of a dtype is \(state.kind), expected a tuple")
        }
        if case .type(let type, _) = heap.types[index] {
            let order = heap[tuple][heap[tuple].startIndex + 1]
            heap.types[index] = .type(type, bigEndian: heap.isText(order, ">"))
        }
    }

    /// Sets an array's state `(version, shape, dtype, is_fortran, content)`.
    private mutating func fill(_ index: Int, with state: PickleValue) throws(FormatError) {
        guard case .tuple(let tuple) = state else {
            throw malformed("the state of an array is \(state.kind), expected a tuple")
        }
        let parts = Array(heap[tuple].prefix(6))
        guard parts.count == 5, let shape = try heap.ints(parts[1], limit: 32), case .elementType(let type) = parts[2]
        else {
            throw malformed(
                "an array of \(kinds(parts[...])), expected a version, a shape, a dtype, an order and the content")
        }
        let isColumnMajor = parts[3] == .bool(true) || parts[3] == .int(1)
        heap.arrays[index] = PickleArray(type: type, shape: shape, isColumnMajor: isColumnMajor, content: parts[4])
    }

    private mutating func arrayOfBuffer(_ values: ArraySlice<PickleValue>) throws(FormatError) -> PickleValue {
        let values = Array(values.prefix(5))
        guard values.count == 4, case .elementType(let type) = values[1],
            let shape = try heap.ints(values[2], limit: 32)
        else {
            throw malformed("an array of \(kinds(values[...])), expected bytes, a dtype, a shape and an order")
        }
        return add(
            PickleArray(
                type: type, shape: shape, isColumnMajor: heap.isText(values[3], "F"), content: values[0]))
    }
}
