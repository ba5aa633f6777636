import Engine
import Networks
import NeuralFunctionals
import SIREN

extension ModelInput {
    /// Records the evaluation of the networks of `x` at every pixel of a picture: what they draw, with values nominally
    /// in [−1, 1].
    ///
    /// *Shapes:* single-channel weights of a batch of networks in the model's convention, not scaled → (batch·pixels,
    /// channels), pixels row by row.
    /// - Throws: `ModelError` unless the networks are fully connected with 2 inputs and as many outputs as the
    ///   picture has channels.
    package func recordDrawing(
        _ x: WeightSpaceFeatures, _ image: ImageShape, in builder: PlanBuilder
    ) throws(ModelError) -> Matrix {
        guard spec.isFullyConnected, spec.inputs == 2, spec.outputs == image.channels else {
            throw ModelError("a network \(spec.sizes) does not draw a picture of \(image.channels) channels")
        }
        let grid = CoordinateGrid(height: image.height, width: image.width, convention: transform.convention)
        let pictures = builder.matrix(rows: x.batch * image.pixels, columns: x.spec.outputs)
        builder.evaluateSines(
            x.arrays.map { $0.reshaped(rows: x.batch, columns: $0.count / x.batch) }, sizes: x.spec.sizes,
            omega0: Float(transform.omega0), at: Matrix(rows: image.pixels, columns: 2, values: grid.coordinates),
            batch: x.batch, into: pictures)
        // A dws network computes p / 2 for a pixel p of [−1, 1].
        if transform.convention == .dws { builder.scale(pictures, by: 2) }
        return pictures
    }
}
