import Engine
import Networks

/// What the training of all networks of a zoo has in common.
package struct ZooRecipe: Sendable, Hashable {
    /// Channels of each convolution of 3 × 3 pixels and stride 2.
    package var filters = [16, 16, 16]
    /// Passes over a network's training pictures.
    package var epochs = 18
    /// The epochs after which a network is written, in ascending order; the last is `epochs`.
    package var snapshots = [1, 3, 6, 12, 18]
    /// Pictures of a step.
    package var batch = 512
    /// Of all random numbers, together with a network's number.
    package var seed: UInt64 = 0
    /// Training pictures of a network on which the accuracy on training pictures is measured, at most.
    package var measuredPictures = 10_000

    private static let kernel = 3
    private static let stride = 2

    /// The defaults of each property.
    package init() {}

    /// The convolutions for pictures of that size; nil where the picture is too small for them.
    package func convolutions(channels: Int, height: Int, width: Int) -> [ConvolutionShape]? {
        var (inputs, height, width) = (channels, height, width)
        var shapes: [ConvolutionShape] = []
        for outputs in filters {
            guard min(height, width) >= Self.kernel else { return nil }
            let shape = ConvolutionShape(
                inputs: inputs, height: height, width: width, outputs: outputs, kernel: (Self.kernel, Self.kernel),
                stride: Self.stride)
            shapes.append(shape)
            (inputs, height, width) = (outputs, shape.outputHeight, shape.outputWidth)
        }
        return shapes
    }

    /// The networks' layers: the convolutions and a fully connected one.
    package func spec(channels: Int, classes: Int) -> NetworkSpec {
        NetworkSpec(
            sizes: [channels] + filters + [classes],
            kernels: filters.map { _ in [Self.kernel, Self.kernel] } + [[]])
    }

    /// The recipe as text, which the shards keep: with equal texts, networks of the same number are equal, bit for bit on
    /// one machine.
    func summary(_ data: ZooData) -> String {
        let filters = filters.map(String.init).joined(separator: "-")
        let snapshots = snapshots.map(String.init).joined(separator: ",")
        return """
            zoo: convolutions \(filters), 3x3, stride 2, global average pooling, dense \(data.classes); \(epochs) epochs, \
            snapshots \(snapshots), batch \(batch), seed \(seed); \(data.summary)
            """
    }
}
