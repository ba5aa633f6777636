import Engine
import Foundation
import Models
import NetworkReading
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import Testing

@testable import ModelStore

/// A trained encoder and classifier on 20 INRs, against what PyTorch computed.
@Suite struct PipelineTests {
    private static let shared = Result {
        let model = try ModelFolder.load(try Fixture.url("fashion-interim"))
        let reference = try Fixture.stateDict("pipeline.safetensors")
        let networks = try NetworkWeights.batch(from: reference.scoped("input."), expecting: model.expectation)
        return Pipeline(model: model, reference: reference, networks: networks)
    }

    struct Pipeline {
        let model: ServedModel
        let reference: StateDict
        let networks: [NetworkWeights]

        func prepared(_ network: NetworkWeights) throws -> PreparedNetwork.Content {
            try model.prepare(network, NotationClaims(.nfn)).content
        }

        func answers(_ output: Output, _ network: NetworkWeights) throws -> [Float] {
            try model.run(output, [prepared(network)], WorkerPool(threads: 1))[0].values
        }

        /// The largest change of latents and logits where `change` is made to some of the networks.
        func effect(_ change: (NetworkWeights) throws -> NetworkWeights) throws -> Float {
            try networks.prefix(2).reduce(0) { largest, network in
                let changed = try change(network)
                return try [Output.latents, .classes].reduce(largest) {
                    max($0, largestDifference(try answers($1, changed), try answers($1, network)))
                }
            }
        }
    }

    private let pipeline: Pipeline

    init() throws { pipeline = try Self.shared.get() }

    @Test("a model describes itself")
    func modelDescribesItself() {
        let model = pipeline.model
        #expect(model.name == "fashion-mnist" && model.labels.count == 10)
        #expect(model.outputs.map(\.output) == [.classes, .latents])
        #expect(model.shape(of: .latents) == [16, 32])
        #expect(model.expectation.summary == "2-*-*-1")
        #expect(model.sha256.count == 64)
        #expect(pipeline.networks.count == 20)
    }

    @Test("preparing a network brings it into canonical form")
    func preparation() throws {
        let canonical = try NetworkWeights.batch(
            from: pipeline.reference.scoped("canonical."), expecting: pipeline.model.expectation)
        for (network, reference) in zip(pipeline.networks, canonical) {
            guard case .weights(let own, _) = try pipeline.prepared(network) else {
                Issue.record("the weights were not read")
                continue
            }
            for (layer, expected) in zip(own.layers, reference.layers) {
                #expect(largestDifference(layer.weight.values, expected.weight.values) < 1e-5)
                #expect(largestDifference(layer.bias.values, expected.bias.values) < 1e-5)
            }
        }
    }

    @Test("latents and logits agree with PyTorch, alone or together, on one thread or two, bit for bit")
    func answersAgree() throws {
        let features = try pipeline.networks.map { try pipeline.prepared($0) }
        for (output, name, count) in [(Output.latents, "latent", 5), (.classes, "logits", 20)] {
            let together = try pipeline.model.run(output, Array(features.prefix(count)), WorkerPool(threads: 1)).map(
                \.values)
            let reference = try #require(pipeline.reference[name])
            let width = reference.count / 20
            #expect(largestDifference(together.flatMap { $0 }, Array(reference.values.prefix(count * width))) < 1e-4)
            let threaded = try pipeline.model.run(output, Array(features.prefix(5)), WorkerPool(threads: 2)).map(
                \.values)
            #expect(bits(threaded) == bits(Array(together.prefix(5))))
            let alone = try features.prefix(2).map {
                try pipeline.model.run(output, [$0], WorkerPool(threads: 2))[0].values
            }
            #expect(bits(alone) == bits(Array(together.prefix(2))))
        }
    }

    @Test("the order of hidden neurons changes nothing")
    func permutations() throws {
        var random = RandomSource(seed: 1)
        let effect = try pipeline.effect { network in
            try [0, 1].reduce(network) { result, layer in
                try #require(result.permutingHidden(layer: layer, by: (0..<32).shuffled(using: &random)))
            }
        }
        #expect(effect < 1e-4)
    }

    @Test("the sign of a hidden neuron changes nothing")
    func signFlips() throws {
        let effect = try pipeline.effect { network in
            var result = network
            for layer in 0..<2 {
                for neuron in stride(from: layer, to: 32, by: 3) {
                    result.negateRow(neuron, of: layer)
                    result.layers[layer].bias.values[neuron].negate()
                    result.negateColumn(neuron, of: layer + 1)
                }
            }
            return result
        }
        #expect(effect < 1e-4)
    }

    @Test("half turns of a hidden neuron's phase change nothing")
    func phaseShifts() throws {
        let effect = try pipeline.effect { network in
            var result = network
            for layer in 0..<2 {
                for neuron in stride(from: layer, to: 32, by: 3) {
                    let halfTurns = neuron % 2 == 0 ? 1 : -2
                    result.layers[layer].bias.values[neuron] += Float(Double(halfTurns) * Double.pi / 30)
                    if halfTurns == 1 { result.negateColumn(neuron, of: layer + 1) }
                }
            }
            return result
        }
        #expect(effect < 1e-4)
    }

    @Test("another function gets another answer")
    func otherFunctions() throws {
        let effect = try pipeline.effect { network in
            var result = network
            result.negateRow(0, of: 1)
            return result
        }
        #expect(effect > 1e-2)
    }

    @Test("an upload in the other convention gets the same answer once that is said")
    func conventions() throws {
        let network = pipeline.networks[0]
        let other = try network.converted(from: .nfn, to: .dws)
        let prepared = try pipeline.model.prepare(other, NotationClaims(.dws))
        let latents = try pipeline.model.run(.latents, [prepared.content], WorkerPool(threads: 1))[0].values
        #expect(largestDifference(latents, try pipeline.answers(.latents, network)) < 1e-4)
        #expect(prepared.reading?.notation == .dws)
    }

    @Test("other hidden widths are read with the same parameters", arguments: [8, 64])
    func otherWidths(width: Int) throws {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, width, width + 1, 1]), seed: 3)
        let logits = try pipeline.answers(.classes, network)
        #expect(logits.count == 10)
        #expect(logits.allSatisfy { $0.isFinite })
        #expect(try pipeline.answers(.latents, network).count == 16 * 32)
    }

    @Test("another depth, output count or too great a width is refused with the reason")
    func otherShapes() throws {
        func refusal(_ sizes: [Int]) throws -> String {
            let network = NetworkWeights.example(spec: NetworkSpec(sizes: sizes), seed: 3)
            let error = #expect(throws: NetworkError.self) { try pipeline.prepared(network) }
            return try #require(error).detail
        }
        let depth = try refusal([2, 32, 1])
        #expect(depth.contains("3 layers (2-*-*-1)") && depth.contains("2 layers (2-32-1)"))
        #expect(try refusal([2, 32, 32, 3]).contains("net.2"))
        #expect(try refusal([2, 513, 8, 1]).contains("512"))
    }

    @Test("warming up computes every output")
    func warmUp() throws {
        try pipeline.model.warmUp(WorkerPool(threads: 2))
    }

    @Test("what the model does not do is an error")
    func unknownOutputs() {
        for output in [Output.scalars, .picture] {
            #expect(throws: ModelError("the model does not \(output.rawValue)")) {
                try pipeline.answers(output, pipeline.networks[0])
            }
        }
    }
}

extension NetworkWeights {
    fileprivate mutating func negateRow(_ row: Int, of layer: Int) {
        let width = layers[layer].weight.shape[1]
        for index in row * width..<(row + 1) * width { layers[layer].weight.values[index].negate() }
    }

    fileprivate mutating func negateColumn(_ column: Int, of layer: Int) {
        let width = layers[layer].weight.shape[1]
        for row in 0..<layers[layer].weight.shape[0] { layers[layer].weight.values[row * width + column].negate() }
    }
}
