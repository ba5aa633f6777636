/// Bounds of the numbers in a configuration: larger than any model needs, but small enough that products of them do not
/// overflow. A damaged or hostile file then gets an error message and does not end the program.
package enum SettingBounds {
    /// Channels, widths, heads, latents, classes: a count of at least one.
    package static let extent = 1...8192
    /// Layers and blocks, of which there may be none.
    package static let depth = 0...256
    /// Neurons of a layer.
    package static let neurons = 1...65536
    /// Pixels of a kernel's side.
    package static let kernel = 1...32
}
