import Datasets
import Foundation
import Networks
import SIREN
import Tensors
import Testing
import WeightFormats

@Suite struct FitterTests {
    /// Six pictures of 8 × 8 pixels: a light square in different places.
    private static func pictures() throws -> PictureSet {
        var values: [Float] = []
        for index in 0..<6 {
            for row in 0..<8 {
                for column in 0..<8 { values.append(row / 3 == index / 3 && column / 3 == index % 3 ? 1 : -1) }
            }
        }
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("stack-\(UUID().uuidString).npy")
        try Data(NPYWriter.write(Tensor(shape: [6, 8, 8], values: values))).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        return try PictureSet(contentsOf: url.path).labelled([0, 1, 2, 3, 4, 5])
    }

    private static func recipe(steps: Int = 60) -> FitRecipe {
        var recipe = FitRecipe()
        (recipe.hiddenWidth, recipe.steps, recipe.seed) = (12, steps, 3)
        return recipe
    }

    @Test("a fit gives the same bits at any number of threads and together with any other fits")
    func isReproducible() throws {
        let pictures = try Self.pictures()
        let all = Fitter(Self.recipe(), pictures, threads: 1)([0, 1, 2, 3, 4, 5], restart: 1)
        #expect(Fitter(Self.recipe(), pictures, threads: 3)([0, 1, 2, 3, 4, 5], restart: 1) == all)
        #expect(Fitter(Self.recipe(), pictures, threads: 2)([4], restart: 1) == [all[4]])
        #expect(all.map(\.label) == [0, 1, 2, 3, 4, 5])
    }

    @Test("fits of other restarts and seeds have other initial weights")
    func restartsDiffer() throws {
        let pictures = try Self.pictures()
        let fitter = Fitter(Self.recipe(steps: 1), pictures, threads: 1)
        let restarts = (0..<3).map { fitter([2], restart: $0)[0].weights }
        #expect(Set(restarts.map { $0[0] }).count == 3)
        var other = Self.recipe(steps: 1)
        other.seed = 4
        #expect(Fitter(other, pictures, threads: 1)([2], restart: 0)[0].weights != restarts[0])
    }

    @Test("the network draws its picture with the PSNR that the fit reports")
    func drawsItsPicture() throws {
        let pictures = try Self.pictures()
        let recipe = Self.recipe(steps: 150)
        let fitted = Fitter(recipe, pictures, threads: 1)([4], restart: 0)[0]
        #expect(fitted.psnr > 15)
        let network = try NetworkWeights(spec: NetworkSpec(sizes: [2, 12, 12, 1]), flat: fitted.weights)
        let drawn = try DrawnFunction(network, .nfn).picture(height: 8, width: 8).values
        let error = zip(drawn, pictures.values(4)).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) } / 64
        #expect(abs(10 * log10(4 / error) - Double(fitted.psnr)) < 0.01)
    }

    @Test("a dws fit is detected as dws and draws its picture after conversion to nfn")
    func fitsOtherConventions() throws {
        let pictures = try Self.pictures()
        var recipe = Self.recipe(steps: 150)
        recipe.convention = .dws
        let spec = NetworkSpec(sizes: [2, 12, 12, 1])
        let fitted = Fitter(recipe, pictures, threads: 1)([4], restart: 0)[0]
        let network = try NetworkWeights(spec: spec, flat: fitted.weights, convention: .dws)
        let detection = NotationDetector.read(network)
        #expect(detection.notation == .dws && detection.isConfident)
        let drawn = try DrawnFunction(network.converted(from: .dws, to: .nfn), .nfn).picture(height: 8, width: 8).values
        let error = zip(drawn, pictures.values(4)).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) } / 64
        #expect(abs(10 * log10(4 / error) - Double(fitted.psnr)) < 0.01)
        #expect(fitted.psnr > 15)
    }

    @Test("a target ends a fit early")
    func stopsAtTarget() throws {
        var recipe = Self.recipe(steps: 2000)
        recipe.targetPSNR = 20
        let fitted = Fitter(recipe, try Self.pictures(), threads: 1)([0], restart: 0)[0]
        #expect(fitted.psnr >= 20 && fitted.psnr < 30)
    }
}
