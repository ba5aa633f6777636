import Engine
import Networks
import NeuralFunctionals
import SIREN
import Tensors

/// Decodes each latent into the parameters of a small INR by MLPs (hypernetworks), and draws a picture with all INRs of
/// a network: the √latents × √latents INRs form a grid over the picture, and each pixel is drawn by the one nearest to
/// it.
package struct InrDecoder: Sendable {
    /// Settings of the decoder.
    package struct Configuration: Sendable {
        /// How the MLPs divide the parameters of an INR.
        package enum Kind: String, CaseIterable, Sendable {
            /// One MLP for every parameter array.
            case sitzmann
            /// One MLP for all of them.
            case simple
        }

        /// `dec_type`, by default `sitzmann`.
        package let kind: Kind
        /// `dec_hidden_size`, by default 256: width of the MLPs' hidden layers.
        package let hiddenSize: Int
        /// `dec_hidden_layers`, by default 1; `sitzmann` has one more than that.
        package let hiddenLayers: Int
        /// `additive`, by default false. Whether the parameters of an INR are base + scale · MLP(latent), with a
        /// learned base and scale for every array; otherwise MLP(latent).
        package let isAdditive: Bool

        init(_ settings: Settings) throws(SettingError) {
            kind = try settings.choice("dec_type", default: .sitzmann)
            hiddenSize = try settings.int("dec_hidden_size", in: SettingBounds.extent, default: 256)
            hiddenLayers = try settings.int("dec_hidden_layers", in: SettingBounds.depth, default: 1)
            isAdditive = try settings.bool("additive", default: false)
        }
    }

    /// ω₀ of the INRs that it draws, the reference's constant.
    private static let omega0: Float = 30

    private let spec: NetworkSpec
    /// Rows and columns of the INRs of a picture.
    private let side: Int
    /// The affine maps of each MLP: for `sitzmann` one MLP for each array, w0, b0, w1, …; for `simple` one for all
    /// arrays together.
    private let hyperNetworks: [[AffineMap]]
    /// Base parameters and scale of every array, w0, b0, w1, …; empty unless additive.
    private let base: [(values: Matrix, scale: Matrix)]

    /// Reads `decoder.0.…` and, where additive, `init_params.i` and `additive_scales.i`.
    /// - Parameters:
    ///   - spec: shapes of the small INRs.
    ///   - latents: INRs of a picture, a square number.
    ///   - latentWidth: channels of a latent.
    /// - Throws: `ModelError` unless the INRs map 2 coordinates to the picture's channels and their number is a
    ///   square.
    package init(
        _ parameters: ParameterScope, _ configuration: Configuration, spec: NetworkSpec, image: ImageShape,
        latents: Int, latentWidth: Int
    ) throws(ModelError) {
        guard spec.inputs == 2, spec.outputs == image.channels else {
            throw ModelError("an INR \(spec.sizes) does not draw a picture of \(image.channels) channels")
        }
        guard let side = latents.squareSide else { throw ModelError("\(latents) latents do not form a square grid") }
        self.spec = spec
        self.side = side
        let counts = Self.arrayCounts(spec)
        let decoder = parameters.scope("decoder").scope(0)
        switch configuration.kind {
        case .sitzmann:
            hyperNetworks = counts.enumerated().map { index, count in
                Self.mlp(
                    decoder.scope("hnets").scope(index), inputs: latentWidth, hidden: configuration.hiddenSize,
                    hiddenLayers: configuration.hiddenLayers + 1, outputs: count)
            }
        case .simple:
            hyperNetworks = [
                Self.mlp(
                    decoder.scope("hnet"), inputs: latentWidth, hidden: configuration.hiddenSize,
                    hiddenLayers: configuration.hiddenLayers, outputs: spec.parameterCount)
            ]
        }
        let shapes = spec.layers.flatMap { [[$0.outputs, $0.inputs], [$0.outputs]] }
        let bounds = SIRENInitializer(omega0: Self.omega0).bounds(of: spec)
        base =
            configuration.isAdditive
            ? shapes.enumerated().map { index, shape in
                let values = parameters.scope("init_params").matrix(
                    String(index), shape, rows: 1, columns: shape.reduce(1, *), .uniform(bound: bounds[index]))
                // A uniform distribution within ±b has the standard deviation b / √3.
                let std = bounds[index] / Float(3).squareRoot()
                return (values, parameters.scope("additive_scales").scalar(String(index), .constant(std)))
            } : []
    }

    /// *Shapes:* latents (batch·latents, width) → the parameters of as many INRs: for each array, w0, b0, w1, …, a
    /// matrix (batch·latents, entries).
    package func decode(_ z: Matrix, in builder: PlanBuilder) -> [Matrix] {
        let raw = hyperNetworks.map { layers in
            layers.enumerated().reduce(z) { x, step in
                let y = builder.apply(step.element, to: x)
                if step.offset < layers.count - 1 { builder.activate(y, .relu) }
                return y
            }
        }
        let arrays = raw.count == 1 ? split(raw[0]) : raw
        guard !base.isEmpty else { return arrays }
        return zip(arrays, base).map { array, own in
            let scaled = builder.matrix(rows: array.rows, columns: array.columns)
            builder.scale(array, by: own.scale, into: scaled)
            builder.broadcast(own.values, Axes(outer: 1, middle: array.rows), into: scaled)
            return scaled
        }
    }

    /// *Shapes:* latents (batch·latents, width) → pictures (batch·pixels, channels), values nominally in [−1, 1].
    /// - Parameter image: of any height and width; its channels are those of the INRs.
    package func draw(_ z: Matrix, batch: Int, _ image: ImageShape, in builder: PlanBuilder) -> Matrix {
        let pictures = builder.matrix(rows: batch * image.pixels, columns: image.channels)
        builder.drawSines(decode(z, in: builder), grid(image), batch: batch, into: pictures)
        return pictures
    }

    private func split(_ all: Matrix) -> [Matrix] {
        var cursor = ColumnCursor(all)
        return Self.arrayCounts(spec).map { cursor.take($0) }
    }

    private func grid(_ image: ImageShape) -> SineGrid {
        let rowCells = Self.cells(pixels: image.height, side: side)
        let columnCells = Self.cells(pixels: image.width, side: side)
        return SineGrid(
            sizes: spec.sizes, omega0: Self.omega0,
            coordinates: Matrix(
                rows: image.pixels, columns: 2,
                values: CoordinateGrid(height: image.height, width: image.width).coordinates),
            cells: rowCells.flatMap { row in columnCells.map { row * side + $0 } }, networks: side * side)
    }

    /// round((side − 1)·k / (pixels − 1)) for every pixel k of an axis, halves to even, in exact integers.
    static func cells(pixels: Int, side: Int) -> [Int] {
        guard pixels > 1 else { return [0] }
        return (0..<pixels).map { pixel in
            let (quotient, remainder) = ((side - 1) * pixel).quotientAndRemainder(dividingBy: pixels - 1)
            let twice = 2 * remainder
            if twice == pixels - 1 { return quotient + quotient % 2 }
            return twice > pixels - 1 ? quotient + 1 : quotient
        }
    }

    private static func arrayCounts(_ spec: NetworkSpec) -> [Int] {
        spec.layers.flatMap { [$0.outputs * $0.inputs, $0.outputs] }
    }

    /// Linear–ReLU layers and a last Linear; PyTorch numbers them 0, 2, 4, …
    private static func mlp(
        _ parameters: ParameterScope, inputs: Int, hidden: Int, hiddenLayers: Int, outputs: Int
    ) -> [AffineMap] {
        (0...hiddenLayers).map { index in
            parameters.scope(2 * index).affine(
                inputs: index == 0 ? inputs : hidden, outputs: index == hiddenLayers ? outputs : hidden)
        }
    }
}
