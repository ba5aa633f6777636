import NeuralFunctionals
import Tensors

/// A reference file: a layer or model with its parameters, an input, and the outputs and gradients that PyTorch
/// computed.
///
/// Its tensors are `input…`, `param.…`, `output…` and `latent`; the metadata's `config` names the layer or model and
/// has its settings. A file with gradients also has `cotangent…` of the outputs' shapes; its `grad.input…` and
/// `grad.param.…` are the gradients of Σ output · cotangent.
package struct GoldenFile {
    /// The metadata's `config`.
    package let configuration: GoldenConfiguration
    /// `input` for a vector or matrix, or `input.weight.i` and `input.bias.i` for networks.
    package let inputs: StateDict
    /// The parameters by their names in PyTorch, without the prefix `param.`.
    package let parameters: StateDict
    /// The outputs of PyTorch: `output`, or `output.weight.i` and `output.bias.i`, and `latent`.
    package let expected: StateDict
    /// The cotangents, under the names of the outputs that they belong to.
    package let cotangents: StateDict
    /// The gradients of PyTorch: `grad.input…` and `grad.param.…`; empty where the file has none.
    package let gradients: StateDict

    /// Sorts the tensors of a file by their names.
    /// - Throws: where `config` is missing or not valid, or there is no input or no output.
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

/// Why a reference file cannot be compared.
package struct VerificationError: Error, CustomStringConvertible, Equatable {
    /// One line that names the tensor or member.
    package let description: String

    /// An error with this line of text.
    package init(_ description: String) { self.description = description }
}
