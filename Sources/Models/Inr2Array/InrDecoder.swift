import Engine
import Networks
import NeuralFunctionals
import SIREN
import Tensors

/// Extents of a picture.
package struct ImageShape: Hashable, Sendable {
    package let height: Int
    package let width: Int
    package let channels: Int

    package init(height: Int, width: Int, channels: Int) {
        self.height = height
        self.width = width
        self.channels = channels
    }

    package var pixels: Int { height * width }
}

/// Maps every latent to the parameters of one small INR and draws the picture from them, cell by cell.
package struct InrDecoder: Sendable {
    package struct Configuration: Sendable {
        package enum Kind: String, CaseIterable, Sendable {
            /// One MLP for every parameter array.
            case sitzmann
            /// One MLP for all of them.
            case simple
        }

        package let kind: Kind
        package let hiddenSize: Int
        package let hiddenLayers: Int
        /// Whether the MLPs' output, scaled, is added to a learned base INR.
        package let isAdditive: Bool

        init(_ settings: Settings) throws(SettingError) {
            kind = try settings.choice("dec_type", default: .sitzmann)
            hiddenSize = try settings.int("dec_hidden_size", in: SettingBounds.extent, default: 256)
            hiddenLayers = try settings.int("dec_hidden_layers", in: SettingBounds.depth, default: 1)
            isAdditive = try settings.bool("additive", default: false)
        }
    }

    /// The sine frequency of the INRs it draws; the reference fixes it.
    private static let omega0: Float = 30

    private let spec: NetworkSpec
    private let image: ImageShape
    private let latents: Int
    /// MLPs in the order of the arrays they produce; the simple decoder's one MLP produces all.
    private let hyperNetworks: [[AffineMap]]
    /// Base parameters and scale of every array, w0, b0, w1, …; empty unless additive.
    private let base: [(values: Matrix, scale: Matrix)]

    package init(
        _ parameters: ParameterScope, _ configuration: Configuration, spec: NetworkSpec, image: ImageShape,
        latents: Int, latentWidth: Int
    ) throws(ModelError) {
        guard spec.inputs == 2, spec.outputs == image.channels else {
            throw ModelError("an INR \(spec.sizes) does not draw a picture of \(image.channels) channels")
        }
        let side = Int(Double(latents).squareRoot().rounded())
        guard side * side == latents else { throw ModelError("\(latents) latents do not form a square grid") }
        self.spec = spec
        self.image = image
        self.latents = latents
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

    /// The parameters of the small INRs: for each array, w0, b0, w1, …, a matrix (batch·latents, entries).
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
    package func draw(_ z: Matrix, batch: Int, in builder: PlanBuilder) -> Matrix {
        let pictures = builder.matrix(rows: batch * image.pixels, columns: image.channels)
        builder.drawSines(decode(z, in: builder), grid, batch: batch, into: pictures)
        return pictures
    }

    private func split(_ all: Matrix) -> [Matrix] {
        var cursor = ColumnCursor(all)
        return Self.arrayCounts(spec).map { cursor.take($0) }
    }

    private var grid: SineGrid {
        let side = Int(Double(latents).squareRoot().rounded())
        let rowCells = Self.cells(pixels: image.height, side: side)
        let columnCells = Self.cells(pixels: image.width, side: side)
        return SineGrid(
            sizes: spec.sizes, omega0: Self.omega0,
            coordinates: Matrix(
                rows: image.pixels, columns: 2,
                values: CoordinateGrid(height: image.height, width: image.width).coordinates),
            cells: rowCells.flatMap { row in columnCells.map { row * side + $0 } }, networks: latents)
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
