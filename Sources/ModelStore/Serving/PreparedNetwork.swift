import Models
import Networks
import SIREN

/// What a client says of an upload where it does not want it guessed.
package struct UploadConvention: Sendable, Hashable {
    package let convention: SIRENConvention?
    package let omega0: Double?

    package init(convention: SIRENConvention? = nil, omega0: Double? = nil) {
        self.convention = convention
        self.omega0 = omega0
    }

    /// The convention asked for, or else the one that the weights show.
    func detection(of network: NetworkWeights) -> ConventionDetection {
        convention.map { ConventionDetection(convention: $0, reason: "as requested", isConfident: true) }
            ?? ConventionDetector.detect(network)
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

    init(features: NetworkWeights, network: NetworkWeights, detection: ConventionDetection?) {
        self.features = features
        self.network = network
        self.detection = detection
    }

    /// A SIREN that no model reads, only drawn: in the `nfn` convention at omega0 = 30.
    package init(drawing network: NetworkWeights, _ upload: UploadConvention) throws(NetworkError) {
        let found = upload.detection(of: network)
        let own = try InputTransform().converted(network, from: found.convention, omega0: upload.omega0)
        self.init(features: own, network: own, detection: found)
    }
}
