import Engine
import Foundation
import Networks
import NeuralFunctionals
import Tensors

/// Where a new encoder of gated NFT blocks begins that reads single weights and first-layer neurons ("lift_start":
/// "propagation"): its two blocks do what a sine network of two hidden layers does, at K places of the picture.
///
/// Blocks can learn this from a random start, too, but in 10 epochs they did not come as far as from here in a third of one.
/// With x_k[p] = sin(phase of first-layer neuron p at place k), which a lift at places gives to the tokens of W_1:
///
///     block 1, feed-forward part of W_1:  W_1[o, p]_k += G · w · x_k[p]
///     block 2, attention:                 W_2[·, o]_k += h_k[o] = Σ_p ω₀ w_1[o, p] x_k[p] + ω₀ b_1[o] − π/2
///     block 2, feed-forward part of W_2:  W_2[·, o]_k += R · w · cos h_k[o]
///
/// so that the mean of W_2's tokens, which the latents read, is about the value at place k. A product is value ⊙ GELU(gate);
/// the attention is uniform; the cosine is a sum of GELUs. Everything is learned from there on. The networks must be in
/// canonical form: its biases, ω₀ b from 0 to π, have h around 0.
///
/// Of the channels, 0 to K − 1 belong to the places. Of the other reserved ones, `weight` has the weight; `plus` and `minus`
/// have constants B and −B, so large that the deviation by which a norm divides is nearly the same for all tokens of an
/// array, and from which the mean that it subtracts can be read; `first` marks the tokens of W_0, to which those attend that
/// are to receive nothing.
struct PropagationStart {
    /// Rows and columns of the grid of places.
    private let grid: (rows: Int, columns: Int)
    private let channels: Int
    private let heads: Int
    private let spec: NetworkSpec
    /// Of each layer; see `InputTransform.phaseFactors`.
    private let phases: [(weight: Float, bias: Float)]

    /// Channels that no place has.
    static let reserved = 4
    /// Hidden channels that the last weights' feed-forward part needs for each place, and one more for all.
    private static var unitsPerPlace: Int { 2 * cosine.count }

    /// cos h ≈ `cosineOffset` + Σ c · (GELU(h − t) + GELU(−h − t)): a least-squares fit over a normal distribution of
    /// deviation 2.7, which h has in networks fitted to pictures; the deviation of the error is 0.03.
    private static let cosine: [(c: Float, t: Float)] = [(-0.647, 0), (1.29, 3.14), (-1.273, 6.28)]
    private static let cosineOffset: Float = 1.017
    /// Deviations in networks fitted to pictures: of Σ_p ω₀ w_1[o, p] x_k[p] over √2, in radians, and of √n · w_2.
    private static let (phaseSpread, outputSpread): (Float, Float) = (3.65, 0.42)
    /// Initial parameters that belong to nothing of the above are this many times as large as elsewhere.
    private static let quiet: Float = 0.1
    /// G for a weight of deviation 1. Large, so that x_k, which also stays in the token, is little beside the product.
    private static let product: Float = 30
    /// R for a last weight of deviation 1. Large, so that h_k, which also stays in the token, is little beside the product.
    private static let result: Float = 10

    private var places: Int { grid.rows * grid.columns }
    private var weight: Int { places }
    private var plus: Int { places + 1 }
    private var minus: Int { places + 2 }
    private var first: Int { places + 3 }

    /// B before block 1, and after it in the tokens of each array.
    private static let constant: Float = 8
    private static func laterConstant(_ array: Int) -> Float { array == 2 || array == 3 ? 20 * product : 64 }

    /// Rows and columns of a grid of `width` places, of which the rows are as many as the columns or one more; nil where no
    /// grid has as many.
    static func grid(_ width: Int) -> (rows: Int, columns: Int)? {
        let columns = Int(Double(width).squareRoot())
        return [columns, columns + 1].first { $0 * columns == width }.map { ($0, columns) }
    }

    /// - Throws: `ModelError` where the networks are not of the kind, or the blocks too narrow.
    init(
        _ configuration: WeightSpaceEncoderConfiguration, _ spec: NetworkSpec, _ transform: InputTransform
    ) throws(ModelError) {
        let place = "\"lift_start\": \"propagation\""
        guard spec.depth == 3, spec.inputs == 2, transform.activation == .sine, transform.isCanonical else {
            throw ModelError(
                "\(place) is for sine networks of two inputs and two hidden layers in canonical form (input.canonicalize); \"places\" is for others"
            )
        }
        guard let grid = Self.grid(configuration.carriedChannels) else {
            preconditionFailure("a configuration has a grid of places")
        }
        self.grid = grid
        channels = configuration.channels
        heads = configuration.heads
        self.spec = spec
        phases = transform.phaseFactors(depth: spec.depth)
        let places = grid.rows * grid.columns
        for (array, needed) in [(2, places + 1), (4, Self.unitsPerPlace * places + 1)] {
            let factor = configuration.expansions[configuration.expansions.count == 1 ? 0 : array]
            guard factor * channels >= needed else {
                let least = (needed + channels - 1) / channels
                throw ModelError(
                    "\"ff_factor\" of w\(array / 2): \(place) at \(places) places needs at least \(least), received \(factor)"
                )
            }
        }
    }

    /// Writes the start over what was drawn for a new model; does nothing to parameters of a stored one.
    /// - Parameter encoder: with the embedding as `0`, the positions as `1` and the blocks as `2` and `3`.
    func apply(to encoder: ParameterScope) {
        startEmbedding(encoder)
        startFirstBlock(encoder.scope(2))
        startSecondBlock(encoder.scope(3))
    }

    /// A weight of W_1 of deviation 1, in scaled weights.
    private var typicalWeight: Float {
        Self.phaseSpread / Float(spec.layers[1].inputs).squareRoot() / phases[1].weight
    }
    private var typicalOutput: Float {
        Self.outputSpread / Float(spec.layers[2].inputs).squareRoot() / phases[2].weight
    }
    /// What a product is divided by to be ω₀ w x.
    private var productFactor: Float { Self.product / (typicalWeight * phases[1].weight) }
    /// The factor of last weights in their channel.
    private static let outputGain: Float = 5

    /// The deviation, as `SimpleLayerNorm` has it, of a token whose channels have this sum of squares and the mean 0.
    private func deviation(_ squares: Float) -> Float { (squares / Float(channels - 1)).squareRoot() }

    // MARK: Parts

    private func startEmbedding(_ encoder: ParameterScope) {
        let lift = encoder.scope(0)
        lift.redraw("forward.0.weight") { map in
            for place in 0..<places {
                let (row, column) = (place / grid.columns, place % grid.columns)
                map[place, 0] = phases[0].weight * (Float(2 * row + 1) / Float(grid.rows) - 1)
                map[place, 1] = phases[0].weight * (Float(2 * column + 1) / Float(grid.columns) - 1)
                map[place, 2] = phases[0].bias
            }
        }
        lift.redraw("forward.0.bias") { $0.fill(0) }
        for array in 0..<2 * spec.depth {
            let map = lift.scope(array % 2 == 0 ? "weight_maps" : "bias_maps").scope(array / 2)
            map.redraw("weight") { quieten(&$0, rows: 0..<places + Self.reserved) }
            map.redraw("bias") { bias in
                quieten(&bias, rows: 0..<places + Self.reserved)
                (bias[plus, 0], bias[minus, 0]) = (Self.constant, -Self.constant)
                guard array == 3 else { return }
                for place in 0..<places { bias[place, 0] = -productFactor * .pi / 2 }
            }
            map.redraw("weight") { weight in
                switch array {
                case 2:
                    weight[self.weight, 0] = 1 / typicalWeight
                    for place in 0..<places { weight[place, 1 + place] = 1 }
                case 3:
                    for place in 0..<places { weight[place, 0] = productFactor * phases[1].bias }
                case 4: weight[self.weight, 0] = Self.outputGain / typicalOutput
                default: weight[self.weight, 0] = 1
                }
            }
        }
        for name in ["weight_emb", "bias_emb", "inp_emb", "out_emb"] {
            encoder.scope(1).redraw("\(name).weight") { table in
                for row in 0..<table.rows {
                    for channel in 0..<channels {
                        table[row, channel] *= channel < places + Self.reserved ? 0 : Self.quiet
                    }
                }
            }
        }
    }

    private func startFirstBlock(_ block: ParameterScope) {
        startAttention(block)
        startFeedForward(block) { Self.laterConstant($0) - Self.constant }
        let part = block.scope("ff")
        let hidden = part.scope(2).scope("weight_maps").scope(1)
        // value = w, gate = slope · (x_k + shift): nearly linear over −1 … 1. One more gate is the constant slope · shift, whose
        // product is taken off again.
        let (slope, shift): (Float, Float) = (2, 1.6)
        let divisor = deviation(Float(places) / 2 + 1 + 2 * Self.constant * Self.constant)
        var units = 0
        hidden.redraw("weight") { contract in
            units = contract.columns
            for unit in 0...places { contract.clear(column: unit) }
            for place in 0..<places {
                contract[place, place] = Self.product / slope
                contract[place, places] = -Self.product / slope
            }
        }
        let expand = part.scope(0).scope("weight_maps").scope(1)
        expand.redraw("weight") { map in
            for unit in 0...places {
                read(weight, into: &map, unit, divisor)
                map.clear(row: units + unit)
                if unit < places { read(unit, into: &map, units + unit, divisor * slope) }
            }
        }
        expand.redraw("bias") { bias in
            for unit in 0...places { (bias[unit, 0], bias[units + unit, 0]) = (0, slope * shift) }
        }
    }

    private func startSecondBlock(_ block: ParameterScope) {
        startAttention(block)
        startFeedForward(block) { -Self.laterConstant($0) }
        let width = channels / heads
        // Tokens of neuron layer 2: a column of W_1 for each of its inputs, the bias, a row of W_2 for each output.
        let tokens = Float(spec.layers[1].inputs + 1 + spec.layers[2].outputs)
        let large = Self.laterConstant(2)
        let divisor = deviation(2 * large * large + Float(places) / 2 * Self.product * Self.product)
        // The logit by which W_0 is ahead in the attention among arrays.
        let lead: Float = 3
        let qkv = block.scope("attn").scope("to_qkv").scope("linear")
        qkv.redraw("weight") { map in
            for head in 0..<heads {
                let (query, key, value) = (3 * head * width, (3 * head + 1) * width, (3 * head + 2) * width)
                for channel in 0..<width where head * width + channel < places {
                    read(head * width + channel, into: &map, value + channel, tokens * divisor / productFactor)
                }
                map.clear(row: query)
                // In W_0 the three constants make up the deviation.
                read(first, into: &map, key, lead * Float(width).squareRoot() * (3 / Float(channels - 1)).squareRoot())
            }
        }
        qkv.redraw("bias") { bias in
            for head in 0..<heads { bias[3 * head * width, 0] = 1 }
        }

        let part = block.scope("ff")
        // A larger value makes up for a smaller map after it.
        let valueGain: Float = 2
        let constant = Self.laterConstant(4)
        let lastDivisor = deviation(2 * constant * constant + Float(places) * 7.3)
        let offsetUnit = Self.unitsPerPlace * places
        var units = 0
        part.scope(2).scope("weight_maps").scope(2).redraw("weight") { contract in
            units = contract.columns
            forEachUnit { unit, place, _, term in
                contract.clear(column: unit)
                contract[place, unit] = Self.result * term.c / valueGain
            }
            contract.clear(column: offsetUnit)
            // GELU(3) is 3 to within 0.004.
            for place in 0..<places { contract[place, offsetUnit] = Self.result * Self.cosineOffset / (3 * valueGain) }
        }
        let expand = part.scope(0).scope("weight_maps").scope(2)
        expand.redraw("weight") { map in
            forEachUnit { unit, place, sign, _ in
                read(weight, into: &map, unit, lastDivisor * valueGain / Self.outputGain)
                read(place, into: &map, units + unit, lastDivisor * sign)
            }
            read(weight, into: &map, offsetUnit, lastDivisor * valueGain / Self.outputGain)
            map.clear(row: units + offsetUnit)
        }
        expand.redraw("bias") { bias in
            forEachUnit { unit, _, _, term in (bias[unit, 0], bias[units + unit, 0]) = (0, -term.t) }
            (bias[offsetUnit, 0], bias[units + offsetUnit, 0]) = (0, 3)
        }
    }

    /// The hidden channels of the cosine, each with its place, sign and term.
    private func forEachUnit(_ body: (_ unit: Int, _ place: Int, _ sign: Float, _ term: (c: Float, t: Float)) -> Void) {
        var unit = 0
        for term in Self.cosine {
            for sign: Float in [1, -1] {
                for place in 0..<places {
                    body(unit, place, sign, term)
                    unit += 1
                }
            }
        }
    }

    /// Attention without results in the reserved channels, and with small ones elsewhere.
    private func startAttention(_ block: ParameterScope) {
        let qkv = block.scope("attn").scope("to_qkv").scope("linear")
        let width = channels / heads
        qkv.redraw("weight") { map in
            quieten(&map, rows: 0..<0)
            for channel in 0..<places + Self.reserved {
                map.clear(row: (3 * (channel / width) + 2) * width + channel % width)
            }
        }
        qkv.redraw("bias") { $0.fill(0) }
    }

    /// Feed-forward parts without results in the reserved channels but what they add to the constants.
    private func startFeedForward(_ block: ParameterScope, adding step: (_ array: Int) -> Float) {
        for array in 0..<2 * spec.depth {
            let map = block.scope("ff").scope(2).scope(array % 2 == 0 ? "weight_maps" : "bias_maps").scope(array / 2)
            map.redraw("weight") { quieten(&$0, rows: 0..<places + Self.reserved) }
            map.redraw("bias") { bias in
                bias.fill(0)
                (bias[plus, 0], bias[minus, 0]) = (step(array), -step(array))
                guard array == 0 else { return }
                bias[first, 0] = (step(array) > 0 ? 1 : -1) * Self.laterConstant(array)
            }
        }
    }

    /// Clears these rows and makes the others small.
    private func quieten(_ map: inout ParameterRows, rows cleared: Range<Int>) {
        for row in 0..<map.rows {
            for column in 0..<map.columns { map[row, column] *= cleared.contains(row) ? 0 : Self.quiet }
        }
    }

    /// Row `row` of a map of normed tokens becomes `gain` · (x_channel − mean of `plus` and `minus`): what stood in the
    /// channel before the norm, whose mean is taken off again; `gain` contains its divisor.
    private func read(_ channel: Int, into map: inout ParameterRows, _ row: Int, _ gain: Float) {
        map.clear(row: row)
        map[row, channel] = gain
        map[row, plus] = -gain / 2
        map[row, minus] = -gain / 2
    }
}
