import Testing

@testable import Engine

@Suite struct SineTests {
    @Test(
        "every pixel is drawn by its own cell's network, with any number of blocks and threads",
        arguments: [(pixels: 20, hidden: [5, 4], threads: 1), (437, [5, 4], 2), (437, [33, 18], 3)])
    func drawsCellByCell(grid shape: (pixels: Int, hidden: [Int], threads: Int)) {
        // The last network has no pixels.
        let (batch, networks, sizes, pixels) = (2, 4, [2] + shape.hidden + [3], shape.pixels)
        var numbers = Numbers(seed: 30)
        let parameters = (0..<3).flatMap { layer in
            [
                numbers.matrix(batch * networks, sizes[layer] * sizes[layer + 1], in: -0.3...0.3),
                numbers.matrix(batch * networks, sizes[layer + 1], in: -0.3...0.3),
            ]
        }
        let coordinates = numbers.matrix(pixels, 2)
        let cells = (0..<pixels).map { ($0 * 7) % (networks - 1) }
        let grid = SineGrid(sizes: sizes, omega0: 6, coordinates: coordinates, cells: cells, networks: networks)
        let y = evaluate(threads: shape.threads) { builder in
            let pictures = builder.matrix(rows: batch * pixels, columns: 3)
            builder.drawSines(parameters, grid, batch: batch, into: pictures)
            return pictures
        }
        var reference: [Double] = []
        for image in 0..<batch {
            for pixel in 0..<pixels {
                let network = image * networks + cells[pixel]
                var x = [coordinates.element(pixel, 0), coordinates.element(pixel, 1)]
                for layer in 0..<3 {
                    x = (0..<sizes[layer + 1]).map { output in
                        let sum = x.indices.reduce(parameters[2 * layer + 1].element(network, output)) {
                            $0 + parameters[2 * layer].element(network, output * x.count + $1) * x[$1]
                        }
                        return layer < 2 ? sine(6 * sum) : sum
                    }
                }
                reference += x
            }
        }
        #expect(largestError(y, reference) < 2e-5)
    }
}
