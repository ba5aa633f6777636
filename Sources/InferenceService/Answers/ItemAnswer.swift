import ModelStore
import Models
import SIREN

/// The result for one network of a `/v1` request.
struct ItemAnswer: Sendable {
    let index: Int
    /// The network's key in a file that holds several; nil without one.
    let name: String?
    /// The network as it was read; nil where it was not.
    let prepared: PreparedNetwork?
    let outcome: Result<Value, ServiceFault>
    /// What equivalent weights change of the answer; nil where that was not asked for.
    var drift: Drift?

    enum Value: Sendable {
        case model(Answer)
        /// A picture, and for a reconstruction the picture that the network itself draws.
        case picture(Picture, reference: Picture?)
    }
}

/// The networks of an upload, each brought into the form that is computed on.
struct PreparedUpload: Sendable {
    /// In the order of the upload; a network that cannot be read is a failure in its place.
    let networks: [Result<PreparedNetwork, ServiceFault>]
    /// The key of each network in a file that holds several; nil without one.
    let names: [String?]
    /// The paths of members that were passed over.
    let ignored: [String]
    /// Whether one network without an answer fails the request.
    let isStrict: Bool
}
