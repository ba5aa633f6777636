import CKernels

extension PlanBuilder {
    /// y[network, channel · pieces + first + group · k + position] = x[network · groups + group, channel · k +
    /// position]: copies pooled rows to their columns in the channel-major vector that the reference's pools make.
    ///
    /// *Shapes:* x (batch·groups, c·k), k kernel positions a channel; y (batch, c·pieces), contiguous.
    package func placePooled(
        _ x: Matrix, groups: Int, kernelCount: Int, pieces: Int, first: Int, into y: Matrix
    ) {
        let channels = x.columns / kernelCount
        precondition(y.columns == channels * pieces && x.rows == y.rows * groups, "pooled features' shapes")
        let written = y.reshaped(rows: y.rows * channels, columns: pieces)
            .columns(first..<first + groups * kernelCount)
        @Sendable func forEach(_ body: (_ source: Int, _ target: Int) -> Void, row: Int, stride: Int, pooledStride: Int)
        {
            let (network, group) = (row / groups, row % groups)
            for channel in 0..<channels {
                let target = network * pooledStride + channel * pieces + first + group * kernelCount
                for position in 0..<kernelCount {
                    body(row * stride + channel * kernelCount + position, target + position)
                }
            }
        }
        step(reading: [x], writing: [written]) {
            let (source, target) = (x.pointer, y.pointer)
            for row in 0..<x.rows {
                forEach({ target[$1] = source[$0] }, row: row, stride: x.stride, pooledStride: y.stride)
            }
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.sum(for: x) else { return }
            self.step(reading: [dy, dx], writing: [dx]) {
                let (source, target) = (dy.pointer, dx.pointer)
                for row in 0..<x.rows {
                    forEach({ target[$0] += source[$1] }, row: row, stride: dx.stride, pooledStride: dy.stride)
                }
            }
        }
    }

    /// Mean, unbiased variance (0 for a single entry) and the quantiles 0, ¼, ½, ¾, 1, linearly interpolated, of each
    /// network's entries in each channel (Unterthiner et al., arXiv 2002.11448).
    ///
    /// *Shapes:* x (batch·m, c·k), so that a channel has m·k entries; y (batch, c·pieces), contiguous, of which the
    /// seven columns from channel · pieces + first on are written.
    package func statistics(_ x: Matrix, batch: Int, kernelCount: Int, pieces: Int, first: Int, into y: Matrix) {
        let (channels, rows) = (x.columns / kernelCount, x.rows / batch)
        let count = rows * kernelCount
        precondition(y.columns == channels * pieces && y.rows == batch, "statistics' shapes")
        let written = y.reshaped(rows: batch * channels, columns: pieces).columns(first..<first + 7)
        let scratch = matrix(rows: threads, columns: count)
        step(reading: [x], writing: [written, scratch], tasks: batch * channels) { task, worker in
            let (network, channel) = (task / channels, task % channels)
            var entries = UnsafeMutableBufferPointer(
                start: scratch.pointer + worker * scratch.stride, count: count)
            for row in 0..<rows {
                let source = x.pointer + (network * rows + row) * x.stride + channel * kernelCount
                for position in 0..<kernelCount { entries[row * kernelCount + position] = source[position] }
            }
            summarize(&entries, into: y.pointer + network * y.stride + channel * pieces + first)
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.sum(for: x) else { return }
            self.step(reading: [x, dy, dx], writing: [dx]) {
                for task in 0..<batch * channels {
                    let (network, channel) = (task / channels, task % channels)
                    func place(_ index: Int, _ stride: Int) -> Int {
                        (network * rows + index / kernelCount) * stride + channel * kernelCount + index % kernelCount
                    }
                    let entries = (0..<count).map { x.pointer[place($0, x.stride)] }
                    let gradient = dy.pointer + network * dy.stride + channel * pieces + first
                    for (index, value) in summaryAdjoint(entries, gradient).enumerated() {
                        dx.pointer[place(index, dx.stride)] += value
                    }
                }
            }
        }
    }
}

/// The gradient of the entries, given that of their seven statistics.
private func summaryAdjoint(_ entries: [Float], _ gradient: UnsafePointer<Float>) -> [Float] {
    let count = Float(entries.count)
    let mean = entries.reduce(0) { $0 + Double($1) } / Double(count)
    let spread = count > 1 ? 2 * gradient[1] / (count - 1) : 0
    var result = entries.map { gradient[0] / count + spread * Float(Double($0) - mean) }
    let order = entries.indices.sorted { entries[$0] < entries[$1] }
    for quantile in 0..<5 {
        let (lower, upper, fraction) = quantilePlace(quantile, of: entries.count)
        result[order[lower]] += gradient[2 + quantile] * (1 - fraction)
        result[order[upper]] += gradient[2 + quantile] * fraction
    }
    return result
}

/// The quantile quantile/4 of `count` sorted entries e is e[lower] + fraction · (e[upper] − e[lower]).
private func quantilePlace(_ quantile: Int, of count: Int) -> (lower: Int, upper: Int, fraction: Float) {
    let position = Float(quantile) / 4 * Float(count - 1)
    let lower = Int(position)
    return (lower, min(lower + 1, count - 1), position - Float(lower))
}

private func summarize(_ entries: inout UnsafeMutableBufferPointer<Float>, into target: UnsafeMutablePointer<Float>) {
    guard let start = entries.baseAddress else { return }
    var mean: Float = 0
    var squares: Float = 0
    ck_moments(start, entries.count, &mean, &squares)
    target[0] = mean
    target[1] = entries.count > 1 ? squares / Float(entries.count - 1) : 0
    entries.sort()
    for quantile in 0..<5 {
        let (lower, upper, fraction) = quantilePlace(quantile, of: entries.count)
        target[2 + quantile] = entries[lower] + (entries[upper] - entries[lower]) * fraction
    }
}
