import Models
import Networks
import SIREN

/// The SIREN convention and frequency of an upload as the client gives them.
package struct UploadConvention: Sendable, Hashable {
    /// nil to detect the convention from the weights.
    package let convention: SIRENConvention?
    /// ω₀, in radians for each unit of a layer's output; nil for the model's.
    package let omega0: Double?

    /// Without arguments, the convention is detected and ω₀ is the model's.
    package init(convention: SIRENConvention? = nil, omega0: Double? = nil) {
        self.convention = convention
        self.omega0 = omega0
    }

    /// The given convention, or else the one that `ConventionDetector` detects.
    func detection(of network: NetworkWeights) -> ConventionDetection {
        convention.map { ConventionDetection(convention: $0, reason: "as requested", isConfident: true) }
            ?? ConventionDetector.detect(network)
    }
}

/// An uploaded network in the form that a model reads.
package struct PreparedNetwork: Sendable {
    /// The weights that the model reads: in its convention and frequency and, where it asks for it, in canonical form.
    /// The model's plan multiplies the arrays by their scales.
    package let features: NetworkWeights
    /// The uploaded network in the model's convention and frequency, not in canonical form; for drawing its picture.
    package let network: NetworkWeights
    /// The upload's convention, and why it was chosen; nil for networks other than SIRENs, which have none.
    package let detection: ConventionDetection?

    init(features: NetworkWeights, network: NetworkWeights, detection: ConventionDetection?) {
        self.features = features
        self.network = network
        self.detection = detection
    }

    /// A SIREN for drawing without a model: converted to the `nfn` convention and ω₀ = 30.
    /// - Throws: where the network has no convention, or a weight leaves the range of float32.
    package init(drawing network: NetworkWeights, _ upload: UploadConvention) throws(NetworkError) {
        let found = upload.detection(of: network)
        let own = try InputTransform().converted(network, from: found.convention, omega0: upload.omega0)
        self.init(features: own, network: own, detection: found)
    }
}
