/// An edit of a picture that is done on the weights of the network that draws it, without a model and without error
/// beyond the rounding of weights to float32.
package enum ExactEdit: Sendable, Hashable {
    /// The picture at other coordinates: the first layer changes.
    case coordinates(CoordinateMap)
    /// Other values of the same picture: the last layer changes.
    case output(OutputMap)
    /// The same picture in another notation.
    case convert(NotationPreset)
}
