import ModelStore
import Models
import SIREN

/// The result for one network of a `/v1` request.
struct ItemAnswer: Sendable {
    let index: Int
    /// The network as it was read; nil where it was not.
    let prepared: PreparedNetwork?
    let outcome: Result<Value, ServiceFault>

    enum Value: Sendable {
        case model(Answer)
        /// A picture, and for a reconstruction the picture that the network itself draws.
        case picture(Picture, reference: Picture?)
    }
}
