import Networks

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

/// The shards that fits are written to: `view-RRR-shard-SSSSS.safetensors` in a corpus' folder, for shard S of restart R.
package struct InrShards: Sendable {
    /// The folder.
    package let folder: CorpusFolder

    /// Reads and writes nothing.
    package init(_ folder: String) { self.folder = CorpusFolder(folder) }

    /// The name of a shard's file.
    package static func name(restart: Int, shard: Int) -> String {
        "view-\(padded(restart, 3))-shard-\(padded(shard, 5)).safetensors"
    }

    /// The number with zeros before it up to `digits` digits, so that names sort by it.
    package static func padded(_ number: Int, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// Whether the folder has the shard's file.
    package func exists(restart: Int, shard: Int) -> Bool {
        folder.exists(Self.name(restart: restart, shard: shard))
    }

    /// Creates the folder, or checks that its first shard was made by the same recipe.
    /// - Parameter recipe: `FitRecipe.summary`.
    /// - Throws: where the folder cannot be created, or its shard is unreadable or of another recipe.
    package func prepare(recipe: String) throws(DatasetError) {
        try folder.create()
        guard let first = try folder.names().first else { return }
        let found = try folder.header(first).recipe
        guard found == recipe else {
            throw DatasetError(
                "'\(folder.path)' holds networks of another recipe: expected \(recipe), found \(found.isEmpty ? "none" : found); choose another folder"
            )
        }
    }

    /// Writes one shard atomically: the file exists only when it is complete.
    /// - Parameters:
    ///   - networks: all of the header's shape.
    ///   - header: with the recipe.
    /// - Throws: where the file cannot be written.
    package func write(_ networks: [FittedInr], restart: Int, shard: Int, _ header: ShardHeader) throws(DatasetError) {
        let contents = CorpusShard(
            header: header, weights: networks.flatMap(\.weights), labels: networks.map(\.label),
            sources: networks.map(\.source), views: networks.map(\.restart), psnr: networks.map(\.psnr))
        try folder.write(contents, as: Self.name(restart: restart, shard: shard))
    }

    /// Reads every network of a shard.
    /// - Throws: as `CorpusFolder.read`.
    package func read(restart: Int, shard: Int) throws(DatasetError) -> [FittedInr] {
        let contents = try folder.read(Self.name(restart: restart, shard: shard))
        let size = contents.header.spec.parameterCount
        return (0..<contents.count).map { index in
            FittedInr(
                weights: Array(contents.weights[index * size..<(index + 1) * size]),
                label: contents.labels?[index] ?? -1, source: contents.sources[index],
                restart: contents.views[index], psnr: contents.psnr?[index] ?? .nan)
        }
    }
}
