import Models
import Testing

@Suite struct InvarianceTests {
    @Test("hidden neurons may be permuted, weights and biases together", arguments: SummaryCase.all)
    func permutationsDoNotMatter(_ input: SummaryCase) throws {
        for (index, sample) in input.specs.enumerated() {
            let record = try input.record(sample.spec)
            let values = FeatureValues(sample.spec, channels: input.channels, seed: UInt64(index))
            let orders = NeuronOrders(sample.spec, seed: 5)
            let plain = try summarize(values, record)
            #expect(largestDifference(try summarize(values.permuted(orders), record), plain) <= 1e-5)
            guard input.seesCoupling else { continue }
            let uncoupled = try summarize(values.uncoupled(orders), record)
            #expect(largestDifference(uncoupled, plain) > 3e-5, "\(sample.testDescription)")
        }
    }

    @Test("another network gives another answer", arguments: SummaryCase.all)
    func valuesMatter(_ input: SummaryCase) throws {
        let spec = input.specs[0].spec
        let record = try input.record(spec)
        let results = try [1, 2].map { seed in
            try summarize(FeatureValues(spec, channels: input.channels, seed: seed), record)
        }
        #expect(largestDifference(results[0], results[1]) > 1e-3)
    }

    @Test("every network of a batch gets the answer of its own run", arguments: SummaryCase.all)
    func batchesEqualSingles(_ input: SummaryCase) throws {
        for sample in input.specs {
            let record = try input.record(sample.spec)
            let values = FeatureValues(sample.spec, batch: 3, channels: input.channels)
            let together = try summarize(values, record)
            let alone = try (0..<3).flatMap { try summarize(values.network($0), record) }
            // OpenBLAS chooses kernels, and with them the order of additions, by the number of rows.
            #expect(largestDifference(together, alone) <= 1e-5)
        }
    }

    @Test("parameters run on other hidden widths", arguments: SummaryCase.all)
    func widthsAreFree(_ input: SummaryCase) throws {
        for sample in input.specs {
            let record = try input.record(sample.spec)
            let values = FeatureValues(sample.otherWidths, channels: input.channels)
            let orders = NeuronOrders(sample.otherWidths, seed: 5)
            let plain = try summarize(values, record)
            #expect(plain.allSatisfy { $0.isFinite })
            let difference = largestDifference(try summarize(values.permuted(orders), record), plain)
            // Relative to the size of the answer, to which rounding errors are proportional.
            #expect(difference <= 1e-5 * max(1, plain.map(abs).max() ?? 0))
        }
    }
}
