/// The two published ways in which SIRENs of pictures read coordinates and write pixels.
package enum SIRENConvention: String, Sendable, Hashable, CaseIterable {
    /// The neural-functional-networks data: the first coordinate is the row, outputs are pixels in [-1, 1].
    case nfn
    /// The deep-weight-spaces data: the first coordinate is x, outputs plus one half are pixels in [0, 1].
    case dws

    /// How far apart black and white are in what a network computes.
    package var range: Float {
        switch self {
        case .nfn: 2
        case .dws: 1
        }
    }

    package var summary: String {
        switch self {
        case .nfn: "first coordinate is the row, output in [-1, 1] without an offset"
        case .dws: "first coordinate is x, output + 0.5 in [0, 1]"
        }
    }
}
