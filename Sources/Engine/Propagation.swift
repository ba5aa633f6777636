import CKernels

extension PlanBuilder {
    /// y = W · x for every network of the batch with its own W, or y = Wᵀ · x where `transposed`: carries features of a
    /// layer's input neurons to its output neurons, or back.
    ///
    /// *Shapes:* weight (batch·outputs·inputs, 1), contiguous; x (batch·inputs, channels) → (batch·outputs, channels),
    /// or where `transposed` x (batch·outputs, channels) → (batch·inputs, channels).
    package func propagate(
        _ weight: Matrix, outputs: Int, inputs: Int, _ x: Matrix, transposed: Bool = false
    ) -> Matrix {
        let batch = weight.rows / (outputs * inputs)
        let (from, to) = transposed ? (outputs, inputs) : (inputs, outputs)
        precondition(weight.columns == 1 && weight.isContiguous && x.rows == batch * from, "features of neurons")
        let y = matrix(rows: batch * to, columns: x.columns)
        @Sendable func own(_ matrix: Matrix, _ network: Int) -> Matrix {
            matrix.rows(network * outputs * inputs..<(network + 1) * outputs * inputs)
                .reshaped(rows: outputs, columns: inputs)
        }
        @Sendable func rows(_ network: Int, _ count: Int) -> Range<Int> { network * count..<(network + 1) * count }
        countProduct(outputs, inputs, x.columns, times: batch)
        step(reading: [weight, x], writing: [y], tasks: batch) { network, _ in
            Products.multiply(
                own(weight, network), x.rows(rows(network, from)), transposingA: transposed,
                into: y.rows(rows(network, to)))
        }
        adjoint(of: y, from: [weight, x]) { tape in
            guard let dy = tape.cotangent(of: y) else { return }
            let (dweight, dx) = (tape.sum(for: weight), tape.sum(for: x))
            let updated = [dweight, dx].compactMap { $0 }
            self.step(reading: [weight, x, dy] + updated, writing: updated) {
                for network in 0..<batch {
                    let gradient = dy.rows(rows(network, to))
                    let source = x.rows(rows(network, from))
                    if let dx {
                        Products.multiply(
                            own(weight, network), gradient, transposingA: !transposed, accumulating: true,
                            into: dx.rows(rows(network, from)))
                    }
                    if let dweight {
                        let (left, right) = transposed ? (source, gradient) : (gradient, source)
                        Products.multiply(
                            left, right, transposingB: true, accumulating: true, into: own(dweight, network))
                    }
                }
            }
        }
        return y
    }
}
