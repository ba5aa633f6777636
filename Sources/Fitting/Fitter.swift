import Datasets
import Dispatch
import Engine
import Foundation
import Networks
import SIREN
import Synchronization
import Tensors

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
                sizes: recipe.sizes(channels: pictures.channels), omega0: Float(recipe.omega0), coordinates: coordinates
            )
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
        let range = recipe.convention.range
        let peak = Double(range * range)
        let stop = recipe.targetPSNR.map { peak / pow(10, $0 / 10) }
        // Pictures come in [−1, 1], around zero in either convention.
        let targets = pictures.values(source).map { $0 * range / 2 }
        let (weights, error) = fit(
            from: recipe.start(channels: pictures.channels, source: source, view: view),
            targets: targets, steps: recipe.steps, rate: recipe.rate, stop: stop)
        return FittedInr(
            weights: weights, label: pictures.labels?[source] ?? -1, source: source, view: view,
            psnr: Float(10 * log10(peak / max(error, 1e-30))))
    }

    /// Both axes from −1 to 1, in the convention's order.
    private var coordinates: Matrix {
        let rowsFirst = recipe.convention == .nfn
        let columns = linearSpace(-1, 1, pictures.width)
        let values = linearSpace(-1, 1, pictures.height).flatMap { row in
            columns.flatMap { rowsFirst ? [row, $0] : [$0, row] }
        }
        return Matrix(rows: pictures.height * pictures.width, columns: 2, values: values)
    }
}
