import Foundation

/// SplitMix64 (Steele, Lea and Flood, 2014), a pseudorandom generator with the same sequence for the same seed on every
/// machine. It is not cryptographic.
package struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Equal seeds give equal sequences.
    package init(seed: UInt64) { state = seed }

    /// The next 64 bits of the sequence.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number drawn uniformly from 2²⁴ evenly spaced values, from the range's lower bound on.
    package mutating func uniform(in range: ClosedRange<Float>) -> Float {
        let fraction = Float(next() >> 40) / Float(1 << 24)
        return min(range.upperBound, range.lowerBound + (range.upperBound - range.lowerBound) * fraction)
    }

    /// A number drawn from the standard normal distribution, by the Box–Muller transform.
    package mutating func normal() -> Float {
        let radius = (Double(next() >> 11) + 1) / Double(1 << 53)
        let angle = Double(next() >> 11) / Double(1 << 53)
        return Float((-2 * log(radius)).squareRoot() * cos(2 * Double.pi * angle))
    }
}
