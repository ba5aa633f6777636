import Networks
import SIREN
import Tensors

/// How SIRENs are fitted to pictures: initialisation, coordinates and range of the authors' data, Adam with a rate that
/// falls to zero along a cosine.
package struct FitRecipe: Sendable, Equatable {
    package var hiddenWidth = 32
    package var omega0 = 30.0
    package var steps = 150
    package var rate: Float = 3e-3
    package var seed: UInt64 = 0
    /// Whose data the networks are to be like: initial weights, order of the coordinates, range of the values.
    package var convention = SIRENConvention.nfn
    /// A fit that reaches it stops early.
    package var targetPSNR: Double?

    package init() {}

    /// Two hidden layers of sines between the two coordinates and the picture's channels.
    package func sizes(channels: Int) -> [Int] { [2, hiddenWidth, hiddenWidth, channels] }

    /// The recipe as text; fits of equal texts, sources and views are equal.
    package func summary(channels: Int) -> String {
        let sizes = sizes(channels: channels).map(String.init).joined(separator: "-")
        var text = "siren \(sizes) omega0 \(omega0), adam \(steps) steps, rate \(rate) cosine to 0, seed \(seed)"
        if convention != .nfn { text += ", convention \(convention.rawValue)" }
        if let targetPSNR { text += ", until \(targetPSNR) dB" }
        return text
    }

    /// The parameters that a fit begins with; every picture and view has its own.
    func start(channels: Int, source: Int, view: Int) -> [Float] {
        var mixed = RandomSource(seed: seed)
        var state = mixed.next()
        for number in [source, view] {
            var next = RandomSource(seed: state ^ UInt64(truncatingIfNeeded: number))
            state = next.next()
        }
        let spec = NetworkSpec(sizes: sizes(channels: channels))
        return NetworkWeights.example(spec: spec, seed: state, convention: convention).flattened
    }
}
