// The calls in pickles of tensors, each interpreted as a description of its result.
extension PickleMachine {
    /// `REDUCE`: replaces a symbol and its arguments by a description of what the call returns.
    mutating func reduce() throws(FormatError) {
        let arguments = try pop()
        let function = try pop()
        guard case .symbol(let symbol) = function, case .tuple(let index) = arguments else {
            throw FormatError(.unsafePickle, "a call of \(function.kind), expected a symbol of the list")
        }
        let values = heap.tuples[index]
        switch symbol {
        case .orderedDict:
            guard values.isEmpty else { throw malformed("OrderedDict with arguments") }
            pushDict()
        case .rebuildTensor: try rebuildTensor(values)
        case .rebuildParameter, .rebuildParameterWithState:
            guard let data = values.first, case .tensor = data else {
                throw malformed("a parameter of \(values.first?.kind ?? "nothing"), expected a tensor")
            }
            stack.append(data)
        case .inert: stack.append(.opaque)
        case .storage: throw FormatError(.unsafePickle, "a call of a storage class")
        }
    }

    /// `BUILD`: discards the state that is set on an `OrderedDict` (PyTorch's `_metadata`) or an opaque value.
    mutating func build() throws(FormatError) {
        _ = try pop()
        switch stack.last {
        case .dict, .opaque: return
        case let target:
            throw FormatError(.unsafePickle, "state set on \(target?.kind ?? "nothing"), expected an OrderedDict")
        }
    }

    /// `BINPERSID`: replaces the tuple `('storage', class, key, location, count)` by a storage.
    mutating func referToStorage() throws(FormatError) {
        guard case .tuple(let index) = try pop(), heap.tuples[index].count == 5 else {
            throw malformed("persistent id is not a tuple of five")
        }
        let parts = heap.tuples[index]
        guard case .string("storage") = parts[0], case .symbol(.storage(let type)) = parts[1],
            case .string(let key) = parts[2], case .string = parts[3], case .int(let count) = parts[4], count >= 0
        else {
            throw malformed(
                "persistent id of \(parts.map(\.kind).joined(separator: ", ")), "
                    + "expected 'storage', a storage class, a key, a location and a count")
        }
        heap.storages.append(PickleStorage(key: key, type: type, count: count))
        stack.append(.storage(heap.storages.count - 1))
    }

    /// `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks[, metadata])`.
    private mutating func rebuildTensor(_ values: [PickleValue]) throws(FormatError) {
        guard (6...7).contains(values.count), case .storage(let storage) = values[0], case .int(let offset) = values[1],
            let shape = try heap.ints(values[2], limit: limits.maxRank),
            let strides = try heap.ints(values[3], limit: limits.maxRank)
        else {
            throw malformed(
                "a tensor of \(values.map(\.kind).joined(separator: ", ")), "
                    + "expected a storage, an offset, a shape and strides")
        }
        heap.tensors.append(
            PickleTensor(storage: heap.storages[storage], offset: offset, shape: shape, strides: strides))
        stack.append(.tensor(heap.tensors.count - 1))
    }
}
