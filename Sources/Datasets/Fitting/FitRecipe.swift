import Networks
import SIREN
import Tensors

/// How SIRENs are fitted to pictures: layer sizes, initial weights, and Adam with a learning rate that falls to zero
/// along a cosine.
package struct FitRecipe: Sendable, Equatable {
    /// Neurons of each hidden layer.
    package var hiddenWidth = 32
    /// The number of hidden layers.
    package var hiddenLayers = 2
    /// ω₀, in radians for each unit of a layer's output.
    package var omega0 = 30.0
    /// Steps of Adam; each reads all pixels.
    package var steps = 150
    /// The initial learning rate.
    package var rate: Float = 3e-3
    /// The seed of the initial weights.
    package var seed: UInt64 = 0
    /// The data set that the networks follow in initial weights, order of coordinates and range of values.
    package var convention = SIRENConvention.nfn
    /// The peak signal-to-noise ratio, in dB, at which a fit stops early; nil to do all steps.
    package var targetPSNR: Double?

    /// The defaults of each property.
    package init() {}

    /// Neurons of every layer, from the two coordinates to the picture's channels.
    package func sizes(channels: Int) -> [Int] {
        [2] + [Int](repeating: hiddenWidth, count: hiddenLayers) + [channels]
    }

    /// The recipe as text, which a folder of shards keeps: with equal texts, fits of the same picture and restart are
    /// equal, bit for bit on one machine.
    package func summary(channels: Int) -> String {
        let sizes = sizes(channels: channels).map(String.init).joined(separator: "-")
        var text = "siren \(sizes) omega0 \(omega0), adam \(steps) steps, rate \(rate) cosine to 0, seed \(seed)"
        if convention != .nfn { text += ", convention \(convention.rawValue)" }
        if let targetPSNR { text += ", until \(targetPSNR) dB" }
        return text
    }

    /// The initial parameters, w0, b0, w1, b1, …, of a fit; they differ between pictures and between restarts.
    func start(channels: Int, source: Int, restart: Int) -> [Float] {
        var mixed = RandomSource(seed: seed)
        var state = mixed.next()
        for number in [source, restart] {
            var next = RandomSource(seed: state ^ UInt64(truncatingIfNeeded: number))
            state = next.next()
        }
        return SIRENInitializer(convention: convention, omega0: Float(omega0))
            .network(NetworkSpec(sizes: sizes(channels: channels)), seed: state).flattened
    }
}
