import Dispatch
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
            var fit = PictureFit(
                recipe, height: pictures.height, width: pictures.width, channels: pictures.channels)
            while true {
                let index = next.withLock { index in
                    defer { index += 1 }
                    return index
                }
                guard index < sources.count else { return }
                fit.begin(pictures, sources[index], restart: restart)
                fit.advance { true }
                let network = fit.result()
                results.withLock { $0[index] = network }
                report()
            }
        }
        return results.withLock { $0 }.compactMap { $0 }
    }
}
