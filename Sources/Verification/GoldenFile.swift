import NeuralFunctionals
import Tensors

/// A layer or model with parameters, an input and the outputs that PyTorch computed from them, in one state dict.
///
/// Names: `input…`, `param.…`, `output…`, `latent`; the metadata's `config` names the kind and its settings. Where there
/// are `cotangent…` of the outputs' shapes, `grad.input…` and `grad.param.…` are the gradients of Σ output · cotangent.
package struct GoldenFile {
    package let configuration: GoldenConfiguration
    package let inputs: StateDict
    package let parameters: StateDict
    /// `output`, `output.weight.0`, …, `latent`
    package let expected: StateDict
    /// Named like the outputs that they belong to.
    package let cotangents: StateDict
    /// `grad.input…`, `grad.param.…`
    package let gradients: StateDict

    package init(_ contents: StateDict) throws(VerificationError) {
        guard let text = contents.metadata["config"] else {
            throw VerificationError("the file's metadata has no 'config'")
        }
        do {
            configuration = try GoldenConfiguration(json: Array(text.utf8))
        } catch {
            throw VerificationError("the metadata's 'config' cannot be read: \(error)")
        }
        parameters = contents.scoped("param.")
        inputs = StateDict(contents.entries.filter { $0.name == "input" || $0.name.hasPrefix("input.") })
        expected = StateDict(
            contents.entries.filter {
                $0.name == "latent" || $0.name == "output" || $0.name.hasPrefix("output.")
            })
        gradients = StateDict(contents.entries.filter { $0.name.hasPrefix("grad.") })
        cotangents = StateDict(
            contents.entries.filter { $0.name.hasPrefix("cotangent") }.map {
                NamedTensor(name: "output" + $0.name.dropFirst("cotangent".count), tensor: $0.tensor)
            })
        if inputs.count == 0 { throw VerificationError("the file has no 'input'") }
        if expected.count == 0 { throw VerificationError("the file has no 'output'") }
    }
}

/// Why a file cannot be verified at all.
package struct VerificationError: Error, CustomStringConvertible, Equatable {
    package let description: String

    package init(_ description: String) { self.description = description }
}
