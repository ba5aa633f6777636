import Networks
import NeuralFunctionals
import Tensors
import Testing

@Suite struct ParameterReaderTests {
    private let spec = NetworkSpec(sizes: [2, 4, 1])

    private func parameters() -> StateDict {
        let reader = ParameterReader(drawing: 1)
        _ = Pointwise(reader.root, spec, inputs: 1, outputs: 2)
        return reader.dictionary
    }

    private func error(_ parameters: StateDict) -> ParameterError? {
        let reader = ParameterReader(parameters)
        _ = Pointwise(reader.root, spec, inputs: 1, outputs: 2)
        do {
            try reader.finish()
            return nil
        } catch {
            return error
        }
    }

    private func problems(_ parameters: StateDict) -> [String] { error(parameters)?.problems ?? [] }

    @Test("drawn parameters satisfy the layer that asked for them, and are the same for the same seed")
    func drawnParametersFit() {
        #expect(problems(parameters()) == [])
        #expect(parameters() == parameters())
        #expect(
            parameters().names == [
                "weight_maps.0.weight", "weight_maps.0.bias", "weight_maps.1.weight", "weight_maps.1.bias",
                "bias_maps.0.weight", "bias_maps.0.bias", "bias_maps.1.weight", "bias_maps.1.bias",
            ])
        #expect(parameters()["weight_maps.0.weight"]?.shape == [2, 1, 1, 1])
        #expect(parameters()["bias_maps.0.weight"]?.shape == [2, 1, 1])
    }

    @Test("missing, misshapen, non-finite and unexpected parameters are all named in one error")
    func everyProblemIsNamed() {
        var damaged = StateDict(parameters().entries.filter { $0.name != "weight_maps.0.bias" })
        damaged.set(NamedTensor(name: "weight_maps.1.weight", tensor: Tensor(zeros: [3, 1, 1, 1])))
        damaged.set(NamedTensor(name: "bias_maps.1.bias", tensor: Tensor(shape: [2], values: [0, .nan])))
        damaged.set(NamedTensor(name: "extra", tensor: Tensor(zeros: [1])))
        let found = problems(damaged)
        #expect(found.count == 4)
        #expect(found.contains("missing parameter 'weight_maps.0.bias' of shape [2]"))
        #expect(
            found.contains("parameter 'weight_maps.1.weight': expected shape [2, 1, 1, 1], received [3, 1, 1, 1]"))
        #expect(found.contains("parameter 'bias_maps.1.bias': element 1 is nan"))
        #expect(found.contains("unexpected parameter 'extra'"))
        let text = error(damaged)?.description ?? ""
        #expect(text.contains("; and 1 more, 4 in all") && text.contains(found[0]) && !text.contains(found[3]))
    }
}
