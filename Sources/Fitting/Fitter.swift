import Datasets
import Dispatch
import Engine
import Foundation
import Networks
import Synchronization

/// Fits many pictures, each on one thread: a fit depends on its recipe, picture and view alone.
package struct Fitter: Sendable {
    package let recipe: FitRecipe
    private let pictures: PictureSet
    private let threads: Int

    package init(_ recipe: FitRecipe, _ pictures: PictureSet, threads: Int) {
        self.recipe = recipe
        self.pictures = pictures
        self.threads = threads
    }

    /// One network for each of `sources`, in order. `report` hears of every fit as it is done.
    package func callAsFunction(
        _ sources: [Int], view: Int, report: @Sendable () -> Void = {}
    ) -> [FittedInr] {
        let results = Mutex([FittedInr?](repeating: nil, count: sources.count))
        let next = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: min(threads, max(1, sources.count))) { _ in
            let fit = SineFit(
                sizes: recipe.sizes(channels: pictures.channels), omega0: Float(recipe.omega0), points: coordinates)
            while true {
                let place = next.withLock { place in
                    defer { place += 1 }
                    return place
                }
                guard place < sources.count else { return }
                let network = self.fit(sources[place], view: view, fit)
                results.withLock { $0[place] = network }
                report()
            }
        }
        return results.withLock { $0 }.compactMap { $0 }
    }

    private func fit(_ source: Int, view: Int, _ fit: SineFit) -> FittedInr {
        // 4 is the square of the pictures' range.
        let stop = recipe.targetPSNR.map { 4 / pow(10, $0 / 10) }
        let (weights, error) = fit(
            from: recipe.start(channels: pictures.channels, source: source, view: view),
            targets: pictures.values(source), steps: recipe.steps, rate: recipe.rate, stop: stop)
        return FittedInr(
            weights: weights, label: pictures.labels?[source] ?? -1, source: source, view: view,
            psnr: Float(10 * log10(4 / max(error, 1e-30))))
    }

    /// Row first, both axes from −1 to 1.
    private var coordinates: Matrix {
        let columns = linearSpace(-1, 1, pictures.width)
        let values = linearSpace(-1, 1, pictures.height).flatMap { row in columns.flatMap { [row, $0] } }
        return Matrix(rows: pictures.height * pictures.width, columns: 2, values: values)
    }
}
