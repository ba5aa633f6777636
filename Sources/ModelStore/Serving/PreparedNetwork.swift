import Engine
import Models
import Networks
import SIREN

/// A network ready for a model.
package struct PreparedNetwork: Sendable {
    /// What a model computes on.
    package enum Content: Sendable {
        /// Weights in the model's notation and in canonical form, of a network with this function between its layers; nil
        /// for that of the model's networks.
        case weights(NetworkWeights, activation: Nonlinearity? = nil)
        /// A function of coordinates, for models that read values: its weights are not those of the model's networks.
        case function(DrawnFunction)
        /// A latent array from which a picture of this size is to be drawn.
        case latents(Latents, ImageShape)

        /// Bytes of the numbers.
        package var byteCount: Int { 4 * valueCount }

        /// Weights and biases, or latents.
        var valueCount: Int {
            switch self {
            case .weights(let network, _): network.spec.parameterCount
            case .function(let function): function.network.spec.parameterCount
            case .latents(let latents, _): latents.values.count
            }
        }
    }

    package let content: Content
    /// The network as it was uploaded.
    package let network: NetworkWeights
    /// The notation that the network was read in; nil for networks that draw no pictures.
    package let reading: NotationReading?
    /// Why the model cannot read the weights, where it reads the function only.
    package let unreadWeights: String?
    /// How a CNN was read; nil for networks that draw pictures.
    package let convolutional: ConvolutionalReading?

    /// What the client says of its notation.
    let claims: NotationClaims
    /// What its file says beside the layers.
    let context: NetworkContext

    /// What the client should know of how it was read, or do.
    package var warnings: [String] { (reading?.warnings ?? []) + (convolutional?.warnings ?? []) }

    init(
        content: Content, network: NetworkWeights, reading: NotationReading?, unreadWeights: String? = nil,
        convolutional: ConvolutionalReading? = nil, claims: NotationClaims = NotationClaims(),
        context: NetworkContext = NetworkContext()
    ) {
        self.convolutional = convolutional
        self.claims = claims
        self.context = context
        self.content = content
        self.network = network
        self.reading = reading
        self.unreadWeights = unreadWeights
    }

    /// A network that no model reads, only drawn.
    package init(drawing network: NetworkWeights, _ claims: NotationClaims, context: NetworkContext) {
        self.init(
            content: .weights(network), network: network,
            reading: NotationDetector.read(network, claims: claims, context: context), claims: claims, context: context)
    }

    /// The picture that the network itself draws.
    /// - Throws: where it draws none, or a side is not between 1 and `sizeLimit`.
    package func picture(height: Int, width: Int, sizeLimit: Int = 512) throws(PictureError) -> Picture {
        if case .function(let function) = content {
            return try function.picture(height: height, width: width, sizeLimit: sizeLimit)
        }
        return try DrawnFunction(network, reading?.notation ?? Notation(), features: reading?.features)
            .picture(height: height, width: width, sizeLimit: sizeLimit)
    }
}
