import Engine

/// A task whose loss is the mean squared error of pictures against those that the plan computes from the networks
/// themselves.
struct RecordedPictures: RecordedTask {
    /// The mean squared error of each network.
    let losses: [Loss]
    /// (batch, pixels · channels) each.
    let pictures: (drawn: Matrix, wanted: Matrix)?

    /// - Parameters:
    ///   - name, weight: of the loss.
    ///   - drawn, wanted: (batch, pixels · channels) each; nothing is differentiated with respect to `wanted`.
    init(_ name: String, weight: Float, drawn: Matrix, wanted: Matrix, in builder: PlanBuilder) {
        losses = [Loss(name: name, matrix: builder.squaredError(drawn, wanted), weight: weight)]
        pictures = (drawn, wanted)
    }

    /// None: the metrics are the losses.
    var parts: [(name: String, matrix: Matrix)] { [] }

    /// The losses and both pictures.
    var ends: [Matrix] { losses.map(\.matrix) + (pictures.map { [$0.drawn, $0.wanted] } ?? []) }

    /// Does nothing: the plan computes the targets.
    func fill(_ items: [BatchItem], shares: [Float], _ corpus: Corpus) {}
}
