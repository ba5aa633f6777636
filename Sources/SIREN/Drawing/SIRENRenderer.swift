import Networks

/// Draws the pictures that SIRENs of one convention represent.
package struct SIRENRenderer: Sendable, Hashable {
    /// ω₀, in radians for each unit of a layer's output.
    package let omega0: Float
    package let convention: SIRENConvention
    /// The longest side, in pixels, that is drawn.
    package let sizeLimit: Int

    package init(omega0: Float = 30, convention: SIRENConvention = .nfn, sizeLimit: Int = 512) {
        self.omega0 = omega0
        self.convention = convention
        self.sizeLimit = sizeLimit
    }

    /// Evaluates `network` at the coordinates of a `CoordinateGrid`.
    /// - Returns: the picture, nominally in [−1, 1] in either convention.
    /// - Throws: where the network does not have 2 inputs and 1 or 3 outputs, has convolutions, or a side is not
    ///   between 1 and `sizeLimit`.
    package func picture(
        of network: NetworkWeights, height: Int, width: Int
    ) throws(PictureError) -> Picture {
        try DrawnFunction(network, Notation(convention, omega0: Double(omega0)))
            .picture(height: height, width: width, sizeLimit: sizeLimit)
    }
}
