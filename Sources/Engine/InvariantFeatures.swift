import CKernels

extension PlanBuilder {
    /// Copies pooled rows into the flat, channel-major form of the reference's pools.
    ///
    /// *Shapes:* x (batch·groups, c·k) with column channel·k + position; y (batch, c·pieces): element
    /// channel·pieces + first + group·k + position.
    package func placePooled(
        _ x: Matrix, groups: Int, kernelCount: Int, pieces: Int, first: Int, into y: Matrix
    ) {
        let channels = x.columns / kernelCount
        precondition(y.columns == channels * pieces && x.rows == y.rows * groups, "pooled features' shapes")
        step(touching: [x, y]) { _ in
            for row in 0..<x.rows {
                let (network, group) = (row / groups, row % groups)
                let source = x.pointer + row * x.stride
                let target = y.pointer + network * y.stride
                for channel in 0..<channels {
                    for position in 0..<kernelCount {
                        target[channel * pieces + first + group * kernelCount + position] =
                            source[channel * kernelCount + position]
                    }
                }
            }
        }
    }

    /// Mean, unbiased variance (0 for a single entry) and the quantiles 0, ¼, ½, ¾, 1 of each channel's entries.
    ///
    /// *Shapes:* x (batch·m, c·k); y (batch, c·pieces), seven elements at channel·pieces + first.
    package func statistics(_ x: Matrix, batch: Int, kernelCount: Int, pieces: Int, first: Int, into y: Matrix) {
        let (channels, rows) = (x.columns / kernelCount, x.rows / batch)
        let count = rows * kernelCount
        precondition(y.columns == channels * pieces && y.rows == batch, "statistics' shapes")
        let scratch = matrix(rows: workers(for: batch * channels), columns: count)
        step(touching: [x, y, scratch]) { pool in
            pool.run(tasks: batch * channels) { task, worker in
                let (network, channel) = (task / channels, task % channels)
                var entries = UnsafeMutableBufferPointer(
                    start: scratch.pointer + worker * scratch.stride, count: count)
                for row in 0..<rows {
                    let source = x.pointer + (network * rows + row) * x.stride + channel * kernelCount
                    for position in 0..<kernelCount { entries[row * kernelCount + position] = source[position] }
                }
                summarize(&entries, into: y.pointer + network * y.stride + channel * pieces + first)
            }
        }
    }
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
        let position = Float(quantile) / 4 * Float(entries.count - 1)
        let lower = Int(position)
        let fraction = position - Float(lower)
        let upper = min(lower + 1, entries.count - 1)
        target[2 + quantile] = entries[lower] + (entries[upper] - entries[lower]) * fraction
    }
}
