import Engine
import Models
import Networks
import NeuralFunctionals
import Tensors
import Testing

/// The classifier of an INR's values against plain loops in float64.
@Suite struct ProbeClassifierTests {
    @Test("dense layers read the values at all probes, probe after probe", arguments: SampleSpec.pictures)
    func denseHead(_ sample: SampleSpec) throws {
        try expectAgreement(#"{"n_classes": 3, "n_probes": 5, "hidden": [6, 4]}"#, sample.spec) { parameters, values in
            let head = parameters.scope("head")
            let hidden = head.scope("0").affine(values.flatMap { $0 }).map(gelu)
            return head.scope("4").affine(head.scope("2").affine(hidden).map(gelu))
        }
    }

    @Test("a picture network reads a grid of probes, halved at every stage", arguments: SampleSpec.pictures)
    func convolutionalHead(_ sample: SampleSpec) throws {
        try expectAgreement(
            #"{"n_classes": 3, "grid": [6, 9], "head": "conv", "channels": [3, 4, 2], "num_blocks": [2, 1]}"#,
            sample.spec
        ) { parameters, values in
            let head = parameters.scope("head")
            var picture = Pixels(values: values, height: 6, width: 9).convolved(head.scope("stem")).activated
            for (index, blocks) in [2, 1].enumerated() {
                let stage = head.scope("stages").scope(String(index))
                picture = picture.convolved(stage.scope("reduce")).halved.activated
                for block in 0..<blocks {
                    let scope = stage.scope("blocks").scope(String(block))
                    let inner = picture.convolved(scope.scope("first")).activated
                    let change = inner.convolved(scope.scope("second")).activated
                    picture.values = zip(picture.values, change.values).map { zip($0, $1).map(+) }
                }
            }
            #expect((picture.height, picture.width) == (1, 2))
            let largest = picture.values[0].indices.map { channel in picture.values.map { $0[channel] }.max() ?? 0 }
            return head.scope("linear").affine(largest.map { 0.25 * $0 })
        }
    }

    @Test("a mirrored model averages the logits of the picture and of its mirror image", arguments: [0, 1])
    func mirrored(columnInput: Int) throws {
        let json = #"{"n_classes": 3, "grid": [6, 8], "head": "conv", "channels": [3, 4], "num_blocks": [1]"#
        let spec = SampleSpec.pictures[0].spec
        let plain = ParameterReader(drawing: 3)
        func logits(_ options: String, _ values: FeatureValues, _ parameters: ParameterScope) throws -> [Float] {
            let model = try ProbeClassifier(
                parameters, try ProbeConfiguration(try settings(json + options + "}")), spec: spec, omega0: 2,
                columnInput: columnInput)
            return summarize(values) { model($0, in: $1) }
        }
        let values = FeatureValues(spec, batch: 2, channels: 1)
        var turned = values
        // f(u) with one coordinate negated: that input's weights are negated.
        turned.weights[0] = Tensor(
            shape: values.weights[0].shape,
            values: values.weights[0].values.enumerated().map {
                $0.offset % 2 == columnInput ? -$0.element : $0.element
            })
        let own = try logits("", values, plain.root)
        let other = try logits("", turned, ParameterReader(plain.dictionary).root)
        let mirrored = try logits(#", "mirrored": true"#, values, ParameterReader(plain.dictionary).root)
        #expect(largestDifference(mirrored, zip(own, other).map { ($0 + $1) / 2 }) < 1e-5)
        #expect(largestDifference(own, other) > 1e-3)
        // Of a network whose weights are not read, the values at both grids are known.
        let model = try ProbeClassifier(
            ParameterReader(plain.dictionary).root,
            try ProbeConfiguration(try settings(json + #", "mirrored": true}"#)),
            spec: spec, omega0: 2, columnInput: columnInput)
        let places = try #require(model.probeCoordinates)
        let coordinates = places.read()
        let builder = PlanBuilder(threads: 1)
        let found = stride(from: 0, to: coordinates.count, by: 2).map { first in
            Float(Self.value(of: values.network(0), at: coordinates[first..<first + 2].map(Double.init), 2)[0])
        }
        let drawn = builder.matrix(rows: places.rows, columns: 1)
        let logits = try model.recordClasses(ofValues: drawn, in: builder).logits
        let plan = builder.finish(keeping: [drawn, logits])
        drawn.write(found)
        plan.run(WorkerPool(threads: 1))
        #expect(largestDifference(logits.read(), Array(mirrored.prefix(3))) < 1e-4)
        #expect(throws: SettingError.self) {
            try ProbeConfiguration(try settings(#"{"n_classes": 3, "n_probes": 5, "hidden": [6], "mirrored": true}"#))
        }
    }

    /// Compares the logits of two networks with what `head` makes of their values at the probes.
    private func expectAgreement(
        _ json: String, _ spec: NetworkSpec, _ head: (ReferenceParameters, [Vector]) -> Vector
    ) throws {
        let configuration = try ProbeConfiguration(try settings(json))
        let omega0: Float = 2
        func make(_ parameters: ParameterScope) throws -> ProbeClassifier {
            try ProbeClassifier(parameters, configuration, spec: spec, omega0: omega0)
        }
        let fresh = ParameterReader(drawing: 3)
        _ = try make(fresh.root)
        let dictionary = fresh.dictionary.randomized(seed: 4)
        let values = FeatureValues(spec, batch: 2, channels: 1)
        let model = try make(ParameterReader(dictionary).root)
        let logits = summarize(values) { model($0, in: $1) }
        let parameters = ReferenceParameters(dictionary: dictionary)
        let places = parameters.values("places")
        let reference = (0..<2).flatMap { index in
            let network = values.network(index)
            let drawn = stride(from: 0, to: places.count, by: spec.inputs).map { first in
                Self.value(of: network, at: Array(places[first..<first + spec.inputs]), Double(omega0))
            }
            return head(parameters, drawn)
        }
        #expect(logits.count == 6)
        #expect(largestError(logits, reference) < 1e-5)
    }

    /// W_L sin(ω₀ (… sin(ω₀ (W₀ x + b₀)) …)) + b_L.
    private static func value(of network: FeatureValues, at place: Vector, _ omega0: Double) -> Vector {
        network.spec.layers.indices.reduce(place) { x, layer in
            (0..<network.spec.layers[layer].outputs).map { output in
                let sum = x.indices.reduce(Double(network.biases[layer].values[output])) {
                    $0 + Double(network.weights[layer].values[output * x.count + $1]) * x[$1]
                }
                return layer < network.spec.depth - 1 ? sine(omega0 * sum) : sum
            }
        }
    }
}

/// A picture whose pixels are vectors of channels.
private struct Pixels {
    var values: [Vector]
    let height: Int
    let width: Int

    /// A 3 × 3 convolution with a padding of zeros, whose weight reads a neighbourhood row by row, a pixel's channels
    /// together.
    func convolved(_ parameters: ReferenceParameters) -> Pixels {
        let zeros = Vector(repeating: 0, count: values[0].count)
        func pixel(_ row: Int, _ column: Int) -> Vector {
            (0..<height).contains(row) && (0..<width).contains(column) ? values[row * width + column] : zeros
        }
        var result: [Vector] = []
        for row in 0..<height {
            for column in 0..<width {
                var patch: Vector = []
                for line in row - 1...row + 1 {
                    for place in column - 1...column + 1 { patch += pixel(line, place) }
                }
                result.append(parameters.affine(patch))
            }
        }
        return Pixels(values: result, height: height, width: width)
    }

    /// The largest value of every 2 × 2 pixels.
    var halved: Pixels {
        var result: [Vector] = []
        for row in 0..<height / 2 {
            for column in 0..<width / 2 {
                let first = 2 * row * width + 2 * column
                let four = [first, first + 1, first + width, first + width + 1].map { values[$0] }
                result.append(values[0].indices.map { channel in four.map { $0[channel] }.max() ?? 0 })
            }
        }
        return Pixels(values: result, height: height / 2, width: width / 2)
    }

    /// GELU of the values, normalised over the whole picture.
    var activated: Pixels {
        let all = values.flatMap(\.self)
        let mean = all.reduce(0, +) / Double(all.count)
        let variance = all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count)
        var result = self
        result.values = values.map { $0.map { gelu(($0 - mean) / (variance + 1e-5).squareRoot()) } }
        return result
    }
}
