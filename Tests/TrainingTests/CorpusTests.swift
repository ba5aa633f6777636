import Datasets
import Engine
import Foundation
import Networks
import SIREN
import Tensors
import Testing
import Training

/// Corpora of shards, their filters and their splits.
@Suite struct CorpusTests {
    private func failure(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch {
            return String(describing: error)
        }
    }

    @Test("shards of several widths and of CNNs of several activations are groups; each network is read back")
    func groups() throws {
        let first = CorpusSamples.inrs([2, 4, 4, 1], count: 3)
        let second = CorpusSamples.inrs([2, 6, 6, 1], count: 5, first: 3)
        let corpus = try CorpusSamples.corpus(first, second)
        #expect(corpus.groups.map(\.count) == [3, 5] && corpus.mainGroup?.spec.sizes == [2, 6, 6, 1])
        #expect(
            corpus[4].flattened
                == Array(second.weights[second.header.spec.parameterCount..<2 * second.header.spec.parameterCount]))
        #expect(corpus.labels == [0, 1, 0, 1, 0, 1, 0, 1] && corpus.description.classes == ["dark", "light"])
        let cnns = try CorpusSamples.corpus(
            CorpusSamples.cnns(.relu, count: 2), CorpusSamples.cnns(.tanh, count: 2, first: 2))
        #expect(cnns.groups.map(\.activation) == [.relu, .tanh] && cnns.activation(of: 5) == .tanh)
        #expect(cnns.column("step") == [1, 2, 1, 2, 1, 2, 1, 2])
    }

    @Test("another notation is converted; INRs of other activations are refused")
    func notations() throws {
        var sirens = CorpusSamples.inrs([2, 4, 1], count: 1)
        let plain = try CorpusSamples.corpus(sirens)
        sirens.header.notation = Notation(omega0: 15)
        let converted = try CorpusSamples.corpus(sirens, notation: .nfn)
        #expect(converted[0].layers[0].weight.values[0] == plain[0].layers[0].weight.values[0] / 2)
        let other = CorpusSamples.inrs([2, 4, 1], count: 1, first: 1, notation: Notation(activation: .tanh, omega0: 1))
        #expect(failure { _ = try CorpusSamples.corpus(sirens, other) }.contains("tanh activations"))
    }

    @Test("conditions and 'final' choose networks; a column that is missing is named")
    func filters() throws {
        let shard = CorpusSamples.cnns(count: 4)
        let last = try CorpusSamples.corpus(shard, filter: CorpusFilter(["final"]))
        #expect(last.count == 4 && last.column("step") == [2, 2, 2, 2])
        let first = try CorpusSamples.corpus(shard, filter: CorpusFilter(["step=1", "source>=2"]))
        #expect(first.sources == [2, 3] && first.column("step") == [1, 1])
        #expect(failure { _ = try CorpusSamples.corpus(shard, filter: CorpusFilter(["epoch=1"])) }.contains("epoch"))
        #expect(
            failure { _ = try CorpusSamples.corpus(shard, filter: CorpusFilter(["step=9"])) }.contains("no networks"))
        #expect(failure { _ = try CorpusFilter(["nonsense"]) }.contains("step=18"))
        let inrs = CorpusSamples.inrs([2, 4, 1], count: 6)
        let light = try CorpusSamples.corpus(inrs, filter: CorpusFilter(["label=light"]))
        #expect(light.count == 3 && light.labels == [1, 1, 1])
        #expect(try CorpusSamples.corpus(inrs, filter: CorpusFilter(["label!=light"])).labels == [0, 0, 0])
        #expect(
            failure { _ = try CorpusSamples.corpus(inrs, filter: CorpusFilter(["label=grey"])) }.contains("dark, light")
        )
    }

    @Test("a folder without shards says how to make them")
    func emptyFolder() throws {
        try withFolder { url in
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
            let text = failure { _ = try Corpus(shards: [url.path]) { $0.notation } }
            #expect(text.contains("weightspace import"))
        }
        let text = failure { _ = try Corpus(shards: ["/nowhere/at/all"]) { $0.notation } }
        #expect(text.contains("/nowhere/at/all") && !text.contains("NSCocoa"))
    }

    @Test("no source is in two parts, with shares, with the last pictures and with splits of the data")
    func splits() throws {
        let corpus = try CorpusSamples.corpus(CorpusSamples.cnns(count: 40))
        var rule = SplitRule()
        rule.testShare = 0.5
        for (corpus, rule) in [(corpus, rule), (SampleCorpus.make(), SplitRule())] {
            let parts = rule.parts(of: corpus)
            let sources = [parts.training, parts.validation, parts.test].map { Set($0.map { corpus.sources[$0] }) }
            #expect(sources[0].isDisjoint(with: sources[1]) && sources[1].isDisjoint(with: sources[2]))
            #expect(sources[0].isDisjoint(with: sources[2]))
            #expect(sources.reduce(0) { $0 + $1.count } == corpus.sourceCount)
            #expect(parts.validation.count == sources[1].count && !parts.validation.isEmpty)
        }
        let steps = try #require(corpus.column("step"))
        #expect(rule.parts(of: corpus).validation.allSatisfy { steps[$0] == 2 })
        #expect((10...30).contains(Set(rule.parts(of: corpus).test.map { corpus.sources[$0] }).count))
        let given = try CorpusSamples.corpus(
            CorpusSamples.inrs([2, 3, 1], count: 4, splits: [.training, .validation, .test, .training]))
        let parts = rule.parts(of: given)
        #expect(parts.training == [0, 3] && parts.validation == [1] && parts.test == [2])
    }

    @Test("classes in the order of files are not all held back: the last sources stand in only with every class")
    func splitOfSortedClasses() {
        let spec = NetworkSpec(sizes: [2, 3, 1])
        func corpus(_ labels: [Int]) -> Corpus {
            Corpus(
                spec: spec, weights: [Float](repeating: 0, count: labels.count * spec.parameterCount), labels: labels,
                sources: Array(labels.indices))
        }
        let sorted = SplitRule().parts(of: corpus((0..<100).map { $0 / 50 }))
        #expect(sorted.validation.count == 10 && sorted.validation != Array(90..<100))
        #expect(SplitRule().parts(of: corpus((0..<100).map { $0 % 2 })).validation == Array(90..<100))
    }

    @Test("rescaled channels change weights and no function of a ReLU network")
    func rescales() {
        let network = NetworkWeights.example(spec: CorpusSamples.cnn, seed: 4)
        var random = RandomSource(seed: 1)
        let changed = network.rescalingChannels(&random)
        for channel in 0..<3 {
            let factor = changed.layers[0].bias.values[channel] / network.layers[0].bias.values[channel]
            #expect((0.0999...10.001).contains(factor))
            // The incoming weights of the channel, and its outgoing ones, to every output.
            let incoming = changed.layers[0].weight.values[channel * 9] / network.layers[0].weight.values[channel * 9]
            #expect(abs(incoming / factor - 1) < 1e-5)
            let second = changed.layers[1].bias.values[1] / network.layers[1].bias.values[1]
            let place = (3 + channel) * 9 + 2
            let outgoing = changed.layers[1].weight.values[place] / network.layers[1].weight.values[place]
            #expect(abs(outgoing * factor / second - 1) < 1e-5)
        }
        #expect(changed.layers[2].bias == network.layers[2].bias)
    }
}
