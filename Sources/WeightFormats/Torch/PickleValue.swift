import Tensors

/// A value on the pickle machine's stack. Containers are indices into the heap, so values cannot form cycles of
/// references and copying or dropping one never recurses.
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
    /// Something that is no weight and is kept only to hold its place.
    case opaque

    /// For messages.
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

/// A storage that a pickle refers to; its bytes are another entry of the archive.
struct PickleStorage: Equatable {
    var key: String
    var type: ElementType
    /// Elements, as the pickle claims.
    var count: Int
}

/// A tensor that a pickle describes, not yet checked against its storage.
struct PickleTensor: Equatable {
    var storage: PickleStorage
    var offset: Int
    var shape: [Int]
    var strides: [Int]
}

/// The containers that a pickle made.
struct PickleHeap {
    var tuples: [[PickleValue]] = []
    var lists: [[PickleValue]] = []
    var dicts: [[(key: PickleValue, value: PickleValue)]] = []
    var storages: [PickleStorage] = []
    var tensors: [PickleTensor] = []

    /// The members of a dict that have text as their name, in order.
    func members(of dict: Int) -> [(name: String, value: PickleValue)] {
        dicts[dict].compactMap { key, value in
            if case .string(let name) = key { (name, value) } else { nil }
        }
    }

    /// For each of the containers, whether it holds tensors and nothing else. One pass over all of them, so that a
    /// pickle gains nothing from mentioning the same long list many times.
    static func holdTensorsOnly(_ containers: [[PickleValue]]) -> [Bool] {
        containers.map { elements in
            !elements.isEmpty && elements.allSatisfy { if case .tensor = $0 { true } else { false } }
        }
    }

    /// The whole numbers of a tuple; nil if it is none or holds anything else.
    ///
    /// A short pickle can mention one long tuple many thousand times, and every mention is copied: so more than
    /// `limit` elements, which no tensor has axes for, are refused.
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
