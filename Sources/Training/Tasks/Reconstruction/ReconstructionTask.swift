import Engine
import Foundation
import Models
import NeuralFunctionals
import SIREN

/// Reconstruction: the mean squared error, over pixels and channels, between the picture that a network draws itself
/// and the one that the model draws from the network's latents.
package struct ReconstructionTask: TrainingTask {
    /// `reconstruction` in a recipe's `objective`.
    package static let name = "reconstruction"

    private let weight: Float
    private let input: ModelInput

    /// Has no further options.
    package init(weight: Float, _ objective: Settings, _ model: ModelConfiguration) throws(SettingError) {
        self.weight = weight
        input = model.input
    }

    /// A picture.
    package var output: Output { .picture }

    /// Records the evaluation of the networks themselves as the target, and one loss. Pixel values are nominally in
    /// [−1, 1].
    package func record(
        _ value: RecordedOutput, in pass: ForwardPass, isTraining: Bool
    ) throws(ModelError) -> any RecordedTask {
        guard case .picture(let drawn, let image) = value else {
            throw ModelError("reconstruction: expected an output of a picture, received another")
        }
        func rows(_ pixels: Matrix) -> Matrix {
            pixels.reshaped(rows: pass.batch, columns: image.pixels * image.channels)
        }
        let own = rows(try input.recordDrawing(pass.weights, image, in: pass.builder))
        return RecordedPictures(Self.name, weight: weight, drawn: rows(drawn), wanted: own, in: pass.builder)
    }

    /// Nothing to choose; a report of the mean squared error.
    package func calibrate(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> Calibration {
        Calibration(report: evaluation.losses.first.map { ReconstructionReport(meanSquaredError: $0.mean) })
    }
}

/// The error of reconstructed pictures against the networks' own.
package struct ReconstructionReport: TrainingReport {
    /// Over networks, pixels and channels; pixel values in [−1, 1].
    package let meanSquaredError: Double

    /// The peak signal-to-noise ratio in dB: 10 · log₁₀(2² / error), since the values span 2.
    package var psnr: Double { 10 * log10(4 / max(meanSquaredError, 1e-30)) }

    /// Mean squared error and PSNR.
    package var summary: String {
        "reconstruction: mean squared error \(String(format: "%.5f", meanSquaredError)) in [-1, 1], \(String(format: "%.2f", psnr)) dB"
    }

    /// `reconstruction_mse`.
    package var figures: [(name: String, value: Double)] { [("reconstruction_mse", meanSquaredError)] }
}
