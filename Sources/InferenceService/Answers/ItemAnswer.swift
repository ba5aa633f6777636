import ModelStore
import Networks

/// What became of one network of a request.
struct ItemAnswer: Sendable {
    let index: Int
    let detection: ConventionDetection?
    let outcome: Result<Value, ServiceFault>

    enum Value: Sendable {
        /// Rows of the model's result.
        case values([Float])
        case picture(Picture, reference: Picture?)
    }
}
