import Foundation
import Tensors
import Testing
import WeightFormats

/// The files of `Fixtures`.
enum Fixture {
    static func url(_ path: String) throws -> URL {
        try #require(Bundle.module.url(forResource: "Fixtures/" + path, withExtension: nil))
    }

    static func stateDict(_ path: String) throws -> StateDict {
        try WeightFile.read([UInt8](Data(contentsOf: url(path))), limits: .checkpoint).stateDict()
    }

    /// Names of the golden files, in order.
    static let goldenNames: [String] = {
        guard let folder = Bundle.module.url(forResource: "Fixtures/golden", withExtension: nil) else { return [] }
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        return (names ?? []).filter { $0.hasSuffix(".safetensors") }.sorted()
    }()
}

extension StateDict {
    func removing(_ name: String) -> StateDict {
        var result = StateDict(entries.filter { $0.name != name })
        result.metadata = metadata
        return result
    }

    /// With one element of a tensor changed.
    func changing(_ name: String, at index: Int = 0, _ change: (Float) -> Float) throws -> StateDict {
        var tensor = try #require(self[name])
        tensor.values[index] = change(tensor.values[index])
        var result = self
        result.set(NamedTensor(name: name, tensor: tensor))
        return result
    }

    func renaming(_ rename: (String) -> String) -> StateDict {
        var result = StateDict(entries.map { NamedTensor(name: rename($0.name), tensor: $0.tensor) })
        result.metadata = metadata
        return result
    }

    func configured(_ change: (String) -> String) throws -> StateDict {
        var result = self
        result.metadata["config"] = change(try #require(metadata["config"]))
        return result
    }
}

/// The largest |a − b| / max(1, |b|); infinite where the lengths differ or either is no number.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { largest, pair in
        let error = abs(pair.0 - pair.1) / max(1, abs(pair.1))
        return error.isNaN ? .infinity : max(largest, error)
    }
}

func bits(_ rows: [[Float]]) -> [[UInt32]] { rows.map { $0.map(\.bitPattern) } }
