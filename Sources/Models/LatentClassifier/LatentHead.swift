import Engine

/// A part of a model that classifies latent arrays.
protocol LatentHead: Sendable {
    /// How many.
    var classes: Int { get }

    /// - Parameters:
    ///   - count: of latents, or 1 for their mean.
    ///   - width: channels of a latent.
    /// - Throws: `ModelError` where it does not read such arrays.
    func check(count: Int, width: Int) throws(ModelError)

    /// *Shapes:* latents (batch·count, width) → logits (batch, classes).
    /// - Throws: `ModelError` as `check`.
    func callAsFunction(_ z: Matrix, batch: Int, in builder: PlanBuilder) throws(ModelError) -> Matrix
}
