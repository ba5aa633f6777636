import Networks

/// What a client says of an upload where it does not want it guessed.
package struct UploadConvention: Sendable, Hashable {
    package let convention: SIRENConvention?
    package let omega0: Double?

    package init(convention: SIRENConvention? = nil, omega0: Double? = nil) {
        self.convention = convention
        self.omega0 = omega0
    }
}

/// A network ready for a model: in the model's convention, in canonical form, scaled.
package struct PreparedNetwork: Sendable {
    /// What the model computes on.
    package let features: NetworkWeights
    /// The uploaded function in the model's convention and omega0, before any canonical form: what is drawn.
    package let network: NetworkWeights
    /// How the upload was understood; nil for networks that have no conventions.
    package let detection: ConventionDetection?
}
