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

        var kernel: Products.Kernel {
            Products.kernel(columns: columns, depth: depth, transposingA: transposesA, transposingB: transposesB)
        }

        static let all = [
            (1, 1, 1), (3, 5, 7), (17, 2, 9), (1, 33, 4), (8, 16, 65), (5, 7, 128), (9, 33, 131),
        ].flatMap { rows, columns, depth in
            [(false, false), (true, false), (false, true), (true, true)].flatMap { transposesA, transposesB in
                [false, true].map {
                    Product(
                        rows: rows, columns: columns, depth: depth, transposesA: transposesA,
                        transposesB: transposesB, accumulates: $0)
                }
            }
        }
    }

    @Test("the products below take every kernel, with each operand transposed and not")
    func productsTakeEveryKernel() {
        let ways = Set(Product.all.map { "\($0.kernel) \($0.transposesA) \($0.transposesB) \($0.accumulates)" })
        // Tiles take a as it is or transposed, scalar products and copied tiles only b transposed, BLAS everything.
        #expect(ways.count == 2 * (2 + 1 + 1 + 4))
        #expect(Set(Product.all.map(\.kernel)) == Set(Products.Kernel.allCases))
    }

    @Test("products of strided views agree with plain loops and touch nothing else", arguments: Product.all)
    func productsAgree(_ product: Product) {
        var numbers = Numbers(seed: 5)
        let (rows, columns, depth) = (product.rows, product.columns, product.depth)
        let (a, _) = numbers.view(product.transposesA ? depth : rows, product.transposesA ? rows : depth)
        let (b, _) = numbers.view(product.transposesB ? columns : depth, product.transposesB ? depth : columns)
        let (c, whole) = numbers.view(rows, columns)
        let (before, surroundings) = (c.read(), whole.read())
        Products.multiply(
            a, b, transposingA: product.transposesA, transposingB: product.transposesB,
            accumulating: product.accumulates, into: c)
        var reference: [Double] = []
        for row in 0..<rows {
            for column in 0..<columns {
                let sum = (0..<depth).reduce(0.0) { sum, k in
                    sum + (product.transposesA ? a.element(k, row) : a.element(row, k))
                        * (product.transposesB ? b.element(column, k) : b.element(k, column))
                }
                reference.append(sum + (product.accumulates ? Double(before[row * columns + column]) : 0))
            }
        }
        #expect(largestError(c.read(), reference) < 2e-5)
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

    @Test(
        "packed products agree with plain loops with every instruction set, at every edge, and touch nothing else",
        arguments: 0...Products.instructions, [(1, 3, 5), (15, 33, 7), (29, 64, 16), (6, 17, 40), (227, 35, 9)])
    func packedProducts(instructions: Int32, shape: (rows: Int, outputs: Int, inputs: Int)) {
        var numbers = Numbers(seed: UInt64(shape.rows))
        let (x, _) = numbers.view(shape.rows, shape.inputs)
        let (weight, _) = numbers.view(shape.outputs, shape.inputs)
        let bias = numbers.matrix(1, shape.outputs)
        let packed = PackedMap().matrix(weight, bias)
        let (y, whole) = numbers.view(shape.rows, shape.outputs)
        let (before, surroundings) = (y.read(), whole.read())
        Products.apply(packed, to: x, into: y, instructions: instructions)
        #expect(largestError(y.read(), affine(x, weight, bias)) < 1e-5)
        y.write(before)
        Products.apply(packed, to: x, accumulating: true, into: y, instructions: instructions)
        let reference = zip(affine(x, weight, bias), before).map { $0 + Double($1) }
        #expect(largestError(y.read(), reference) < 1e-5)
        y.write(before)
        let (base, _) = numbers.view(shape.rows, shape.outputs)
        Products.apply(packed, to: x, addingTo: base, into: y, instructions: instructions)
        #expect(
            largestError(y.read(), zip(affine(x, weight, bias), base.read()).map { $0 + Double($1) }) < 1e-5)
        y.write(before)
        #expect(whole.read() == surroundings)
    }

    @Test(
        "products agree with plain loops with every instruction set, at every edge, and touch nothing else",
        arguments: 0...Products.instructions,
        [(1, 16, 5), (15, 33, 7), (340, 64, 130), (6, 17, 300), (29, 48, 128), (35, 35, 259), (24, 161, 131)])
    func ownProducts(instructions: Int32, shape: (rows: Int, columns: Int, depth: Int)) {
        var numbers = Numbers(seed: UInt64(shape.depth))
        let (rows, columns, depth) = (shape.rows, shape.columns, shape.depth)
        for (transposesA, transposesB) in [(false, false), (true, false), (false, true)] {
            let (a, _) = numbers.view(transposesA ? depth : rows, transposesA ? rows : depth)
            let (b, _) = numbers.view(transposesB ? columns : depth, transposesB ? depth : columns)
            let (c, whole) = numbers.view(rows, columns)
            let (before, surroundings) = (c.read(), whole.read())
            let reference = (0..<rows * columns).map { index in
                let (row, column) = (index / columns, index % columns)
                return (0..<depth).reduce(0.0) {
                    $0 + (transposesA ? a.element($1, row) : a.element(row, $1))
                        * (transposesB ? b.element(column, $1) : b.element($1, column))
                }
            }
            let ways: [(Bool) -> Void] =
                transposesB
                ? [
                    { Products.multiplyRows(a, b, accumulating: $0, into: c, instructions: instructions) },
                    { Products.multiplyTransposed(a, b, accumulating: $0, into: c, instructions: instructions) },
                ]
                : [
                    {
                        Products.multiply(
                            a, b, transposingA: transposesA, accumulating: $0, into: c, instructions: instructions)
                    }
                ]
            for multiply in ways {
                multiply(false)
                #expect(largestError(c.read(), reference) < 3e-5)
                c.write(before)
                multiply(true)
                #expect(largestError(c.read(), zip(reference, before).map { $0 + Double($1) }) < 3e-5)
                c.write(before)
                #expect(whole.read() == surroundings)
            }
        }
    }

    @Test(
        "a row of a product has the same bits wherever it stands, with every instruction set",
        arguments: 0...Products.instructions)
    func rowsDoNotDependOnOthers(instructions: Int32) {
        var numbers = Numbers(seed: 3)
        let (x, weight, wide) = (numbers.matrix(131, 19), numbers.matrix(45, 19), numbers.matrix(19, 200))
        let packed = PackedMap().matrix(weight, nil)
        let products: [(Matrix, Matrix) -> Void] = [
            { Products.apply(packed, to: $0, into: $1, instructions: instructions) },
            { Products.multiplyRows($0, weight, accumulating: false, into: $1, instructions: instructions) },
            { Products.multiplyTransposed($0, weight, accumulating: false, into: $1, instructions: instructions) },
            // Of rows that are far apart panels are copied, where there are many rows to compute.
            {
                Products.multiply(
                    $0, wide.columns(0..<45), transposingA: false, accumulating: false, into: $1,
                    instructions: instructions)
            },
        ]
        for multiply in products {
            let all = Matrix(zeros: 131, 45)
            multiply(x, all)
            for row in stride(from: 0, to: 131, by: 5) {
                let own = Matrix(zeros: 1, 45)
                multiply(x.rows(row..<row + 1), own)
                #expect(own.read() == all.rows(row..<row + 1).read())
            }
        }
    }

    @Test(
        "few rows share a map's columns among threads, and every element keeps its bits",
        arguments: [(rows: 16, outputs: 530, inputs: 64), (1, 1000, 512), (64, 33, 256), (65, 530, 64)], [false, true])
    func columnsAreShared(shape: (rows: Int, outputs: Int, inputs: Int), accumulating: Bool) {
        var numbers = Numbers(seed: 5)
        let x = numbers.matrix(shape.rows, shape.inputs)
        let map = AffineMap(
            weight: numbers.matrix(shape.outputs, shape.inputs), bias: numbers.matrix(1, shape.outputs))
        let start = numbers.floats(shape.rows * shape.outputs)
        let whole = Matrix(rows: shape.rows, columns: shape.outputs, values: start)
        Products.apply(PackedMap().matrix(map.weight, map.bias), to: x, accumulating: accumulating, into: whole)
        for threads in [1, 3] {
            let builder = PlanBuilder(threads: threads)
            let y = builder.matrix(rows: shape.rows, columns: shape.outputs)
            builder.apply(map, to: x, into: y, accumulating: accumulating)
            let plan = builder.finish(keeping: [y])
            y.write(start)
            plan.run(WorkerPool(threads: threads))
            #expect(y.read() == whole.read())
        }
    }

    @Test("a plan with fixed parameters answers as one whose parameters may change")
    func packedPlansAgree() {
        var numbers = Numbers(seed: 4)
        let x = numbers.matrix(130, 6)
        let norm = Normalization(kind: .unbiased, gamma: numbers.matrix(1, 6), beta: numbers.matrix(1, 6))
        let expand = AffineMap(weight: numbers.matrix(24, 6), bias: numbers.matrix(1, 24))
        let contract = AffineMap(weight: numbers.matrix(6, 24), bias: numbers.matrix(1, 6))
        let results = [true, false].map { isFixed in
            let builder = PlanBuilder(threads: 2, parametersAreFixed: isFixed)
            let (mapped, y) = (builder.matrix(rows: 130, columns: 24), builder.matrix(rows: 130, columns: 6))
            builder.map([NormalizedMap(x, norm, expand, into: mapped)])
            builder.feedForward([FeedForward(x, norm, expand: expand, contract: contract, into: y)])
            builder.finish(keeping: [mapped, y]).run(WorkerPool(threads: 2))
            return mapped.read() + y.read()
        }
        #expect(largestError(results[0], double(results[1])) < 1e-5)
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
