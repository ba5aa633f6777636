import Engine
import Foundation
import Networks
import Tensors
import Testing

@testable import SIREN

@Suite("Edits of a picture on the weights")
struct EditingTests {
    /// A network whose picture has detail, of a spread that gives angles of a few radians.
    private static func network(
        _ sizes: [Int] = [2, 12, 10, 1], _ notation: Notation = .nfn, features: FourierFeatures? = nil, seed: UInt64 = 1
    ) -> NotatedNetwork {
        var random = RandomSource(seed: seed)
        let spec = NetworkSpec(sizes: sizes)
        var weights = NetworkWeights.example(spec: spec, seed: seed)
        for (index, layer) in weights.layers.enumerated() {
            let isHidden = index < weights.layers.count - 1
            let factor = isHidden && notation.activation == .sine ? Float(notation.factor(ofLayer: index)) : 1
            let bound = (index == 0 && features == nil ? 4 : 1.5) / (Float(layer.weight.shape[1]).squareRoot() * factor)
            weights.layers[index].weight.values = layer.weight.values.map { _ in random.uniform(in: -bound...bound) }
            weights.layers[index].bias.values = layer.bias.values.map { _ in random.uniform(in: -bound...bound) }
        }
        return NotatedNetwork(weights, notation, features: features)
    }

    private static func features(_ count: Int, scale: Float, startsWithSines: Bool, seed: UInt64) -> FourierFeatures {
        var random = RandomSource(seed: seed)
        return FourierFeatures(
            matrix: (0..<2 * count).map { _ in random.uniform(in: -1...1) / scale * 4 }, coordinates: 2, scale: scale,
            startsWithSines: startsWithSines)
    }

    /// Networks of every notation that changes how coordinates are read.
    static let networks: [NotatedNetwork] = {
        let notations = [
            Notation.nfn, .dws, NotationPreset.coin.notation, NotationPreset.sirenPytorch.notation,
            NotationPreset.relu.notation, Notation(activation: .tanh, omega0: 1, coordinates: .unit, values: .unit),
            Notation(omega0: 20, order: .columnsFirst, coordinates: Interval(0, 1), values: .unit),
            Notation(omega0: 30, hiddenOmega0: 7, coordinates: Interval(-0.5, 2), values: Interval(-1, 3)),
        ]
        let plain = notations.enumerated().map { index, notation in
            network([2, 12, 10, index.isMultiple(of: 2) ? 1 : 3], notation, seed: UInt64(index))
        }
        let relu = Notation(activation: .relu, omega0: 1, order: .columnsFirst, coordinates: .unit, values: .unit)
        return plain + [
            network([10, 9, 1], relu, features: features(5, scale: 1, startsWithSines: true, seed: 3)),
            network(
                [8, 9, 3], .nfn, features: features(4, scale: Float(2 * Double.pi), startsWithSines: false, seed: 4)),
            network([2, 1], Notation(.nfn), seed: 9),
        ]
    }()

    private static func grid(_ side: Int = 9) -> [Float] {
        CoordinateGrid(height: side, width: side).coordinates
    }

    private func pixels(_ network: NotatedNetwork, _ coordinates: [Float] = grid()) throws -> [Float] {
        try network.function().pixels(at: coordinates)
    }

    private func difference(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    private func edited(_ network: NotatedNetwork, _ list: String) throws -> NotatedNetwork {
        try EditStep.list(list).reduce(network) { network, step in
            guard case .exact(let edit) = step.action else { return network }
            return try network.applying(edit)
        }
    }

    /// Where the edited picture looks at the old one: from (row, column) with −1 at the top and left.
    private static let places: [(String, @Sendable (Double, Double) -> (Double, Double))] = [
        ("rotate:90", { ($1, -$0) }), ("rotate:-270", { ($1, -$0) }), ("rotate:180", { (-$0, -$1) }),
        (
            "rotate:30",
            { row, column in
                // x to the right and y up, turned back by 30 degrees.
                let (x, y, c, s) = (column, -row, cos(Double.pi / 6), 0.5)
                return (-(-s * x + c * y), c * x + s * y)
            }
        ),
        ("mirror:x", { ($0, -$1) }), ("mirror:y", { (-$0, $1) }),
        ("translate:0.25:-0.125", { ($0 + 0.25, $1 - 0.5) }), ("zoom:2", { ($0 / 2, $1 / 2) }),
        ("zoom:0.5", { (2 * $0, 2 * $1) }),
        // The lower left quarter, and its middle column.
        ("crop:0:0.5:0.5:0.5", { ($0 / 2 + 0.5, $1 / 2 - 0.5) }),
        ("mirror:x,translate:0.5:0,rotate:90", { row, column in (column, -(-row - 1)) }),
    ]

    @Test("the edited picture is the old one at other coordinates, in every notation", arguments: 0..<11)
    func coordinates(_ index: Int) throws {
        let network = Self.networks[index]
        for (edit, place) in Self.places {
            let grid = Self.grid()
            let moved = stride(from: 0, to: grid.count, by: 2).flatMap { index -> [Float] in
                let (row, column) = place(Double(grid[index]), Double(grid[index + 1]))
                return [Float(row), Float(column)]
            }
            let result = try edited(network, edit)
            #expect(difference(try pixels(result), try pixels(network, moved)) < 1e-5, "\(edit)")
            #expect(zip(result.weights.layers.dropFirst(), network.weights.layers.dropFirst()).allSatisfy { $0 == $1 })
        }
    }

    @Test("quarter turns and mirrors are those of the array of pixels")
    func orientation() throws {
        let network = Self.network()
        let (side, old) = (9, try pixels(network))
        func at(_ row: Int, _ column: Int) -> Float { old[row * side + column] }
        let forms: [(String, (Int, Int) -> Float)] = [
            ("rotate:90", { at($1, side - 1 - $0) }), ("mirror:x", { at($0, side - 1 - $1) }),
            ("mirror:y", { at(side - 1 - $0, $1) }),
        ]
        for (edit, form) in forms {
            let wanted = (0..<side * side).map { form($0 / side, $0 % side) }
            #expect(difference(try pixels(try edited(network, edit)), wanted) < 1e-6, "\(edit)")
        }
        // Two columns to the right: what was in column 0 is in column 2.
        let moved = try pixels(try edited(network, "translate:0.25:0"))
        #expect(difference((0..<side).map { moved[$0 * side + 2] }, (0..<side).map { at($0, 0) }) < 1e-5)
    }

    @Test("four quarter turns give the same bits, and a turn back the same picture")
    func returns() throws {
        let network = Self.network()
        #expect(try edited(network, "rotate:90,rotate:90,rotate:90,rotate:90").weights == network.weights)
        #expect(difference(try pixels(try edited(network, "rotate:40,rotate:-40")), try pixels(network)) < 1e-5)
    }

    @Test("brightness, contrast and inversion act on the values about black, white and grey", arguments: 0..<11)
    func outputs(_ index: Int) throws {
        let network = Self.networks[index]
        let old = try pixels(network)
        let forms: [(String, (Float) -> Float)] = [
            ("brightness:0.25", { $0 + 0.5 }), ("contrast:1.75", { 1.75 * $0 }), ("contrast:0", { _ in 0 }),
            ("invert", { -$0 }), ("invert,brightness:-0.5", { -$0 - 1 }),
        ]
        for (edit, form) in forms {
            let result = try edited(network, edit)
            #expect(difference(try pixels(result), old.map(form)) < 1e-5, "\(edit)")
            #expect(zip(result.weights.layers.dropLast(), network.weights.layers.dropLast()).allSatisfy { $0 == $1 })
        }
    }

    @Test("a conversion draws the same picture, also behind Fourier features")
    func conversions() throws {
        for network in Self.networks where network.notation.activation == .sine {
            for preset in [NotationPreset.nfn, .dws, .coin, .sirenPytorch] {
                let result = try network.applying(.convert(preset))
                #expect(result.notation == preset.notation)
                #expect(difference(try pixels(result), try pixels(network)) < 1e-5, "\(preset)")
            }
        }
        let error = #expect(throws: EditError.self) { try Self.networks[4].applying(.convert(.nfn)) }
        #expect(error?.detail.hasPrefix("convert:nfn: ") == true)
    }

    @Test("a blend of networks of any widths and notations draws the weighted sum of their pictures")
    func blend() throws {
        let first = Self.network([2, 7, 5, 3], .dws, seed: 5)
        let second = Self.network([2, 9, 6, 3], NotationPreset.sirenPytorch.notation, seed: 6)
        for weight in [0, 0.3, 1, 1.5] {
            let sum = try NotatedNetwork.weightedSum([first, second], coefficients: [1 - weight, weight])
            let wanted = zip(try pixels(first), try pixels(second)).map {
                Float((1 - weight) * Double($0) + weight * Double($1))
            }
            #expect(difference(try pixels(sum), wanted) < 1e-5)
            #expect(sum.weights.spec.sizes == [2, 16, 11, 3] && sum.notation == .dws)
        }
        let mean = try NotatedNetwork.weightedSum(
            Array(repeating: first, count: 4), coefficients: [0.25, 0.25, 0.25, 0.25])
        #expect(difference(try pixels(mean), try pixels(first)) < 1e-5)
        let line = Self.network([2, 1], seed: 3)
        let lines = try NotatedNetwork.weightedSum([line, line], coefficients: [0.5, 0.5])
        #expect(lines.weights.spec.sizes == [2, 1])
        #expect(difference(try pixels(lines), try pixels(line)) < 1e-6)
    }

    @Test("a sum with more parameters than the limit is refused before its layers are made")
    func sumLimit() throws {
        let own = Self.network([2, 3, 2, 1])
        // 2-6-4-1.
        let count = 6 * 3 + 4 * 7 + 1 * 5
        let halves = [0.5, 0.5]
        let sum = try NotatedNetwork.weightedSum([own, own], coefficients: halves, parameterLimit: count)
        #expect(sum.weights.spec.parameterCount == count)
        let tight = #expect(throws: EditError.self) {
            try NotatedNetwork.weightedSum([own, own], coefficients: halves, parameterLimit: count - 1)
        }
        #expect(tight?.code == .tooLarge && tight?.detail.contains("\(count)") == true)
        #expect(throws: EditError.self) { try NotatedNetwork.mean([own, own], parameterLimit: count - 1) }
        // Small networks whose sum has a layer of (N + 1)² weights.
        let wide = [[2, 1 << 20, 1, 1], [2, 1, 1 << 20, 1]].map { sizes in
            NotatedNetwork(NetworkWeights.example(spec: NetworkSpec(sizes: sizes), seed: 1), .nfn)
        }
        let error = #expect(throws: EditError.self) {
            try NotatedNetwork.weightedSum(wide, coefficients: halves, parameterLimit: 1 << 23)
        }
        #expect(error?.code == .tooLarge)
        #expect(throws: EditError.self) { try NotatedNetwork.mean([]) }
    }

    @Test("the texts of a document's notation follow a conversion")
    func remarksOfOptions() {
        let texts = [("order", "columns"), ("values", "0..1"), ("coordinates", "0..1"), ("config.order", "columns")]
        let context = NetworkContext(texts: texts.map { NetworkContext.Text(path: $0, value: $1) })
        let remarks = NotationRemarks(context, of: Self.network().weights, in: .nfn)
        #expect(remarks.texts == ["order": "rows", "values": "-1..1", "coordinates": "-1..1"])
    }

    @Test("a blend stacks different Fourier features, and shares equal ones")
    func blendedFeatures() throws {
        let matrix = Self.features(4, scale: 1, startsWithSines: true, seed: 1)
        let other = Self.features(3, scale: Float(2 * Double.pi), startsWithSines: false, seed: 2)
        let first = Self.network([8, 6, 1], .nfn, features: matrix, seed: 1)
        let second = Self.network([8, 6, 1], .nfn, features: matrix, seed: 2)
        let third = Self.network([6, 5, 1], .nfn, features: other, seed: 3)
        for (other, inputs) in [(second, 8), (third, 14)] {
            let sum = try NotatedNetwork.weightedSum([first, other], coefficients: [0.25, 0.75])
            let wanted = zip(try pixels(first), try pixels(other)).map { 0.25 * $0 + 0.75 * $1 }
            #expect(difference(try pixels(sum), wanted) < 1e-5)
            #expect(sum.weights.spec.inputs == inputs)
        }
    }

    @Test("networks that have too little in common are not blended")
    func blendRefusals() {
        let own = Self.network()
        let others: [(NotatedNetwork, String)] = [
            (Self.network([2, 12, 1]), "equal depth"), (Self.network([2, 12, 10, 3]), "as many outputs"),
            (Self.network([2, 12, 10, 1], NotationPreset.relu.notation), "the same activation"),
            (
                Self.network([8, 12, 10, 1], features: Self.features(4, scale: 1, startsWithSines: true, seed: 1)),
                "Fourier features both or neither"
            ),
        ]
        for (other, reason) in others {
            let error = #expect(throws: EditError.self) {
                try NotatedNetwork.weightedSum([own, other], coefficients: [0.5, 0.5])
            }
            #expect(error?.detail.contains(reason) == true, "\(error?.detail ?? "")")
        }
    }

    @Test("networks that are no functions of two coordinates, and weights beyond float32, are refused")
    func refusals() throws {
        let solid = NotatedNetwork(.example(spec: NetworkSpec(sizes: [3, 4, 1]), seed: 1), .nfn)
        let cnn = NotatedNetwork(
            .example(spec: NetworkSpec(sizes: [1, 4, 1], kernels: [[3, 3], []]), seed: 1), .nfn)
        var large = Self.network()
        large.weights.layers[2].weight.values[0] = 3e38
        for (network, edit, reason) in [
            (solid, "rotate:1", "2 inputs"), (cnn, "mirror:x", "convolutions"), (cnn, "invert", "convolutions"),
            (large, "contrast:10", "beyond the range of float32"),
        ] {
            let error = #expect(throws: EditError.self) { try edited(network, edit) }
            #expect(error?.detail.contains(reason) == true, "\(edit): \(error?.detail ?? "")")
        }
    }

    @Test(
        "a list of steps that cannot be read says what it expects",
        arguments: [
            ("", "steps with commas"), ("rotate", "rotate:DEGREES"), ("rotate:x", "a number from -36000"),
            ("rotate:1:2", "rotate:DEGREES"), ("mirror:z", "mirror:x"), ("zoom:0", "0.01 to 100"), ("zoom:nan", "zoom"),
            ("translate:1", "translate:DX:DY"), ("crop:0:0:0:1", "crop:LEFT"), ("invert:1", "without numbers"),
            ("convert:xyz", "convert:nfn"), ("invert,blend:0.5", "first step"),
            ("rotate:1,,invert", "steps with commas"),
            ("dilate:1:2", "dilate:AMOUNT"), ("a b", "steps with commas"), ("9:1", "steps with commas"),
            (Array(repeating: "invert", count: 33).joined(separator: ","), "at most 32"),
        ])
    func unreadable(_ text: String, _ expected: String) {
        let error = #expect(throws: EditStepError.self) { try EditStep.list(text) }
        #expect(error?.expected.contains(expected) == true, "\(error?.expected ?? "")")
    }

    @Test("names that are no exact edits are a model's, with an amount of 1")
    func learned() throws {
        let steps = try EditStep.list("dilate, erode:0.5,rotate:5")
        #expect(steps.map(\.name) == ["dilate", "erode", "rotate"])
        #expect(steps.map(\.action).prefix(2) == [.learned(amount: 1), .learned(amount: 0.5)])
        #expect(steps.map(\.isExact) == [false, false, true])
        #expect(EditStep.exactNames.contains("translate") && EditStep.exactNames.count == EditStep.exactForms.count)
    }

    @Test("a file's word on a function behind the last layer is found, unless it says there is none")
    func outputNonlinearity() {
        func said(_ path: String, _ value: String) -> String? {
            NetworkContext(texts: [.init(path: path, value: value)]).outputNonlinearity
        }
        #expect(said("config.final_activation", "sigmoid")?.contains("sigmoid") == true)
        #expect(said("outputActivation", "nn.Tanh()") != nil)
        for value in ["none", "linear", "nn.Identity()", "Identity"] { #expect(said("final_activation", value) == nil) }
        #expect(said("activation", "sine") == nil)
    }

    @Test("numbers and names beside a converted network are corrected")
    func remarks() {
        let context = NetworkContext(
            scalars: [
                .init(path: "config.omega_0", value: 20), .init(path: "hidden_omega_0", value: 30),
                .init(path: "epochs", value: 3),
            ], texts: [.init(path: "meta.convention", value: "dws"), .init(path: "note", value: "dws")])
        let network = Self.network().weights
        let nfn = NotationRemarks(context, of: network, in: .nfn)
        #expect(nfn.numbers == ["config.omega_0": 30] && nfn.texts == ["meta.convention": "nfn"])
        let other = NotationRemarks(context, of: network, in: .sirenPytorch)
        #expect(other.numbers == ["config.omega_0": nil, "hidden_omega_0": 1])
    }

    @Test("frequencies of single layers and numbers in texts are corrected too")
    func remarksOfLayers() {
        let context = NetworkContext(
            scalars: [.init(path: "acts.0.omega", value: 20), .init(path: "acts.1.omega", value: 20)],
            texts: [.init(path: "omega_0", value: "20")])
        let network = Self.network().weights
        let remarks = NotationRemarks(context, of: network, in: .sirenPytorch)
        #expect(remarks.numbers == ["acts.0.omega": 30, "acts.1.omega": 1, "omega_0": nil])
        #expect(NotationRemarks(context, of: network, in: .nfn).texts == ["omega_0": "30"])
    }
}
