import Dispatch
import Engine
import Foundation
import SIREN
import Synchronization

/// Fits SIRENs to pictures, several at a time with one thread each. A fit depends only on the recipe, the picture and
/// the restart.
package struct Fitter: Sendable {
    /// How the networks are fitted.
    package let recipe: FitRecipe
    private let pictures: PictureSet
    private let threads: Int

    /// - Parameters:
    ///   - recipe: how the networks are fitted.
    ///   - pictures: the pictures from which the networks' sources are chosen.
    ///   - threads: the largest number of fits that run at a time.
    package init(_ recipe: FitRecipe, _ pictures: PictureSet, threads: Int) {
        self.recipe = recipe
        self.pictures = pictures
        self.threads = threads
    }

    /// Fits one network to each picture of `sources`.
    /// - Parameters:
    ///   - sources: the numbers of the pictures.
    ///   - restart: which of the independent fits of a picture to make, from 0; each has its own initial weights.
    ///   - report: called after every fit, on any thread.
    /// - Returns: the networks in the order of `sources`.
    package func callAsFunction(
        _ sources: [Int], restart: Int, report: @Sendable () -> Void = {}
    ) -> [FittedInr] {
        let results = Mutex([FittedInr?](repeating: nil, count: sources.count))
        let next = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: min(threads, max(1, sources.count))) { _ in
            let fit = SineFit(
                sizes: recipe.sizes(channels: pictures.channels), omega0: Float(recipe.omega0), coordinates: coordinates
            )
            while true {
                let index = next.withLock { index in
                    defer { index += 1 }
                    return index
                }
                guard index < sources.count else { return }
                let network = self.fit(sources[index], restart: restart, fit)
                results.withLock { $0[index] = network }
                report()
            }
        }
        return results.withLock { $0 }.compactMap { $0 }
    }

    /// Fits one network; its PSNR is 10 · log₁₀(range² / mean squared error).
    private func fit(_ source: Int, restart: Int, _ fit: SineFit) -> FittedInr {
        let range = recipe.convention.range
        let peak = Double(range * range)
        let stop = recipe.targetPSNR.map { peak / pow(10, $0 / 10) }
        // Pictures have values in [−1, 1]; the outputs of a network span `range` around 0.
        let targets = pictures.values(source).map { $0 * range / 2 }
        let (weights, error) = fit(
            from: recipe.start(channels: pictures.channels, source: source, restart: restart),
            targets: targets, steps: recipe.steps, rate: recipe.rate, stop: stop)
        return FittedInr(
            weights: weights, label: pictures.labels?[source] ?? -1, source: source, restart: restart,
            psnr: Float(10 * log10(peak / max(error, 1e-30))))
    }

    /// The coordinates of the pixels, row by row: (pixels, 2).
    private var coordinates: Matrix {
        let grid = CoordinateGrid(height: pictures.height, width: pictures.width, convention: recipe.convention)
        return Matrix(rows: grid.height * grid.width, columns: 2, values: grid.coordinates)
    }
}
