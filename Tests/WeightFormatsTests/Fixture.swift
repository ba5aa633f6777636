import Foundation
import Tensors
import Testing

@testable import WeightFormats

/// The files in `Fixtures`.
enum Fixture {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: name)))
    }

    static func read(_ name: String, limits: FormatLimits = FormatLimits()) throws -> WeightFile {
        try WeightFile.read(try bytes(name), limits: limits)
    }

    static func tree(_ name: String, limits: FormatLimits = FormatLimits()) throws -> FileTree {
        try read(name, limits: limits).tree
    }

    static func state(_ name: String, limits: FormatLimits = FormatLimits()) throws -> StateDict {
        try read(name, limits: limits).stateDict()
    }

    /// All fixtures but the texts beside them.
    static func all() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            .filter { !$0.hasSuffix(".py") && !$0.hasSuffix(".md") && !$0.hasPrefix(".") && !$0.hasPrefix("_") }
    }

    /// The tensors that `make.py` writes into most files.
    static let a = Tensor(shape: [2, 3], values: [-0.5, -0.25, 0, 0.25, 0.5, 0.75])
    static let b = Tensor(shape: [4], values: [10, 11, 12, 13])
}

extension FileTree {
    /// The member of that name; nil without one.
    subscript(name: String) -> FileTree? {
        if case .dict(let members) = self { members.first { $0.key == name }?.value } else { nil }
    }

    /// The element at that index; nil without one.
    subscript(index: Int) -> FileTree? {
        if case .list(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }

    var keys: [String] { if case .dict(let members) = self { members.map(\.key) } else { [] } }
    var tensor: Tensor? { if case .array(let tensor, _) = self { tensor } else { nil } }
    var type: ElementType? { if case .array(_, let type) = self { type } else { nil } }
    var error: FormatError? { if case .unreadable(let error) = self { error } else { nil } }
}

/// The tree of a JSON text.
func tree(_ text: String, limits: FormatLimits = FormatLimits()) throws(FormatError) -> FileTree {
    try WeightFile.read(Array(text.utf8), limits: limits).tree
}

/// An array of float32.
func array(_ shape: [Int], _ values: [Float]) -> FileTree { .array(Tensor(shape: shape, values: values), .float32) }

/// The error code that reading gives, or nil if it succeeds.
func code(of read: () throws -> Void) -> FormatError.Code? {
    do {
        try read()
        return nil
    } catch let error as FormatError {
        #expect(!error.detail.isEmpty)
        return error.code
    } catch {
        Issue.record("unexpected error \(error)")
        return nil
    }
}

func code(reading bytes: [UInt8], limits: FormatLimits = FormatLimits()) -> FormatError.Code? {
    code { _ = try WeightFile.read(bytes, limits: limits).stateDict() }
}

func code(reading text: String, limits: FormatLimits = FormatLimits()) -> FormatError.Code? {
    code(reading: Array(text.utf8), limits: limits)
}

/// SplitMix64: the same cases on every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
