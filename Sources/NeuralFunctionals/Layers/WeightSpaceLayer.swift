import Engine

/// A layer from features to features of the same networks.
package protocol WeightSpaceLayer: Sendable {
    /// Records the layer's steps; the input is left as it is.
    func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures
}
