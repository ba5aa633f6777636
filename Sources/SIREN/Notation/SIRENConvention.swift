import Networks

/// The order of the coordinates and the range of the pixels in one of the two published data sets of SIRENs.
///
/// A SIREN (Sitzmann et al., arXiv 2006.09661) with weights W and biases b is the function
/// u ↦ W_L sin(ω₀ (W_(L−1) … sin(ω₀ (W_0 u + b_0)) … + b_(L−1))) + b_L of the coordinates u of a pixel.
package enum SIRENConvention: String, Sendable, Hashable, CaseIterable {
    /// The data of Neural Functional Networks (Zhou et al., arXiv 2302.14040): u = (row, column), and outputs are
    /// pixels in [−1, 1].
    case nfn
    /// The data of Deep Weight Spaces (Navon et al., arXiv 2301.12780): u = (column, row), and outputs plus ½ are
    /// pixels in [0, 1].
    case dws

    /// The difference between white and black in a network's outputs.
    package var range: Float {
        switch self {
        case .nfn: 2
        case .dws: 1
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
    /// Cuts a vector of parameters, in the order of `flattened`, into layers with the convention's tensor names.
    /// - Throws: where the vector's length is not the spec's parameter count.
    package init(spec: NetworkSpec, flat: [Float], convention: SIRENConvention) throws(NetworkError) {
        try self.init(spec: spec, flat: flat, names: convention.layerNames(of: spec))
    }
}
