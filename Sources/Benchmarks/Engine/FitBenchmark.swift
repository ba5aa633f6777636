import Datasets
import Networks
import Tensors

/// Times the fitting of SIRENs to pictures of noise.
package enum FitBenchmark {
    /// Times 64 fits of 150 steps each to pictures of 28 × 28 grey pixels.
    package static func run(threads: Int, repeats: Int) -> SpeedMeasurement {
        let (count, side) = (64, 28)
        var random = RandomSource(seed: 0)
        let pictures = PictureSet(
            height: side, width: side, channels: 1,
            floats: (0..<count * side * side).map { _ in random.uniform(in: -1...1) })
        let recipe = FitRecipe()
        let fitter = Fitter(recipe, pictures, threads: threads)
        let sizes = recipe.sizes(channels: 1)
        let products = zip(sizes, sizes.dropFirst()).reduce(0) { $0 + 2 * $1.0 * $1.1 }
        // Per pixel: forward 1×, gradients of the weights 1×, gradients of the inputs 1× except in the first layer.
        let flops = side * side * (3 * products - 2 * sizes[0] * sizes[1]) * recipe.steps * count
        return SpeedMeasurement(
            "fit_siren_\(recipe.steps)_steps", batch: count, threads: threads, repeats: repeats, flops: flops
        ) { _ = fitter(Array(0..<count), restart: 0) }
    }
}
