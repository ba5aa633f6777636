import CKernels

/// The square neighbourhoods (patches) of a picture that a convolution multiplies with its kernel.
package struct PatchGrid: Sendable {
    /// Pixels of the picture along the vertical axis.
    package let height: Int
    /// Pixels of the picture along the horizontal axis.
    package let width: Int
    /// Pixels along a side of a patch.
    package let side: Int
    /// Pixels from one patch to the next: the stride of the convolution.
    package let step: Int
    /// Pixels of zeros on each side of the picture: the padding of the convolution.
    package let margin: Int

    /// A grid without padding where `margin` is 0. Extents, `side` and `step` are at least 1; not checked.
    package init(height: Int, width: Int, side: Int, step: Int = 1, margin: Int = 0) {
        self.height = height
        self.width = width
        self.side = side
        self.step = step
        self.margin = margin
    }

    /// Patches along the vertical axis: ⌊(height + 2 · margin − side) / step⌋ + 1, and 0 where not even one fits.
    package var rows: Int { patches(height) }
    /// Patches along the horizontal axis, likewise.
    package var columns: Int { patches(width) }

    private func patches(_ extent: Int) -> Int {
        let room = extent + 2 * margin - side
        return room < 0 ? 0 : room / step + 1
    }

    /// Calls `body` for every run of pixels that are neighbours in the picture and in a patch: the first pixel's index
    /// among all pictures' pixels, the patch's index, the first pixel's index in the patch, and the number of pixels; and
    /// `gap` for every run of a patch's pixels that are outside the picture.
    func forEachRun(
        image: Int, gap: (_ patch: Int, _ index: Int, _ count: Int) -> Void = { _, _, _ in },
        _ body: (_ pixel: Int, _ patch: Int, _ index: Int, _ count: Int) -> Void
    ) {
        for row in 0..<rows {
            for column in 0..<columns {
                let patch = (image * rows + row) * columns + column
                let left = column * step - margin
                let (first, last) = (max(left, 0), min(left + side, width))
                for line in 0..<side {
                    let y = row * step - margin + line
                    let start = line * side
                    guard y >= 0, y < height, first < last else {
                        gap(patch, start, side)
                        continue
                    }
                    if first > left { gap(patch, start, first - left) }
                    body((image * height + y) * width + first, patch, start + first - left, last - first)
                    if last < left + side { gap(patch, start + last - left, left + side - last) }
                }
            }
        }
    }
}

extension PlanBuilder {
    /// All patches as rows (im2col): a convolution is then one matrix product. Pixels outside the picture are zeros.
    ///
    /// *Shapes:* x (batch·height·width, C), contiguous → (batch·rows·columns, side²·C), a patch's pixels row by row.
    /// Traps where the grid has no patches.
    package func patches(_ x: Matrix, _ grid: PatchGrid) -> Matrix {
        let batch = x.rows / (grid.height * grid.width)
        precondition(x.rows == batch * grid.height * grid.width, "pixels of a grid")
        let channels = x.columns
        let y = matrix(rows: batch * grid.rows * grid.columns, columns: grid.side * grid.side * channels)
        precondition(x.isContiguous, "patches of neighbouring pixels")
        step(reading: [x], writing: [y], tasks: batch) { image, _ in
            let (source, target) = (x.pointer, y.pointer)
            grid.forEachRun(image: image) { patch, index, run in
                (target + patch * y.stride + index * channels).update(repeating: 0, count: run * channels)
            } _: { pixel, patch, index, run in
                (target + patch * y.stride + index * channels).update(
                    from: source + pixel * channels, count: run * channels)
            }
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.sum(for: x) else { return }
            self.step(reading: [dy, dx], writing: [dx]) {
                let (source, target) = (dy.pointer, dx.pointer)
                for image in 0..<batch {
                    grid.forEachRun(image: image) { pixel, patch, index, run in
                        ck_add(source + patch * dy.stride + index * channels, target + pixel * channels, run * channels)
                    }
                }
            }
        }
        return y
    }
}
