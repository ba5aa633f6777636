import Engine
import Foundation
import Models
import NeuralFunctionals

/// Mean squared error between the picture that a network draws itself and the one that the model draws from its latents.
package struct ReconstructionTask: TrainingTask {
    package static let name = "reconstruction"

    private let weight: Float
    private let input: ModelInput

    package init(weight: Float, _ objective: Settings, _ model: ModelConfiguration) throws(SettingError) {
        self.weight = weight
        input = model.input
    }

    package var output: Output { .picture }

    package func record(
        _ value: RecordedOutput, in pass: ForwardPass, isTraining: Bool
    ) throws(ModelError) -> any RecordedTask {
        guard case .picture(let drawn, let image) = value else { throw ModelError("expected a picture") }
        func rows(_ pixels: Matrix) -> Matrix {
            pixels.reshaped(rows: pass.batch, columns: image.pixels * image.channels)
        }
        let own = rows(try input.recordDrawing(pass.weights, image, in: pass.builder))
        let loss = pass.builder.squaredError(rows(drawn), own)
        return Recorded(
            losses: [Loss(name: Self.name, matrix: loss, weight: weight)], pictures: (rows(drawn), own))
    }

    private struct Recorded: RecordedTask {
        package let losses: [Loss]
        package let pictures: (drawn: Matrix, wanted: Matrix)?
        package var parts: [(name: String, matrix: Matrix)] { [] }

        package var ends: [Matrix] { losses.map(\.matrix) + (pictures.map { [$0.drawn, $0.wanted] } ?? []) }

        /// The targets are computed from the networks themselves.
        package func fill(_ items: [BatchItem], shares: [Float]) {}
    }

    package func calibrate(_ evaluation: TaskEvaluation, _ corpus: Corpus) -> Calibration {
        Calibration(report: evaluation.losses.first.map { ReconstructionReport(meanSquaredError: $0.mean) })
    }
}

/// How near reconstructed pictures come to the networks' own, values in [−1, 1].
package struct ReconstructionReport: TrainingReport {
    package let meanSquaredError: Double

    /// 10 · log10(4 / error): the peak signal-to-noise ratio of a range of 2, in decibels.
    package var psnr: Double { 10 * log10(4 / max(meanSquaredError, 1e-30)) }

    package var summary: String {
        "reconstruction: mean squared error \(String(format: "%.5f", meanSquaredError)) in [-1, 1], \(String(format: "%.2f", psnr)) dB"
    }

    package var figures: [(name: String, value: Double)] { [("reconstruction_mse", meanSquaredError)] }
}
