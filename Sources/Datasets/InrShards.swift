import Foundation
import Host
import Networks
import SIREN
import Tensors
import WeightFormats

/// A SIREN that was fitted to a picture, with the figures that a shard keeps of it.
package struct FittedInr: Sendable, Equatable {
    /// The parameters w0, b0, w1, b1, …, weights as (outputs, inputs).
    package let weights: [Float]
    /// The picture's class; −1 where it has none.
    package let label: Int
    /// The number of the picture in its data set.
    package let source: Int
    /// Which of the independent fits of its picture it is, from 0; each has its own initial weights.
    package let restart: Int
    /// The peak signal-to-noise ratio of the picture that it draws, in dB.
    package let psnr: Float

    /// A fitted network of these values.
    package init(weights: [Float], label: Int, source: Int, restart: Int, psnr: Float) {
        (self.weights, self.label, self.source, self.restart, self.psnr) = (weights, label, source, restart, psnr)
    }
}

/// A folder of fitted SIRENs in safetensors files, `view-RRR-shard-SSSSS.safetensors` for shard S of restart R.
///
/// A file holds `weights` (N, parameters) and `psnr` (N) in float32, and `label`, `source` and `view` (N) in int64,
/// where `view` is the restart. Its metadata has `recipe`, `sizes` (as in 2-32-32-1), `omega0` and `convention`.
package struct InrShards: Sendable {
    /// The folder's path.
    package let folder: String

    /// Reads and writes nothing.
    package init(_ folder: String) { self.folder = folder }

    /// The name of a shard's file.
    package static func name(restart: Int, shard: Int) -> String {
        "view-\(padded(restart, 3))-shard-\(padded(shard, 5)).safetensors"
    }

    /// The number with zeros before it up to `digits` digits, so that names sort by it.
    package static func padded(_ number: Int, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    private func path(_ name: String) -> String { folder + "/" + name }

    /// Whether the folder has the shard's file.
    package func exists(restart: Int, shard: Int) -> Bool {
        FileManager.default.fileExists(atPath: path(Self.name(restart: restart, shard: shard)))
    }

    /// Creates the folder, or checks that its first shard was made by the same recipe.
    /// - Parameter recipe: `FitRecipe.summary`.
    /// - Throws: where the folder cannot be created, or its shard is unreadable or of another recipe.
    package func prepare(recipe: String) throws(DatasetError) {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw DatasetError(FileError(.create, folder, error).description)
        }
        guard let first = try names().first else { return }
        let found = try metadata(first)["recipe"] ?? "none"
        guard found == recipe else {
            throw DatasetError(
                "'\(folder)' holds networks of another recipe: expected \(recipe), found \(found); choose another folder"
            )
        }
    }

    /// Writes one shard atomically: the file exists only when it is complete.
    /// - Parameters:
    ///   - networks: all of one size.
    ///   - metadata: `recipe`, `sizes`, `omega0` and `convention`.
    /// - Throws: where the file cannot be written.
    package func write(
        _ networks: [FittedInr], restart: Int, shard: Int, metadata: [String: String]
    ) throws(DatasetError) {
        func column(_ name: String, _ values: [Int]) -> NamedTensor {
            NamedTensor(
                name: name, tensor: Tensor(shape: [values.count], values: values.map { Float($0) }),
                elementType: .int64)
        }
        let parameters = networks.first?.weights.count ?? 0
        var state = StateDict([
            NamedTensor(
                name: "weights",
                tensor: Tensor(shape: [networks.count, parameters], values: networks.flatMap(\.weights))),
            column("label", networks.map(\.label)), column("source", networks.map(\.source)),
            column("view", networks.map(\.restart)),
            NamedTensor(name: "psnr", tensor: Tensor(shape: [networks.count], values: networks.map(\.psnr))),
        ])
        state.metadata = metadata
        let target = path(Self.name(restart: restart, shard: shard))
        do {
            try Data(SafetensorsWriter.write(state)).write(to: URL(fileURLWithPath: target), options: .atomic)
        } catch {
            throw DatasetError(FileError(.write, target, error).description)
        }
    }

    /// Reads every network of a shard.
    /// - Throws: as `open`.
    package func read(restart: Int, shard: Int) throws(DatasetError) -> [FittedInr] {
        let contents = try open(Self.name(restart: restart, shard: shard))
        let size = contents.weights.count / max(1, contents.labels.count)
        return contents.labels.indices.map { index in
            FittedInr(
                weights: Array(contents.weights[index * size..<(index + 1) * size]), label: contents.labels[index],
                source: contents.sources[index], restart: contents.restarts[index], psnr: contents.psnr[index])
        }
    }

    /// The N networks of one shard, and how they were made.
    package struct Contents: Sendable {
        /// Neurons of every layer, the inputs first.
        package let sizes: [Int]
        /// ω₀, in radians for each unit of a layer's output; 30 where the file does not have it.
        package let omega0: Double
        /// The networks' convention; `nfn` where the file does not have it.
        package let convention: SIRENConvention
        /// (N, parameters), row-major; a row is w0, b0, w1, b1, …
        package let weights: [Float]
        /// The class of each network's picture; −1 where it has none.
        package let labels: [Int]
        /// The number of each network's picture in its data set.
        package let sources: [Int]
        /// Which of the independent fits of its picture each network is, from 0.
        package let restarts: [Int]
        /// The peak signal-to-noise ratio of each network's picture, in dB.
        package let psnr: [Float]
    }

    /// The names of the shards' files, sorted by restart and then by shard.
    /// - Parameter restarts: how many of the independent fits of each picture to list; nil for all.
    /// - Throws: where the folder cannot be read.
    package func names(restarts: Int? = nil) throws(DatasetError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder)
                .filter { name in
                    guard name.hasPrefix("view-"), name.hasSuffix(".safetensors") else { return false }
                    let restart = Int(name.split(separator: "-")[1]) ?? 0
                    return restarts.map { restart < $0 } ?? true
                }
                .sorted(by: naturallyPrecedes)
        } catch {
            throw DatasetError(FileError(.read, folder, error).description)
        }
    }

    private func metadata(_ name: String) throws(DatasetError) -> [String: String] { try state(name).metadata }

    /// Reads one shard and checks that its tensors and metadata fit together.
    /// - Parameter name: one of `names`.
    /// - Throws: where the file cannot be read, or a tensor or a member of the metadata is missing or not as expected.
    package func open(_ name: String) throws(DatasetError) -> Contents {
        let state = try state(name)
        func values(_ key: String, _ shape: (Int) -> [Int], count: Int) throws(DatasetError) -> [Float] {
            guard let tensor = state[key] else { throw DatasetError("'\(path(name))': tensor '\(key)' is missing") }
            guard tensor.shape == shape(count) else {
                throw DatasetError(
                    "'\(path(name))': tensor '\(key)': expected shape \(shape(count)), received \(tensor.shape)")
            }
            return tensor.values
        }
        let sizes = (state.metadata["sizes"] ?? "").split(separator: "-").compactMap { Int($0) }
        guard sizes.count > 1, sizes.allSatisfy({ (1...65536).contains($0) }) else {
            throw DatasetError(
                "'\(path(name))': metadata 'sizes': expected neurons as in 2-32-32-1, received '\(state.metadata["sizes"] ?? "")'"
            )
        }
        let named = state.metadata["convention"] ?? SIRENConvention.nfn.rawValue
        guard let convention = SIRENConvention(rawValue: named) else {
            throw DatasetError("'\(path(name))': metadata 'convention': expected nfn or dws, received '\(named)'")
        }
        func integers(_ key: String, count: Int) throws(DatasetError) -> [Int] {
            var result: [Int] = []
            for (index, value) in try values(key, { [$0] }, count: count).enumerated() {
                // Tensors are float32 in memory, which does not have every whole number above 2²⁴.
                guard abs(value) <= 0x1p24, let integer = Int(exactly: value) else {
                    throw DatasetError(
                        "'\(path(name))': tensor '\(key)', element \(index): expected a whole number of at most 16777216 in magnitude, received \(value)"
                    )
                }
                result.append(integer)
            }
            return result
        }
        let count = state["label"]?.count ?? 0
        let parameters = NetworkSpec(sizes: sizes).parameterCount
        let labels = try integers("label", count: count)
        return Contents(
            sizes: sizes, omega0: Double(state.metadata["omega0"] ?? "") ?? 30, convention: convention,
            weights: try values("weights", { [$0, parameters] }, count: count), labels: labels,
            sources: try integers("source", count: count), restarts: try integers("view", count: count),
            psnr: try values("psnr", { [$0] }, count: count))
    }

    private func state(_ name: String) throws(DatasetError) -> StateDict {
        do {
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
            return try WeightFile.read(bytes, limits: .checkpoint).stateDict()
        } catch let error as FormatError {
            throw DatasetError("'\(path(name))': \(error.detail)")
        } catch {
            throw DatasetError(FileError(.read, path(name), error).description)
        }
    }
}
