import Datasets
import Tensors

/// How the sources of a corpus are divided into training, validation and test. Networks of one source are in one part.
///
/// Where the corpus gives splits, these hold; sources for validation are taken from those for training where none are
/// given.
package struct SplitRule: Sendable, Equatable {
    /// The number of sources, the last ones by their number, that are for validation; nil for `validationShare`.
    package var validationPictures: Int?
    /// The share of the sources that is for validation, of which at most `mostForValidation` are used.
    package var validationShare = 0.1
    /// The share of the sources that neither training nor validation uses.
    package var testShare = 0.0
    /// The largest number of validation sources that `validationShare` gives.
    package static let mostForValidation = 5000

    /// A tenth for validation, none for tests.
    package init() {}

    /// The parts of a corpus, as indices of its networks.
    package struct Parts: Sendable {
        /// All networks of the training sources.
        package var training: [Int] = []
        /// One network of each validation source: that of the largest `step` where there is such a column, otherwise the
        /// first.
        package var validation: [Int] = []
        /// All networks of the test sources.
        package var test: [Int] = []
    }

    /// A number from 0 to 1 that depends on the source's number alone: sources below `testShare` are for tests.
    static func position(of source: Int) -> Double {
        var mixed = RandomSource(seed: UInt64(bitPattern: Int64(source)))
        var random = RandomSource(seed: mixed.next())
        return Double(random.next() >> 11) * 0x1p-53
    }

    /// Whether a source is for tests, without splits of the corpus.
    package static func isTest(_ source: Int, share: Double) -> Bool { share > 0 && position(of: source) < share }

    /// Divides the networks.
    ///
    /// With `validationPictures` the last sources are for validation. With `validationShare` it is also the last ones
    /// where these have networks of every class, which pictures in random order have; otherwise those that are drawn by
    /// `position(of:)`.
    package func parts(of corpus: Corpus) -> Parts {
        let sources = Set(corpus.sources).sorted()
        var parts: [Int: CorpusSplit] = [:]
        if let splits = corpus.splits {
            for (source, split) in zip(corpus.sources, splits) { parts[source] = split }
        } else {
            for source in sources where Self.isTest(source, share: testShare) { parts[source] = .test }
        }
        if !parts.values.contains(.validation) {
            let rest = sources.filter { parts[$0] ?? .training == .training }
            for source in validation(rest, all: sources.count, corpus) { parts[source] = .validation }
        }
        var result = Parts()
        for index in 0..<corpus.count {
            switch parts[corpus.sources[index]] ?? .training {
            case .training: result.training.append(index)
            case .validation: result.validation.append(index)
            case .test: result.test.append(index)
            }
        }
        if corpus.column("step") != nil {
            result.validation = corpus.finalIndices(result.validation)
        } else {
            var seen: Set<Int> = []
            result.validation = result.validation.filter { seen.insert(corpus.sources[$0]).inserted }
        }
        return result
    }

    /// The sources for validation among `sources`; empty where the rule would leave none for training.
    private func validation(_ sources: [Int], all: Int, _ corpus: Corpus) -> [Int] {
        let count =
            validationPictures
            ?? min(Self.mostForValidation, max(1, Int((validationShare * Double(all)).rounded())))
        guard count < sources.count else { return [] }
        let last = Array(sources.suffix(count))
        if validationPictures != nil || (corpus.columns.isEmpty && hasEveryClass(last, corpus)) { return last }
        return Array(sources.sorted { Self.position(of: $0) < Self.position(of: $1) }.prefix(count))
    }

    private func hasEveryClass(_ sources: [Int], _ corpus: Corpus) -> Bool {
        let chosen = Set(sources)
        let own = zip(corpus.sources, corpus.labels).filter { chosen.contains($0.0) }.map(\.1)
        return Set(own) == Set(corpus.labels)
    }

    /// A source that is in two of the corpus' splits; nil where there is none.
    static func doubleSource(in corpus: Corpus) -> Int? {
        guard let splits = corpus.splits else { return nil }
        var known: [Int: CorpusSplit] = [:]
        return zip(corpus.sources, splits).first { source, split in
            if let other = known[source] { return other != split }
            known[source] = split
            return false
        }?.0
    }
}
