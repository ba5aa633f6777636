import CKernels

/// How several sine networks (SIRENs) draw one picture: which of them draws each pixel, and at which coordinates.
package struct SineGrid: Sendable {
    /// Neurons of every layer, from the two coordinates to the channels of a pixel.
    package let sizes: [Int]
    /// ω₀, in radians for each unit of a layer's output.
    package let omega0: Float
    /// (pixels, 2): the input of the networks at each pixel.
    package let coordinates: Matrix
    /// The network that draws each pixel, from 0 to `networks` − 1.
    package let cells: [Int]
    /// Networks of a picture.
    package let networks: Int

    /// Traps unless the shapes fit and every cell is below `networks`.
    package init(sizes: [Int], omega0: Float, coordinates: Matrix, cells: [Int], networks: Int) {
        precondition(coordinates.columns == sizes.first && coordinates.rows == cells.count, "grid's coordinates")
        precondition(cells.allSatisfy { $0 >= 0 && $0 < networks }, "cell without a network")
        self.sizes = sizes
        self.omega0 = omega0
        self.coordinates = coordinates
        self.cells = cells
        self.networks = networks
    }

    /// The pixels of each network, ascending.
    fileprivate var pixels: [[Int]] {
        var pixels = [[Int]](repeating: [], count: networks)
        for (pixel, cell) in cells.enumerated() { pixels[cell].append(pixel) }
        return pixels
    }

    /// The pixels of each network in blocks of at most `size`.
    fileprivate func blocks(of size: Int) -> [(network: Int, pixels: [Int])] {
        pixels.enumerated().flatMap { network, own in
            stride(from: 0, to: own.count, by: size).map { (network, Array(own[$0..<min($0 + size, own.count)])) }
        }
    }
}

extension PlanBuilder {
    /// The most points that are taken through all layers of a sine network together, so that their values stay in the
    /// processor's cache.
    private static let pixelsTogether = 64

    /// The value w_L · sin(ω₀ (… sin(ω₀ (w0 · x + b0)) …)) + b_L of a sine network (Sitzmann et al., arXiv 2006.09661)
    /// at every pixel's coordinates x, each pixel by the network of its cell. Overwrites `pictures`.
    ///
    /// *Shapes:* parameters w0, b0, w1, b1, …: (batch·networks, entries) each; pictures (batch·pixels, outputs).
    package func drawSines(_ parameters: [Matrix], _ grid: SineGrid, batch: Int, into pictures: Matrix) {
        let layers = grid.sizes.count - 1
        precondition(parameters.count == 2 * layers, "one matrix a parameter array")
        precondition(pictures.rows == batch * grid.cells.count && pictures.columns == grid.sizes[layers], "pictures")
        let blocks = grid.blocks(of: Self.pixelsTogether)
        let size = blocks.map(\.pixels.count).max() ?? 0
        let inputs = matrix(rows: threads * size, columns: grid.sizes[0])
        let scratch = matrix(rows: threads, columns: SineNetwork.scratchCount(grid.sizes, points: size))
        let points = (0..<threads).map { inputs.rows($0 * size..<($0 + 1) * size) }
        let traces = (0..<threads).map { worker in
            SineNetwork.Trace(grid.sizes, points: size, in: scratch.rows(worker..<worker + 1))
        }
        let networks = (0..<batch * grid.networks).map {
            SineNetwork(parameters, $0, sizes: grid.sizes, omega0: grid.omega0)
        }
        for (inputs, outputs) in zip(grid.sizes, grid.sizes.dropFirst()) {
            countProduct(outputs, inputs, 1, times: pictures.rows)
        }
        step(
            reading: parameters + [grid.coordinates], writing: [pictures, inputs, scratch], tasks: batch * blocks.count
        ) { task, worker in
            let (image, block) = (task / blocks.count, blocks[task % blocks.count])
            for (place, pixel) in block.pixels.enumerated() {
                points[worker].copyRow(place, from: grid.coordinates, pixel)
            }
            let values = networks[image * grid.networks + block.network].evaluate(
                points[worker].rows(0..<block.pixels.count), traces[worker])
            for (place, pixel) in block.pixels.enumerated() {
                pictures.copyRow(image * grid.cells.count + pixel, from: values, place)
            }
        }
        adjoint(of: pictures, from: parameters) {
            self.differentiate(parameters, networks, grid, batch: batch, into: pictures, $0)
        }
    }

    private func differentiate(
        _ parameters: [Matrix], _ networks: [SineNetwork], _ grid: SineGrid, batch: Int, into pictures: Matrix,
        _ tape: GradientTape
    ) {
        guard let dy = tape.cotangent(of: pictures) else { return }
        let gradients = parameters.compactMap { tape.sum(for: $0) }
        precondition(gradients.count == parameters.count, "all arrays of a sine network are differentiated, or none")
        let pixels = grid.pixels
        let most = pixels.map(\.count).max() ?? 0
        let points = matrix(rows: most, columns: grid.sizes[0])
        let differences = matrix(rows: most, columns: pictures.columns)
        let scratch = matrix(rows: 1, columns: SineNetwork.scratchCount(grid.sizes, points: most))
        let trace = SineNetwork.Trace(grid.sizes, points: most, in: scratch)
        let shaped = networks.indices.map { SineNetwork.parameters(gradients, $0, grid.sizes) }
        step(
            reading: parameters + gradients + [grid.coordinates, dy],
            writing: gradients + [points, differences, scratch]
        ) {
            for network in networks.indices {
                let (image, own) = (network / grid.networks, pixels[network % grid.networks])
                guard !own.isEmpty else { continue }
                for (place, pixel) in own.enumerated() {
                    points.copyRow(place, from: grid.coordinates, pixel)
                    differences.copyRow(place, from: dy, image * grid.cells.count + pixel)
                }
                networks[network].differentiate(
                    points.rows(0..<own.count), dy: { _ in differences.rows(0..<own.count) },
                    dparameters: shaped[network], dx: nil, trace)
            }
        }
    }

    /// The values w_L · sin(ω₀ (… sin(ω₀ (w0 · x + b0)) …)) + b_L of `batch` sine networks (Sitzmann et al., arXiv
    /// 2006.09661) at the same coordinates x. Overwrites y.
    ///
    /// *Shapes:* parameters w0, b0, w1, b1, …: (batch, entries) each; coordinates (points, inputs), which may be
    /// learned; y (batch·points, outputs).
    package func evaluateSines(
        _ parameters: [Matrix], sizes: [Int], omega0: Float, at coordinates: Matrix, batch: Int, into y: Matrix
    ) {
        precondition(parameters.count == 2 * sizes.count - 2, "one matrix a parameter array")
        precondition(coordinates.columns == sizes[0] && y.rows == batch * coordinates.rows, "values at coordinates")
        // The backward pass runs on one thread and takes all points of a network at once.
        let size = recordsGradients ? coordinates.rows : min(coordinates.rows, Self.pixelsTogether)
        let blocks = (coordinates.rows + size - 1) / size
        let scratch = matrix(
            rows: threads, columns: SineNetwork.scratchCount(sizes, points: size))
        let networks = (0..<batch).map { SineNetwork(parameters, $0, sizes: sizes, omega0: omega0) }
        let traces = (0..<threads).map { worker in
            SineNetwork.Trace(sizes, points: size, in: scratch.rows(worker..<worker + 1))
        }
        @Sendable func rows(_ network: Int) -> Range<Int> {
            network * coordinates.rows..<(network + 1) * coordinates.rows
        }
        for (inputs, outputs) in zip(sizes, sizes.dropFirst()) {
            countProduct(coordinates.rows, inputs, outputs, times: batch)
        }
        step(reading: parameters + [coordinates], writing: [y, scratch], tasks: batch * blocks) { task, worker in
            let (network, start) = (task / blocks, task % blocks * size)
            let block = start..<min(coordinates.rows, start + size)
            let values = networks[network].evaluate(coordinates.rows(block), traces[worker])
            let target = y.rows(rows(network)).rows(block)
            for row in 0..<values.rows { target.copyRow(row, from: values, row) }
        }
        adjoint(of: y, from: parameters + [coordinates]) { tape in
            guard let dy = tape.cotangent(of: y) else { return }
            let gradients = parameters.compactMap { tape.sum(for: $0) }
            precondition(
                gradients.isEmpty || gradients.count == parameters.count,
                "all arrays of a sine network are differentiated, or none")
            let dcoordinates = tape.sum(for: coordinates)
            let updated = gradients + [dcoordinates].compactMap { $0 }
            self.step(reading: parameters + [coordinates, dy] + updated, writing: updated + [scratch]) {
                for network in 0..<batch {
                    networks[network].differentiate(
                        coordinates, dy: { _ in dy.rows(rows(network)) },
                        dparameters: gradients.isEmpty ? nil : SineNetwork.parameters(gradients, network, sizes),
                        dx: dcoordinates, traces[0])
                }
            }
        }
    }
}

extension Matrix {
    fileprivate func copyRow(_ row: Int, from source: Matrix, _ other: Int) {
        (pointer + row * stride).update(from: source.pointer + other * source.stride, count: columns)
    }
}
