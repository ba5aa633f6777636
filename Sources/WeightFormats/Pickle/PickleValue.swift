import Tensors

/// A value on the pickle machine's stack. What takes memory is in the heap, so that values have no references: copying
/// and releasing them takes no time, and there are no cycles.
enum PickleValue: Equatable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case text(PickleText)
    case bytes(PickleText)
    /// Bytes as a text of their code points, as protocols before 3 write them.
    case latin1(PickleText)
    case tuple(PickleTuple)
    /// A list or set.
    case list(Int)
    case dict(Int)
    case symbol(PickleSymbol)
    case storage(Int)
    case tensor(Int)
    /// A tensor that is not stored as plain numbers.
    case otherTensor(PickleName)
    /// An array or a scalar of NumPy.
    case array(Int)
    case elementType(Int)
    /// A value that holds no numbers of a network.
    case inert(PickleName)

    /// The kind of the value, for messages.
    var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a bool"
        case .int: "an int"
        case .float: "a float"
        case .text: "a string"
        case .bytes, .latin1: "bytes"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dict: "a dict"
        case .symbol: "a global name"
        case .storage: "a storage"
        case .tensor, .otherTensor: "a tensor"
        case .array: "an array"
        case .elementType: "a dtype"
        case .inert: "an object"
        }
    }
}

/// A text or bytes of a pickle, by their position in `PickleHeap`.
struct PickleText: Equatable {
    var start: UInt32
    var count: UInt32
}

/// The elements of a tuple, by their position in `PickleHeap`.
struct PickleTuple: Equatable {
    var start: UInt32
    var count: UInt32
}

/// A storage that a pickle refers to; its elements are in another entry of the archive, or in the pickle.
struct PickleStorage: Equatable {
    var key: String
    /// Nil for a storage of bytes.
    var type: ElementType?
    /// The number of elements, or bytes without a type, according to the pickle.
    var count: Int
    /// Whether the elements are plain numbers.
    var isPlain = true
    /// The elements of a storage that is in the pickle itself.
    var content: PickleText?
}

/// A tensor that a pickle describes. Its offset, shape and strides, in elements, are not yet checked against its
/// storage.
struct PickleTensor: Equatable {
    /// The index of its storage.
    var storage: Int
    var type: ElementType
    var offset: Int
    var shape: [Int]
    var strides: [Int]
}

/// An array of NumPy that a pickle describes. Its shape is not yet checked against its content.
struct PickleArray: Equatable {
    /// The index of its element type; nil until it is filled.
    var type: Int?
    var shape: [Int] = []
    var isColumnMajor = false
    /// Bytes, or a list for an array of objects.
    var content = PickleValue.none
    var isScalar = false
}

/// The texts, containers, storages and arrays of a pickle, to which `PickleValue` refers.
struct PickleHeap {
    /// The pickle.
    let bytes: ArraySlice<UInt8>
    /// Texts whose escapes have been resolved; their positions follow those of `bytes`.
    private var resolved: [UInt8] = []
    /// The elements of all tuples, each tuple's together.
    private var elements: [PickleValue] = []
    var lists: [[PickleValue]] = []
    var dicts: [[(key: PickleValue, value: PickleValue)]] = []
    /// The dicts that are objects, whose state is their attributes.
    var namespaces: Set<Int> = []
    var storages: [PickleStorage] = []
    var tensors: [PickleTensor] = []
    var arrays: [PickleArray] = []
    var types: [NPYHeader.Element] = []

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    // MARK: Texts

    func content(_ text: PickleText) -> ArraySlice<UInt8> {
        let start = Int(text.start)
        if start < bytes.count {
            return bytes[bytes.startIndex + start..<bytes.startIndex + start + Int(text.count)]
        }
        return resolved[start - bytes.count..<start - bytes.count + Int(text.count)]
    }

    /// A text that is not in the pickle as it is. The caller adds no more bytes than the pickle has, twice.
    mutating func add(_ text: [UInt8]) -> PickleText {
        defer { resolved += text }
        return PickleText(start: UInt32(bytes.count + resolved.count), count: UInt32(text.count))
    }

    /// Text in which invalid UTF-8 is replaced; nil for other values.
    func string(_ value: PickleValue) -> String? {
        switch value {
        case .text(let text), .bytes(let text), .latin1(let text): String(decoding: content(text), as: UTF8.self)
        default: nil
        }
    }

    /// Whether the value is this text; Python 2 wrote texts as bytes.
    func isText(_ value: PickleValue, _ expected: StaticString) -> Bool {
        switch value {
        case .text(let text), .bytes(let text): content(text).elementsEqual(expected.description.utf8)
        default: false
        }
    }

    // MARK: Tuples

    subscript(tuple: PickleTuple) -> ArraySlice<PickleValue> {
        elements[Int(tuple.start)..<Int(tuple.start) + Int(tuple.count)]
    }

    mutating func addTuple(_ values: ArraySlice<PickleValue>) -> PickleTuple {
        defer { elements += values }
        return PickleTuple(start: UInt32(elements.count), count: UInt32(values.count))
    }

    /// The integers of a tuple or list; nil if the value is not one of integers.
    /// - Parameter limit: the most elements, which is the most axes of a tensor. A short pickle can use one long tuple
    ///   many thousand times, and each use is copied.
    func ints(_ value: PickleValue, limit: Int) throws(FormatError) -> [Int]? {
        let values: ArraySlice<PickleValue>
        switch value {
        case .tuple(let tuple): values = self[tuple]
        case .list(let index): values = lists[index][...]
        default: return nil
        }
        guard values.count <= limit else {
            throw FormatError(.shapeMismatch, "a tensor of \(values.count) axes, expected at most \(limit)")
        }
        var result: [Int] = []
        result.reserveCapacity(values.count)
        for element in values {
            guard case .int(let int) = element else { return nil }
            result.append(int)
        }
        return result
    }
}
