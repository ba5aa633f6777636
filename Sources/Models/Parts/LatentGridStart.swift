import NeuralFunctionals
import Tensors

/// Where the pool of a new encoder begins whose carried features are values at places ("start_cells"): as a convolution over
/// the grid of places, whose pixels the latents of a square array hold, `cells` × `cells` each.
///
/// The map from the outputs' features to the initial latents then has the same filters at every pixel, each three strides
/// wide; elsewhere it is 0. From a random start each number of a latent is a sum over the whole picture, and neighbouring
/// pixels have to be found. Learned latents, attention and feed-forward parts begin a tenth as large as otherwise, so
/// that the pixels are seen through them. Everything is learned from there on.
struct LatentGridStart {
    /// Rows and columns of the places, and of the pixels.
    private let (places, pixels): (Int, Int)
    private let cells: Int

    private static let quiet: Float = 0.1

    /// - Throws: `ModelError` where the latents form no square, or do not divide into pixels.
    init(cells: Int, places: Int, latents: Int, width: Int) throws(ModelError) {
        guard let side = latents.squareSide, width.isMultiple(of: cells * cells), side * cells <= places else {
            throw ModelError(
                "\"start_cells\" \(cells): needs a square array of latents whose latent_dim is a multiple of \(cells * cells), with at most as many pixels as the lift has places, \(places) × \(places); received \(latents) latents of \(width)"
            )
        }
        self.cells = cells
        self.places = places
        pixels = side * cells
    }

    /// Rows and columns of a filter, in places.
    private var side: Int { min(places, max(3, 3 * places / pixels)) }

    /// The first place of the filter of a pixel, which can lie outside the grid.
    private func first(_ pixel: Int) -> Int {
        let center = (Double(pixel) + 0.5) * Double(places) / Double(pixels) - 0.5
        return Int((center - Double(side - 1) / 2).rounded())
    }

    /// Writes the start over what was drawn for a new model; does nothing to parameters of a stored one.
    /// - Parameter pool: of a `PerceiverPool`.
    func apply(to pool: ParameterScope) {
        pool.redraw("outputs.weight", startOutputs)
        let attention = pool.scope("cross_attns").scope(0).scope("fn").scope("to_out")
        let feedForward = pool.scope("cross_ffs").scope(0).scope("fn").scope("net").scope(2)
        for (scope, name) in [
            (pool, "latents"), (attention, "weight"), (attention, "bias"), (feedForward, "weight"),
            (feedForward, "bias"),
        ] {
            scope.redraw(name) { $0.scale(by: Self.quiet) }
        }
    }

    /// Rows: latent after latent, of each (row of the cell, column of the cell, channel). Columns: output after output, of
    /// each the places row by row.
    private func startOutputs(_ map: inout ParameterRows) {
        let drawn = map
        map.fill(0)
        let outputs = map.columns / (places * places)
        let channels = map.rows / (pixels * pixels)
        // Drawn with the variance 1 / (3 · columns).
        let factor = Float(3 * map.columns).squareRoot() / Float(side) / Float(outputs).squareRoot()
        for y in 0..<pixels {
            for x in 0..<pixels {
                let latent = (y / cells) * (pixels / cells) + x / cells
                let cell = (y % cells) * cells + x % cells
                for channel in 0..<channels {
                    let row = (latent * cells * cells + cell) * channels + channel
                    for (output, dy, dx) in taps(outputs) {
                        let (placeY, placeX) = (first(y) + dy, first(x) + dx)
                        guard 0..<places ~= placeY, 0..<places ~= placeX else { continue }
                        map[row, (output * places + placeY) * places + placeX] =
                            factor * drawn[channel, (output * places + dy) * places + dx]
                    }
                }
            }
        }
    }

    /// Of a filter: outputs, rows and columns.
    private func taps(_ outputs: Int) -> [(output: Int, row: Int, column: Int)] {
        (0..<outputs).flatMap { output in
            (0..<side).flatMap { row in (0..<side).map { (output, row, $0) } }
        }
    }
}
