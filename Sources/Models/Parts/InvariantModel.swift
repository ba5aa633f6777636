import Engine
import NeuralFunctionals

/// A model that ends in an invariant pool and an MLP, whose outputs are logits of classes or scalars.
package protocol InvariantModel: Model {
    /// Whether its outputs are logits of classes, and not scalars.
    var classifies: Bool { get }
    /// The number of classes or scalars.
    var outputCount: Int { get }
    /// *Shapes:* single-channel features → (batch, outputs).
    /// - Parameter mix: applied to the pooled features before the head reads them, for mixup in training.
    func callAsFunction(_ x: WeightSpaceFeatures, mix: (Matrix) -> Matrix, in builder: PlanBuilder) -> Matrix
}

extension InvariantModel {
    /// Classes, or scalars without labels.
    package var outputs: [OutputDescription] { [OutputDescription(classifies ? .classes : .scalars, [outputCount])] }

    /// Records one forward pass for all of `outputs`.
    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        let values = self(pass.scaledWeights, mix: pass.mixed, in: pass.builder)
        return try outputs.map { output throws(ModelError) in
            switch output {
            case .classes where classifies: return .classes(RecordedClasses("weights", values))
            case .scalars where !classifies: return .scalars(values)
            default: throw Self.notOffered(output)
            }
        }
    }
}
