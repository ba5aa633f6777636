import Testing

@testable import Engine

@Suite struct InvariantFeatureTests {
    @Test("statistics are mean, unbiased variance and interpolated quantiles", arguments: [1, 2, 3, 6, 10])
    func statistics(rows: Int) {
        var numbers = Numbers(seed: UInt64(rows))
        for kernelCount in [1, 4] {
            let (batch, channels, pieces, first) = (2, 3, 9, 1)
            let x = numbers.matrix(batch * rows, channels * kernelCount)
            let y = Matrix(rows: batch, columns: channels * pieces, values: numbers.floats(batch * channels * pieces))
            let before = y.read()
            _ = evaluate { builder in
                builder.statistics(
                    x, batch: batch, kernelCount: kernelCount, pieces: pieces, first: first, into: y)
                return y
            }
            var reference = double(before)
            for network in 0..<batch {
                for channel in 0..<channels {
                    let entries = (0..<rows).flatMap { row in
                        (0..<kernelCount).map { x.element(network * rows + row, channel * kernelCount + $0) }
                    }
                    let start = network * channels * pieces + channel * pieces + first
                    reference.replaceSubrange(start..<start + 7, with: Self.summary(entries))
                }
            }
            #expect(largestError(y.read(), reference) < 1e-6)
        }
    }

    private static func summary(_ entries: [Double]) -> [Double] {
        let mean = entries.reduce(0, +) / Double(entries.count)
        let squares = entries.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let sorted = entries.sorted()
        let quantiles = [0, 0.25, 0.5, 0.75, 1].map { fraction in
            let position = fraction * Double(sorted.count - 1)
            let lower = Int(position)
            let upper = min(lower + 1, sorted.count - 1)
            return sorted[lower] * (1 - position + Double(lower)) + sorted[upper] * (position - Double(lower))
        }
        return [mean, entries.count > 1 ? squares / Double(entries.count - 1) : 0] + quantiles
    }

    @Test("pooled rows become channel-major pieces")
    func pooledPlaces() {
        // Two networks, two groups, two channels of two kernel positions, one piece before and one after.
        let x = Matrix(rows: 4, columns: 4, values: (0..<16).map { Float($0) })
        let y = Matrix(rows: 2, columns: 12, values: [Float](repeating: -1, count: 24))
        _ = evaluate { builder in
            builder.placePooled(x, groups: 2, kernelCount: 2, pieces: 6, first: 1, into: y)
            return y
        }
        #expect(
            y.read() == [
                -1, 0, 1, 4, 5, -1, -1, 2, 3, 6, 7, -1, -1, 8, 9, 12, 13, -1, -1, 10, 11, 14, 15, -1,
            ])
    }
}
