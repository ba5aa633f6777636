import Testing

@testable import Engine

@Suite struct LinearTests {
    struct Product: Sendable, CustomTestStringConvertible {
        let rows: Int
        let columns: Int
        let depth: Int
        let transposesA: Bool
        let transposesB: Bool
        let accumulates: Bool

        var testDescription: String {
            "\(rows) × \(depth) × \(columns)\(transposesA ? ", aᵀ" : "")\(transposesB ? ", bᵀ" : "")"
                + (accumulates ? ", accumulating" : "")
        }

        static let all = [(1, 1, 1), (3, 5, 7), (17, 2, 9), (1, 33, 4), (8, 16, 65)].flatMap { rows, columns, depth in
            [(false, false, false), (true, false, true), (false, true, false), (true, true, true)].map {
                Product(
                    rows: rows, columns: columns, depth: depth, transposesA: $0.0, transposesB: $0.1,
                    accumulates: $0.2)
            }
        }
    }

    @Test("products of strided views agree with plain loops and touch nothing else", arguments: Product.all)
    func productsAgree(_ product: Product) {
        var numbers = Numbers(seed: 5)
        let (rows, columns, depth) = (product.rows, product.columns, product.depth)
        let (a, _) = numbers.view(product.transposesA ? depth : rows, product.transposesA ? rows : depth)
        let (b, _) = numbers.view(product.transposesB ? columns : depth, product.transposesB ? depth : columns)
        let (c, whole) = numbers.view(rows, columns)
        let (before, surroundings) = (c.read(), whole.read())
        BLAS.multiply(
            a, b, transposingA: product.transposesA, transposingB: product.transposesB, scale: 0.5,
            accumulating: product.accumulates, into: c)
        var reference: [Double] = []
        for row in 0..<rows {
            for column in 0..<columns {
                let sum = (0..<depth).reduce(0.0) { sum, k in
                    sum + (product.transposesA ? a.element(k, row) : a.element(row, k))
                        * (product.transposesB ? b.element(column, k) : b.element(k, column))
                }
                reference.append(0.5 * sum + (product.accumulates ? Double(before[row * columns + column]) : 0))
            }
        }
        #expect(largestError(c.read(), reference) < 1e-5)
        c.write(before)
        #expect(whole.read() == surroundings)
    }

    @Test("an affine map is x · weightᵀ + bias for any number of rows", arguments: [1, 2, 63, 64, 100, 300, 1025])
    func affineMaps(rows: Int) {
        var numbers = Numbers(seed: UInt64(rows))
        let x = numbers.matrix(rows, 5)
        let (weight, bias) = (numbers.matrix(3, 5), numbers.matrix(1, 3))
        let y = evaluate { $0.apply(AffineMap(weight: weight, bias: bias), to: x) }
        #expect(largestError(y, affine(x, weight, bias)) < 1e-5)
        let plain = evaluate { $0.apply(AffineMap(weight: weight, bias: nil), to: x) }
        #expect(largestError(plain, affine(x, weight, nil)) < 1e-5)
    }

    @Test("an affine map reads and accumulates into column views and leaves their neighbours alone")
    func affineMapsOfViews() {
        var numbers = Numbers(seed: 9)
        let (x, _) = numbers.view(70, 4)
        let (y, whole) = numbers.view(70, 6)
        let (weight, bias) = (numbers.matrix(6, 4), numbers.matrix(1, 6))
        let (before, surroundings) = (y.read(), whole.read())
        _ = evaluate { builder in
            builder.apply(AffineMap(weight: weight, bias: bias), to: x, into: y, accumulating: true)
            return y
        }
        let reference = zip(affine(x, weight, bias), before).map { $0 + Double($1) }
        #expect(largestError(y.read(), reference) < 1e-5)
        y.write(before)
        #expect(whole.read() == surroundings)
    }

    private func affine(_ x: Matrix, _ weight: Matrix, _ bias: Matrix?) -> [Double] {
        (0..<x.rows).flatMap { row in
            (0..<weight.rows).map { output in
                (0..<weight.columns).reduce(bias?.element(0, output) ?? 0) {
                    $0 + x.element(row, $1) * weight.element(output, $1)
                }
            }
        }
    }
}
