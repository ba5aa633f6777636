import Engine
import Foundation
import SIREN

/// Fits SIRENs to pictures of one size, one after the other; a fit can be interrupted after each step.
package struct PictureFit: Sendable {
    /// How the networks are fitted.
    package let recipe: FitRecipe
    private var fit: SineFit
    private let channels: Int
    /// The label and number of the picture, and the number of the fit.
    private var subject = (label: -1, source: 0, restart: 0)

    /// Allocates the memory of a fit, a few float32 for each neuron and pixel.
    package init(_ recipe: FitRecipe, height: Int, width: Int, channels: Int) {
        self.recipe = recipe
        self.channels = channels
        let grid = CoordinateGrid(height: height, width: width, convention: recipe.convention)
        // The coordinates of the pixels, row by row: (pixels, 2).
        let coordinates = Matrix(rows: grid.height * grid.width, columns: 2, values: grid.coordinates)
        fit = SineFit(sizes: recipe.sizes(channels: channels), omega0: Float(recipe.omega0), coordinates: coordinates)
    }

    /// Steps of Adam that the fit has taken.
    package var stepsTaken: Int { fit.stepsTaken }

    /// Begins the fit of picture number `source`, which has the size given to `init`.
    /// - Parameter restart: which of the independent fits of the picture this is; each has its own initial weights.
    package mutating func begin(_ pictures: PictureSet, _ source: Int, restart: Int) {
        begin(
            pictures.values(source), from: recipe.start(channels: channels, source: source, restart: restart))
        subject = (pictures.labels?[source] ?? -1, source, restart)
    }

    /// Begins the fit of one picture by itself, as of the first one of a set.
    /// - Parameter values: (height, width, channels), row-major, in [−1, 1].
    package mutating func begin(_ values: [Float]) {
        begin(values, from: recipe.start(channels: channels, source: 0, restart: 0))
        subject = (-1, 0, 0)
    }

    private mutating func begin(_ values: [Float], from start: [Float]) {
        let stop = recipe.targetPSNR.map { peak / pow(10, $0 / 10) }
        // Pictures have values in [−1, 1]; the outputs of a network span `range` around 0.
        let range = recipe.convention.range
        fit.begin(
            from: start, targets: values.map { $0 * range / 2 }, steps: recipe.steps, rate: recipe.rate, stop: stop)
    }

    /// Takes steps until the fit has ended or `goesOn`, which is asked after each step, says otherwise.
    /// - Returns: whether the fit has ended.
    @discardableResult
    package mutating func advance(while goesOn: () -> Bool) -> Bool { fit.advance(while: goesOn) }

    /// The network so far; its PSNR is 10 · log₁₀(range² / mean squared error).
    package func result() -> FittedInr {
        let (weights, error) = fit.result()
        return FittedInr(
            weights: weights, label: subject.label, source: subject.source, restart: subject.restart,
            psnr: Float(10 * log10(peak / max(error, 1e-30))))
    }

    /// The square of the range of the outputs.
    private var peak: Double {
        let range = recipe.convention.range
        return Double(range * range)
    }
}
