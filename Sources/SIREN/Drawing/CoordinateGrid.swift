import Tensors

/// The coordinates of a picture's pixels, as the inputs of SIRENs of one convention.
///
/// Rows go from −1 at the top to 1 at the bottom, columns from −1 at the left to 1 at the right, ends included; a
/// single row or column is at −1.
package struct CoordinateGrid: Sendable, Hashable {
    /// Rows of pixels.
    package let height: Int
    /// Columns of pixels.
    package let width: Int
    /// Which says whether rows or columns come first.
    package let convention: SIRENConvention

    /// A grid of `height` × `width` pixels, both at least 1.
    package init(height: Int, width: Int, convention: SIRENConvention = .nfn) {
        self.height = height
        self.width = width
        self.convention = convention
    }

    /// The vertical coordinate of each row of pixels.
    package var rows: [Float] { linearSpace(-1, 1, height) }
    /// The horizontal coordinate of each column of pixels.
    package var columns: [Float] { linearSpace(-1, 1, width) }

    /// The two inputs at every pixel, (height · width, 2): row of pixels by row of pixels.
    package var coordinates: [Float] {
        let columns = columns
        return switch convention {
        case .nfn: rows.flatMap { row in columns.flatMap { [row, $0] } }
        case .dws: rows.flatMap { row in columns.flatMap { [$0, row] } }
        }
    }
}
