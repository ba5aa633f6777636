import CKernels

extension PlanBuilder {
    /// y = [sin(2π x·B), cos(2π x·B)] with frequencies B, for every position of a kernel by itself (Tancik et al.,
    /// arXiv 2006.10739). Overwrites y.
    ///
    /// *Shapes:* x (rows, c·k), channel after channel with its k kernel positions together; frequencies (c, m); y
    /// (rows, 2m·k) in the same order. x·B is multiplied by 2π last, as the reference does: for large arguments the
    /// rounding of another order changes the sine visibly.
    package func fourierFeatures(_ x: Matrix, frequencies: Matrix, kernelCount: Int, into y: Matrix) {
        let (channels, count) = (frequencies.rows, frequencies.columns)
        precondition(x.columns == channels * kernelCount && y.columns == 2 * count * kernelCount, "Fourier features")
        // Not 2 · Float.pi: Float.pi is rounded towards zero, and PyTorch's 2π is the nearest float32.
        let twoPi = Float(2 * Double.pi)
        let scratch = matrix(rows: threads, columns: 3 * count)
        let block = 64
        step(reading: [x, frequencies], writing: [y, scratch], tasks: (x.rows + block - 1) / block) { task, worker in
            let angle = scratch.pointer + worker * scratch.stride
            for row in task * block..<min(x.rows, (task + 1) * block) {
                let (source, target) = (x.pointer + row * x.stride, y.pointer + row * y.stride)
                for position in 0..<kernelCount {
                    for index in 0..<count { angle[index] = 0 }
                    for channel in 0..<channels {
                        let value = source[channel * kernelCount + position]
                        ck_add_scaled(frequencies.pointer + channel * frequencies.stride, angle, count, value)
                    }
                    for index in 0..<count { angle[index] *= twoPi }
                    ck_sincos(angle, angle + count, angle + 2 * count, count)
                    for index in 0..<2 * count {
                        target[index * kernelCount + position] = angle[count + index]
                    }
                }
            }
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.sum(for: x) else { return }
            self.step(reading: [y, dy, dx, frequencies], writing: [dx]) {
                for row in 0..<x.rows {
                    let (value, gradient) = (y.pointer + row * y.stride, dy.pointer + row * dy.stride)
                    let target = dx.pointer + row * dx.stride
                    for place in 0..<channels * kernelCount {
                        let (channel, position) = (place / kernelCount, place % kernelCount)
                        let frequency = frequencies.pointer + channel * frequencies.stride
                        var sum: Float = 0
                        for index in 0..<count {
                            let sine = index * kernelCount + position
                            let cosine = sine + count * kernelCount
                            sum +=
                                frequency[index] * (value[cosine] * gradient[sine] - value[sine] * gradient[cosine])
                        }
                        target[place] += twoPi * sum
                    }
                }
            }
        }
    }
}
