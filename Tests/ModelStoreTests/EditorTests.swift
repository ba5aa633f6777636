import Engine
import Models
import NeuralFunctionals
import SIREN
import Testing

@testable import ModelStore

@Suite("Editors")
struct EditorTests {
    private func configuration(_ edits: String) throws -> ModelConfiguration {
        let text =
            "{\"name\": \"e\", \"input\": {\"sizes\": [2, 6, 1], \"family\": \"siren\", \"convention\": \"nfn\", \"omega0\": 30, \"array_scales\": null, \"canonicalize\": false}, \"model\": {\"type\": \"Editor\", \"edits\": \(edits)}}"
        return try ModelConfiguration(json: Array(text.utf8))
    }

    private static func node(_ channels: Int) -> String {
        "{\"type\": \"TransferNet\", \"file\": \"\(channels).safetensors\", \"mode\": \"NP\", \"hidden_chan\": \(channels), \"hidden_layers\": 1}"
    }

    @Test("each edit is a model of its own, in the order of the configuration")
    func edits() throws {
        let text = "{\"erode\": \(Self.node(2)), \"dilate\": \(Self.node(3))}"
        let model = try ServedModel(drawing: try configuration(text))
        #expect(model.edits == ["erode", "dilate"] && model.task == "edit")
        let network = PreparedNetwork.Content.weights(.example(spec: model.input.spec, seed: 1))
        func run(_ edit: String?) throws -> [Float] {
            try model.run(.weights, [network], WorkerPool(threads: 1), edit: edit)[0].values
        }
        #expect(try run("erode") != run("dilate"))
        #expect(try run(nil) == run("erode"))
        #expect(throws: ModelError.self) { try run("sharpen") }
        try model.warmUp(WorkerPool(threads: 1))
    }

    @Test("a model of one edit offers it under the card's name, or else its own")
    func single() throws {
        func edits(_ card: String) throws -> [String] {
            let text =
                "{\"name\": \"own\", \"card\": \(card), \"input\": {\"sizes\": [2, 6, 1], \"family\": \"siren\", \"convention\": \"nfn\", \"omega0\": 30, \"array_scales\": null, \"canonicalize\": false}, \"model\": \(Self.node(2))}"
            return try ServedModel(drawing: try ModelConfiguration(json: Array(text.utf8))).edits
        }
        #expect(try edits("{\"edit\": \"dilate\"}") == ["dilate"] && edits("{}") == ["own"])
        // `contrast` is an exact edit.
        #expect(try edits("{\"edit\": \"contrast\"}") == ["contrast-learned"])
        #expect(try edits("{\"edit\": \"my edit.2\"}") == ["my-edit-2"])
    }

    @Test(
        "names of exact edits, models without weights and no edits at all are refused",
        arguments: [
            ("{\"rotate\": \(node(2))}", "exact edits"), ("{\"a b\": \(node(2))}", "letters"), ("{}", "at least one"),
            ("{\"x\": {\"type\": \"StatNet\", \"file\": \"f.safetensors\", \"h_size\": 4}}", ""),
        ])
    func refusals(_ edits: String, _ reason: String) {
        let error = #expect(throws: (any Error).self) { try configuration(edits).untrained() }
        #expect(error.map { "\($0)".contains(reason) } == true, "\(String(describing: error))")
    }
}
