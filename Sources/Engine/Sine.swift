import CKernels

/// A grid of pixels, each drawn by one of several small sine networks.
package struct SineGrid: Sendable {
    /// Neurons per layer, coordinates first.
    package let sizes: [Int]
    package let omega0: Float
    /// (pixels, 2)
    package let coordinates: Matrix
    /// The network that draws each pixel, below `networks`.
    package let cells: [Int]
    package let networks: Int

    package init(sizes: [Int], omega0: Float, coordinates: Matrix, cells: [Int], networks: Int) {
        precondition(coordinates.columns == sizes.first && coordinates.rows == cells.count, "grid's coordinates")
        precondition(cells.allSatisfy { $0 >= 0 && $0 < networks }, "cell without a network")
        self.sizes = sizes
        self.omega0 = omega0
        self.coordinates = coordinates
        self.cells = cells
        self.networks = networks
    }
}

extension PlanBuilder {
    /// Draws x ↦ W_L sin(ω₀ (… sin(ω₀ (W₀ x + b₀)) …)) + b_L at every pixel.
    ///
    /// *Shapes:* parameters, in the order w0, b0, w1, b1 …: (batch·networks, entries); pictures (batch·pixels, outputs).
    package func drawSines(_ parameters: [Matrix], _ grid: SineGrid, batch: Int, into pictures: Matrix) {
        let layers = grid.sizes.count - 1
        precondition(parameters.count == 2 * layers, "one matrix a parameter array")
        precondition(pictures.rows == batch * grid.cells.count && pictures.columns == grid.sizes[layers], "pictures")
        let width = grid.sizes.max() ?? 1
        let scratch = matrix(rows: threads, columns: 4 * width)
        step(touching: parameters + [pictures, scratch]) { pool in
            let block = 16
            pool.run(tasks: (pictures.rows + block - 1) / block) { task, worker in
                let base = scratch.pointer + worker * scratch.stride
                for row in task * block..<min(pictures.rows, (task + 1) * block) {
                    let (image, pixel) = (row / grid.cells.count, row % grid.cells.count)
                    let network = image * grid.networks + grid.cells[pixel]
                    var input = base
                    var output = base + width
                    let (angles, cosines) = (base + 2 * width, base + 3 * width)
                    input.update(from: grid.coordinates.pointer + pixel * grid.coordinates.stride, count: grid.sizes[0])
                    for layer in 0..<layers {
                        let weight = parameters[2 * layer]
                        let bias = parameters[2 * layer + 1]
                        let (inputs, outputs) = (grid.sizes[layer], grid.sizes[layer + 1])
                        ck_matrix_vector(
                            weight.pointer + network * weight.stride, input, bias.pointer + network * bias.stride,
                            output, outputs, inputs)
                        if layer < layers - 1 {
                            for neuron in 0..<outputs { angles[neuron] = output[neuron] * grid.omega0 }
                            ck_sincos(angles, output, cosines, outputs)
                        }
                        swap(&input, &output)
                    }
                    (pictures.pointer + row * pictures.stride).update(from: input, count: pictures.columns)
                }
            }
        }
    }
}
