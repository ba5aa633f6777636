import Engine

/// A layer that makes features of networks from other features of the same networks.
package protocol WeightSpaceLayer: Sendable {
    /// Records the layer's steps and returns the features that they will write; x is not changed.
    func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures
}
