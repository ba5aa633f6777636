@testable import WeightFormats

/// Writes pickles by hand, also such that no pickler would write.
enum Pickle {
    static let stop: [UInt8] = [0x2e]
    static let mark: [UInt8] = [0x28]
    static let proto: [UInt8] = [0x80, 2]

    static func text(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = [0x58]
        bytes.append(littleEndian: UInt32(text.utf8.count))
        return bytes + text.utf8
    }

    static func global(_ module: String, _ name: String) -> [UInt8] {
        [0x63] + "\(module)\n\(name)\n".utf8
    }

    static func int(_ value: Int) -> [UInt8] {
        var bytes: [UInt8] = [0x8a, 8]
        bytes.append(littleEndian: value)
        return bytes
    }

    static func tuple(_ elements: [UInt8]...) -> [UInt8] { mark + elements.joined() + [0x74] }

    /// The value as the weight `w` of a dict.
    static func dict(_ value: [UInt8]) -> [UInt8] { proto + [0x7d] + text("w") + value + [0x73] + stop }

    /// A dict of one float32 tensor `w` in a storage `0` of three elements.
    static func tensor(shape: [Int], strides: [Int], offset: Int) -> [UInt8] {
        func ints(_ values: [Int]) -> [UInt8] { mark + values.flatMap(int) + [0x74] }
        let storage =
            tuple(text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), int(3)) + [0x51]
        let hooks = global("collections", "OrderedDict") + [0x29, 0x52]
        return dict(
            global("torch._utils", "_rebuild_tensor_v2")
                + tuple(storage, int(offset), ints(shape), ints(strides), [0x89], hooks) + [0x52])
    }

    static func archive(_ pickle: [UInt8], storage: [Float] = [], key: String = "0") throws(FormatError) -> [UInt8] {
        var archive = ZipWriter()
        try archive.add("x/data.pkl", pickle)
        try archive.add("x/data/\(key)", FloatBytes.littleEndian(storage))
        return try archive.finish()
    }
}
