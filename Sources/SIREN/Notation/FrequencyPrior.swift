/// The frequencies of sines that are tried where nothing says them, with their prior log-probabilities up to a constant.
///
/// A network drawn with a frequency that is wrong by a twentieth is already noise, so that each value that people use needs
/// an entry: 30 in all layers is the rule, round numbers are usual, and the library siren-pytorch has 1 behind the first
/// layer.
enum FrequencyPrior {
    typealias Frequencies = (first: Double, hidden: Double, prior: Double)

    static let all: [Frequencies] =
        [(30, 0), (1, -2)].map(inAllLayers)
        + [(10, -2.5), (20, -2.5), (15, -3), (25, -3), (40, -3), (50, -3), (60, -3), (100, -3)].map(inAllLayers)
        + [5, 35, 45, 70, 80, 90].map { inAllLayers($0, -3.5) }
        + [75, 120, 150, 200].map { inAllLayers($0, -4) } + [2, 3, 8, 12, 24].map { inAllLayers($0, -4.5) }
        + [(30, 1, -1)]
        + [(60, 30), (20, 30), (10, 30), (30, 60), (30, 20), (30, 10)].map { ($0, $1, -4) }
        + [(40, 30), (50, 30), (90, 30), (100, 30), (10, 1), (20, 1), (60, 1)].map { ($0, $1, -4.5) }

    /// Behind Fourier features sines have the reference frequency or none.
    static let behindFeatures: [Frequencies] = [(30, 30, 0), (1, 1, -1)]

    private static func inAllLayers(_ frequency: Double, _ prior: Double) -> Frequencies {
        (frequency, frequency, prior)
    }
}
