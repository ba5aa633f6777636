import CKernels
import Foundation

extension PlanBuilder {
    /// loss[row] = −Σ target[row, class] · log softmax(logits[row])[class], in nats. Targets are probabilities of the
    /// classes; they need not be 0 or 1, and nothing is differentiated with respect to them.
    ///
    /// *Shapes:* logits and targets (rows, classes) → (rows, 1).
    package func crossEntropy(_ logits: Matrix, _ targets: Matrix) -> Matrix {
        precondition(logits.rows == targets.rows && logits.columns == targets.columns, "targets' shape")
        let losses = matrix(rows: logits.rows, columns: 1)
        let scores = matrix(rows: logits.rows, columns: logits.columns)
        step(reading: [logits, targets], writing: [losses, scores]) {
            for row in 0..<logits.rows {
                let score = scores.pointer + row * scores.stride
                ck_softmax(logits.pointer + row * logits.stride, score, logits.columns, 1)
                let target = targets.pointer + row * targets.stride
                var loss = 0.0
                for index in 0..<logits.columns where target[index] > 0 {
                    loss -= Double(target[index]) * log(Double(max(score[index], .leastNormalMagnitude)))
                }
                losses.pointer[row * losses.stride] = Float(loss)
            }
        }
        adjoint(of: losses, from: [logits]) { tape in
            guard let dloss = tape.cotangent(of: losses), let dlogits = tape.sum(for: logits) else { return }
            self.step(reading: [scores, targets, dloss, dlogits], writing: [dlogits]) {
                for row in 0..<logits.rows {
                    let (score, target) = (scores.pointer + row * scores.stride, targets.pointer + row * targets.stride)
                    let gradient = dlogits.pointer + row * dlogits.stride
                    let weight = dloss.pointer[row * dloss.stride]
                    var total: Float = 0
                    for index in 0..<logits.columns { total += target[index] }
                    for index in 0..<logits.columns {
                        gradient[index] += weight * (total * score[index] - target[index])
                    }
                }
            }
        }
        return losses
    }

    /// loss[row] = Σ (x[row, column] − target[row, column])² / n; nothing is differentiated with respect to `target`.
    ///
    /// *Shapes:* x and target (rows, n) → (rows, 1).
    package func squaredError(_ x: Matrix, _ target: Matrix) -> Matrix {
        meanOverColumns(x, target) { own, other, count in
            var sum = 0.0
            for column in 0..<count {
                let difference = Double(own[column]) - Double(other[column])
                sum += difference * difference
            }
            return sum
        } addGradient: { own, other, count, dloss, gradient in
            let weight = 2 * dloss / Float(count)
            for column in 0..<count { gradient[column] += weight * (own[column] - other[column]) }
        }
    }

    /// loss[row] = −Σ (t log p + (1 − t) log (1 − p)) / n with p = x[row, column], t = target[row, column], in nats;
    /// nothing is differentiated with respect to `target`. p is kept at least 1e-6 from 0 and from 1.
    ///
    /// *Shapes:* x and target (rows, n), from 0 to 1 → (rows, 1).
    package func binaryCrossEntropy(_ x: Matrix, _ target: Matrix) -> Matrix {
        @Sendable func bounded(_ probability: Float) -> Double { min(max(Double(probability), 1e-6), 1 - 1e-6) }
        return meanOverColumns(x, target) { own, other, count in
            var sum = 0.0
            for column in 0..<count {
                let (p, t) = (bounded(own[column]), Double(other[column]))
                sum -= t * log(p) + (1 - t) * log(1 - p)
            }
            return sum
        } addGradient: { own, other, count, dloss, gradient in
            let weight = Double(dloss) / Double(count)
            for column in 0..<count {
                let p = bounded(own[column])
                gradient[column] += Float(weight * (p - Double(other[column])) / (p * (1 - p)))
            }
        }
    }

    /// loss[row] = sum of the row / n. *Shapes:* x and target (rows, n) → (rows, 1).
    /// - Parameters:
    ///   - sum: of a row of x, a row of `target` and n.
    ///   - addGradient: adds to a row's gradient, the last argument, that of `dloss` · loss, given a row of x, a row of
    ///     `target`, n and `dloss`.
    private func meanOverColumns(
        _ x: Matrix, _ target: Matrix,
        sum: @escaping @Sendable (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Double,
        addGradient:
            @escaping @Sendable (
                UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int, _ dloss: Float,
                UnsafeMutablePointer<Float>
            ) -> Void
    ) -> Matrix {
        precondition(x.rows == target.rows && x.columns == target.columns, "target's shape")
        let losses = matrix(rows: x.rows, columns: 1)
        step(reading: [x, target], writing: [losses]) {
            for row in 0..<x.rows {
                let total = sum(x.pointer + row * x.stride, target.pointer + row * target.stride, x.columns)
                losses.pointer[row * losses.stride] = Float(total / Double(x.columns))
            }
        }
        adjoint(of: losses, from: [x]) { tape in
            guard let dloss = tape.cotangent(of: losses), let dx = tape.sum(for: x) else { return }
            self.step(reading: [x, target, dloss, dx], writing: [dx]) {
                for row in 0..<x.rows {
                    addGradient(
                        x.pointer + row * x.stride, target.pointer + row * target.stride, x.columns,
                        dloss.pointer[row * dloss.stride], dx.pointer + row * dx.stride)
                }
            }
        }
        return losses
    }

    /// Mixup (Zhang et al., arXiv 1710.09412): y[i] = share[i] · x[i] + (1 − share[i]) · x[batch − 1 − i] for every
    /// item i of the batch. The pairs are random if the batch is in random order.
    ///
    /// *Shapes:* x (batch·group, n), an item being `group` consecutive rows; share (batch, 1) → (batch·group, n).
    package func mixRows(_ x: Matrix, share: Matrix) -> Matrix {
        let (batch, group) = (share.rows, x.rows / share.rows)
        precondition(batch * group == x.rows, "groups of rows to mix")
        @Sendable func partner(_ row: Int) -> Int { (batch - 1 - row / group) * group + row % group }
        let y = matrix(rows: x.rows, columns: x.columns)
        step(reading: [x, share], writing: [y]) {
            for row in 0..<x.rows {
                let target = y.pointer + row * y.stride
                let own = share.pointer[row / group * share.stride]
                ck_contribute(x.pointer + row * x.stride, target, x.columns, own, 0)
                ck_contribute(x.pointer + partner(row) * x.stride, target, x.columns, 1 - own, 1)
            }
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.sum(for: x) else { return }
            self.step(reading: [dy, share, dx], writing: [dx]) {
                for row in 0..<x.rows {
                    let source = dy.pointer + row * dy.stride
                    let own = share.pointer[row / group * share.stride]
                    ck_contribute(source, dx.pointer + row * dx.stride, x.columns, own, 1)
                    ck_contribute(source, dx.pointer + partner(row) * dx.stride, x.columns, 1 - own, 1)
                }
            }
        }
        return y
    }
}
