import Engine

/// A layer that maps features of networks to features of the same networks, in general with another number of channels.
package protocol WeightSpaceLayer: Sendable {
    /// Records the layer's steps and returns the features that they will write. x is not changed. Traps where x does
    /// not have the channels that the layer was built for.
    func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures
}
