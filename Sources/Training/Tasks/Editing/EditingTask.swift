import Engine
import Foundation
import Models
import NeuralFunctionals
import SIREN

/// Editing: the mean squared error, over pixels and channels, between the picture that an edited network draws (or the
/// mean of several) and the edited picture of the network itself (Zhou et al., arXiv 2302.14040, §3.3).
package struct EditingTask: TrainingTask {
    /// `editing` in a recipe's `objective`.
    package static let name = "editing"

    private let weight: Float
    private let input: ModelInput
    private let image: ImageShape
    /// `edit`: what the model learns.
    package let edit: PictureEdit

    /// Reads `edit`, which is required where the task has a weight.
    package init(weight: Float, _ objective: Settings, _ model: ModelConfiguration) throws(SettingError) {
        self.weight = weight
        input = model.input
        if weight > 0 {
            let names = PictureEdit.allCases.map(\.rawValue).joined(separator: ", ")
            try objective.demand("edit", "write one of \(names)")
        }
        edit = try objective.choice("edit", default: .dilate)
        guard weight == 0 || model.input.image != nil else {
            throw objective.error(
                "editing", "needs the extents of the pictures that the networks draw, in model.input.image")
        }
        image = model.input.image ?? ImageShape(height: 1, width: 1, channels: 1)
    }

    /// The weights of an edited network.
    package var output: Output { .weights }

    /// Records the evaluation of the networks and of the edited ones, and one loss. Pixel values are nominally in [−1, 1].
    package func record(
        _ value: RecordedOutput, in pass: ForwardPass, isTraining: Bool
    ) throws(ModelError) -> any RecordedTask {
        guard case .weights(let networks) = value else {
            throw ModelError("editing: expected an output of weights, received another")
        }
        func picture(_ weights: WeightSpaceFeatures) throws(ModelError) -> Matrix {
            try input.recordDrawing(weights, image, in: pass.builder)
                .reshaped(rows: pass.batch, columns: image.pixels * image.channels)
        }
        let own = try picture(pass.weights)
        let wanted = pass.builder.matrix(rows: own.rows, columns: own.columns)
        pass.builder.edit(
            own, edit, height: image.height, width: image.width, channels: image.channels, into: wanted)
        let pictures = try networks.map(picture)
        let drawn = pass.builder.matrix(rows: own.rows, columns: own.columns)
        for (index, picture) in pictures.enumerated() {
            if index == 0 { pass.builder.copy(picture, to: drawn) } else { pass.builder.add(picture, to: drawn) }
        }
        if pictures.count > 1 { pass.builder.scale(drawn, by: 1 / Float(pictures.count)) }
        return RecordedPictures(Self.name, weight: weight, drawn: drawn, wanted: wanted, in: pass.builder)
    }

    /// Nothing to choose; a report of the mean squared error.
    package func calibrate(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> Calibration {
        Calibration(
            report: evaluation.losses.first.map { EditingReport(edit: edit, meanSquaredError: $0.mean) })
    }
}

/// The error of edited networks' pictures against the edited pictures.
package struct EditingReport: TrainingReport {
    /// What was learned.
    package let edit: PictureEdit
    /// Over networks, pixels and channels; pixel values in [−1, 1].
    package let meanSquaredError: Double

    /// An error of that edit.
    package init(edit: PictureEdit, meanSquaredError: Double) {
        self.edit = edit
        self.meanSquaredError = meanSquaredError
    }

    /// The edit and the mean squared error.
    package var summary: String {
        "\(edit.rawValue): mean squared error \(String(format: "%.5f", meanSquaredError)) in [-1, 1]"
    }

    /// `edit_mse`.
    package var figures: [(name: String, value: Double)] { [("edit_mse", meanSquaredError)] }
}
