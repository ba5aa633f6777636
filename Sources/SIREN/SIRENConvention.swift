import Networks

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

    /// The names that the data's PyTorch modules give their tensors: `net.0.linear.weight`, …, `net.2.bias` for nfn,
    /// `seq.0.weight`, …, `seq.2.bias` for dws.
    package func layerNames(of spec: NetworkSpec) -> [LayerNames] {
        switch self {
        case .nfn: spec.defaultNames
        case .dws:
            spec.layers.indices.map { LayerNames(weight: "seq.\($0).weight", bias: "seq.\($0).bias") }
        }
    }
}

extension NetworkWeights {
    /// Cuts a vector of parameters, in the order w0, b0, w1, b1, …, into layers with the convention's tensor names.
    /// - Throws: where the vector's length is not the spec's parameter count.
    package init(spec: NetworkSpec, flat: [Float], convention: SIRENConvention) throws(NetworkError) {
        try self.init(spec: spec, flat: flat, names: convention.layerNames(of: spec))
    }
}
