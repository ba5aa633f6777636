import Networks

/// The part of an experiment that a network belongs to.
package enum CorpusSplit: Int, Sendable, Hashable, CaseIterable {
    case training = 0
    case validation
    case test
}

/// A number of each network beside its weights, such as the accuracy of a CNN.
package struct ShardColumn: Sendable, Equatable {
    /// Without the prefix `column.` that it has in the file.
    package let name: String
    /// One for each network.
    package var values: [Float]

    /// A column of one number for each network.
    package init(name: String, values: [Float]) {
        self.name = name
        self.values = values
    }
}

/// Networks of one shape and notation, with what is known of each.
package struct CorpusShard: Sendable, Equatable {
    /// What the networks have in common.
    package var header: ShardHeader
    /// (networks, parameters), row-major. A row has for each layer the weight, (outputs, inputs[, height, width]), and then
    /// the bias.
    package var weights: [Float]
    /// The class of each network, from 0, or −1 where it has none; nil where no network has one.
    package var labels: [Int]?
    /// What each network was made from, such as the number of a picture. Networks of one source are in one split.
    package var sources: [Int]
    /// Which of the networks of its source each one is, from 0.
    package var views: [Int]
    /// The split of each network; nil where it is not given.
    package var splits: [CorpusSplit]?
    /// The peak signal-to-noise ratio of each INR's picture, in dB; nil where it is unknown.
    package var psnr: [Float]?
    /// Further numbers of each network.
    package var columns: [ShardColumn]
    /// The file that each network was read from; nil where it is unknown.
    package var files: [String]?

    /// - Parameters:
    ///   - weights: `header.spec.parameterCount` for each network.
    ///   - sources: nil for 0, 1, 2, …
    ///   - views: nil for 0.
    package init(
        header: ShardHeader, weights: [Float], labels: [Int]? = nil, sources: [Int]? = nil, views: [Int]? = nil,
        splits: [CorpusSplit]? = nil, psnr: [Float]? = nil, columns: [ShardColumn] = [], files: [String]? = nil
    ) {
        let count = weights.count / max(1, header.spec.parameterCount)
        self.header = header
        self.weights = weights
        self.labels = labels
        self.sources = sources ?? Array(0..<count)
        self.views = views ?? [Int](repeating: 0, count: count)
        self.splits = splits
        self.psnr = psnr
        self.columns = columns
        self.files = files
    }

    /// The number of networks.
    package var count: Int { sources.count }

    /// The column of that name; nil where there is none.
    package func column(_ name: String) -> [Float]? { columns.first { $0.name == name }?.values }
}
