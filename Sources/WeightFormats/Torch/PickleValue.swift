import Tensors

/// A value on the pickle machine's stack. Containers are indices into the heap, so that there are no reference cycles,
/// and copying or releasing a value does not recurse.
enum PickleValue: Equatable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    case tuple(Int)
    case list(Int)
    case dict(Int)
    case symbol(PickleSymbol)
    case storage(Int)
    case tensor(Int)
    /// A value that is not needed for weights.
    case opaque

    /// The kind of the value, for messages.
    var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a bool"
        case .int: "an int"
        case .float: "a float"
        case .string: "a string"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dict: "a dict"
        case .symbol: "a global name"
        case .storage: "a storage"
        case .tensor: "a tensor"
        case .opaque: "an object"
        }
    }
}

/// A storage that a pickle refers to; its elements are in another entry of the archive.
struct PickleStorage: Equatable {
    var key: String
    var type: ElementType
    /// The number of elements according to the pickle.
    var count: Int
}

/// A tensor that a pickle describes. Its offset, shape and strides, in elements, are not yet checked against its
/// storage.
struct PickleTensor: Equatable {
    var storage: PickleStorage
    var offset: Int
    var shape: [Int]
    var strides: [Int]
}

/// The containers, storages and tensors of a pickle, which `PickleValue` refers to by index.
struct PickleHeap {
    var tuples: [[PickleValue]] = []
    var lists: [[PickleValue]] = []
    var dicts: [[(key: PickleValue, value: PickleValue)]] = []
    var storages: [PickleStorage] = []
    var tensors: [PickleTensor] = []

    /// The members of a dict whose keys are strings, in order.
    func members(of dict: Int) -> [(name: String, value: PickleValue)] {
        dicts[dict].compactMap { key, value in
            if case .string(let name) = key { (name, value) } else { nil }
        }
    }

    /// Whether each of the containers holds only tensors, and at least one. All are computed once, so that a pickle
    /// that uses the same long list many times takes no more time.
    static func holdTensorsOnly(_ containers: [[PickleValue]]) -> [Bool] {
        containers.map { elements in
            !elements.isEmpty && elements.allSatisfy { if case .tensor = $0 { true } else { false } }
        }
    }

    /// The integers of a tuple; nil if the value is not a tuple of integers.
    /// - Parameter limit: the most elements, which is the most axes of a tensor. A short pickle can use one long tuple
    ///   many thousand times, and each use is copied.
    func ints(_ value: PickleValue, limit: Int) throws(FormatError) -> [Int]? {
        guard case .tuple(let index) = value else { return nil }
        guard tuples[index].count <= limit else {
            throw FormatError(.shapeMismatch, "a tensor of \(tuples[index].count) axes, expected at most \(limit)")
        }
        var result: [Int] = []
        for element in tuples[index] {
            guard case .int(let int) = element else { return nil }
            result.append(int)
        }
        return result
    }
}
