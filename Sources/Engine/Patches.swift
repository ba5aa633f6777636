import CKernels

/// Square neighbourhoods of a grid's pixels: what a convolution multiplies with its kernel.
package struct PatchGrid: Sendable {
    package let height: Int
    package let width: Int
    /// Side of a neighbourhood and distance from one to the next.
    package let side: Int
    package let step: Int
    /// Pixels of zeros around the grid.
    package let margin: Int

    package init(height: Int, width: Int, side: Int, step: Int = 1, margin: Int = 0) {
        self.height = height
        self.width = width
        self.side = side
        self.step = step
        self.margin = margin
    }

    /// Neighbourhoods along an axis: floor((extent + 2 · margin − side) / step) + 1, and none where one does not fit.
    package var rows: Int { places(height) }
    package var columns: Int { places(width) }

    private func places(_ extent: Int) -> Int {
        let room = extent + 2 * margin - side
        return room < 0 ? 0 : room / step + 1
    }

    /// Calls `body` for every run of neighbouring pixels: its first pixel in the grid, the patch's row, the first place
    /// in the patch, and how many.
    func forEachRun(image: Int, _ body: (_ pixel: Int, _ patch: Int, _ place: Int, _ count: Int) -> Void) {
        for row in 0..<rows {
            for column in 0..<columns {
                let patch = (image * rows + row) * columns + column
                let left = column * step - margin
                let (first, last) = (max(left, 0), min(left + side, width))
                for line in 0..<side {
                    let y = row * step - margin + line
                    guard y >= 0, y < height, first < last else { continue }
                    body((image * height + y) * width + first, patch, line * side + first - left, last - first)
                }
            }
        }
    }
}

extension PlanBuilder {
    /// Neighbourhoods as rows, for a convolution by one matrix product.
    ///
    /// *Shapes:* x (batch·height·width, C) → (batch·rows·columns, side²·C), pixel after pixel.
    package func patches(_ x: Matrix, _ grid: PatchGrid) -> Matrix {
        let batch = x.rows / (grid.height * grid.width)
        precondition(x.rows == batch * grid.height * grid.width, "pixels of a grid")
        let channels = x.columns
        let y = matrix(rows: batch * grid.rows * grid.columns, columns: grid.side * grid.side * channels)
        precondition(x.isContiguous, "patches of neighbouring pixels")
        step(reading: [x], writing: [y], tasks: batch) { image, _ in
            let count = grid.rows * grid.columns * y.columns
            let (source, target) = (x.pointer, y.pointer)
            if grid.margin > 0 { (target + image * count).update(repeating: 0, count: count) }
            grid.forEachRun(image: image) { pixel, patch, place, run in
                (target + patch * y.stride + place * channels).update(
                    from: source + pixel * channels, count: run * channels)
            }
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.sum(for: x) else { return }
            self.step(reading: [dy, dx], writing: [dx]) {
                let (source, target) = (dy.pointer, dx.pointer)
                for image in 0..<batch {
                    grid.forEachRun(image: image) { pixel, patch, place, run in
                        ck_add(source + patch * dy.stride + place * channels, target + pixel * channels, run * channels)
                    }
                }
            }
        }
        return y
    }
}
