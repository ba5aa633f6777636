import Engine
import Tensors

/// What is wrong with a checkpoint, every parameter named at once.
package struct ParameterError: Error, Equatable, CustomStringConvertible {
    package let problems: [String]

    package init(problems: [String]) { self.problems = problems }

    package var description: String { problems.joined(separator: "; ") }
}

/// Hands parameters to the layers that own them and notes which are missing, misshapen or left over.
///
/// A layer that asks for a parameter that is not there gets zeros, so that one pass finds every problem.
package final class ParameterReader {
    /// All parameters: those given, or those drawn so far.
    package private(set) var dictionary: StateDict
    private var used: Set<String> = []
    private var problems: [String] = []
    private var random: RandomSource?

    package init(_ dictionary: StateDict) { self.dictionary = dictionary }

    /// Draws every parameter that is asked for: a model with random weights, whose names and shapes it then knows.
    package init(drawing seed: UInt64) {
        dictionary = StateDict()
        random = RandomSource(seed: seed)
    }

    package var root: ParameterScope { ParameterScope(reader: self, prefix: "") }

    /// Throws unless every parameter was asked for once and had the shape asked for.
    package func finish() throws(ParameterError) {
        let left = dictionary.names.filter { !used.contains($0) }
        let all = problems + left.map { "unexpected parameter '\($0)'" }
        if !all.isEmpty { throw ParameterError(problems: all) }
    }

    fileprivate func tensor(_ name: String, _ shape: [Int]) -> Tensor {
        used.insert(name)
        if var source = random {
            // The spread of PyTorch's own initialisation: uniform within 1/√inputs.
            let bound = 1 / Float(max(shape.dropFirst().reduce(1, *), 1)).squareRoot()
            let values = (0..<shape.reduce(1, *)).map { _ in source.uniform(in: -bound...bound) }
            random = source
            dictionary.set(NamedTensor(name: name, tensor: Tensor(shape: shape, values: values)))
        }
        guard let tensor = dictionary[name] else {
            problems.append("missing parameter '\(name)' of shape \(shape)")
            return Tensor(zeros: shape)
        }
        guard tensor.shape == shape else {
            problems.append("parameter '\(name)': expected shape \(shape), received \(tensor.shape)")
            return Tensor(zeros: shape)
        }
        if let index = tensor.values.firstIndex(where: { !$0.isFinite }) {
            problems.append("parameter '\(name)': element \(index) is \(tensor.values[index])")
        }
        return tensor
    }
}

/// A place in the tree of a state dict's names.
package struct ParameterScope {
    private let reader: ParameterReader
    private let prefix: String

    fileprivate init(reader: ParameterReader, prefix: String) {
        self.reader = reader
        self.prefix = prefix
    }

    /// The scope of a submodule: `scope("ln1").scope(0)` reads `ln1.0.…`.
    package func scope(_ name: String) -> ParameterScope { ParameterScope(reader: reader, prefix: prefix + name + ".") }
    package func scope(_ index: Int) -> ParameterScope { scope(String(index)) }

    package func tensor(_ name: String, _ shape: [Int]) -> Tensor { reader.tensor(prefix + name, shape) }

    /// A vector as one row.
    package func row(_ name: String, _ count: Int) -> Matrix {
        Matrix(rows: 1, columns: count, values: tensor(name, [count]).values)
    }

    /// `weight` (outputs, inputs, then `kernelRank` ones, as 1 × 1 convolutions have) and, unless told otherwise, `bias`.
    package func affineTensors(
        inputs: Int, outputs: Int, kernelRank: Int = 0, hasBias: Bool = true
    ) -> (weight: Tensor, bias: Tensor?) {
        let weight = tensor("weight", [outputs, inputs] + [Int](repeating: 1, count: kernelRank))
        return (weight.reshaped([outputs, inputs]), hasBias ? tensor("bias", [outputs]) : nil)
    }

    package func affine(inputs: Int, outputs: Int, kernelRank: Int = 0, hasBias: Bool = true) -> AffineMap {
        let (weight, bias) = affineTensors(inputs: inputs, outputs: outputs, kernelRank: kernelRank, hasBias: hasBias)
        return AffineMap(weight: weight, bias: bias)
    }

    /// `torch.nn.LayerNorm` over `count` channels.
    package func layerNorm(_ count: Int) -> Normalization {
        Normalization(kind: .standard, gamma: row("weight", count), beta: row("bias", count))
    }
}

extension AffineMap {
    package init(weight: Tensor, bias: Tensor?) {
        self.init(
            weight: Matrix(rows: weight.shape[0], columns: weight.shape[1], values: weight.values),
            bias: bias.map { Matrix(rows: 1, columns: $0.count, values: $0.values) })
    }
}

extension Tensor {
    /// A matrix with its columns in another order: column j of the result is column `order[j]`.
    func withColumns(_ order: [Int]) -> Tensor {
        var result = self
        for row in 0..<shape[0] {
            let start = row * shape[1]
            for (column, source) in order.enumerated() { result.values[start + column] = values[start + source] }
        }
        return result
    }

    /// A matrix or vector with its rows in another order: row i of the result is row `order[i]`.
    func withRows(_ order: [Int]) -> Tensor {
        let width = count / shape[0]
        return Tensor(
            shape: shape, values: order.flatMap { values[$0 * width..<($0 + 1) * width] })
    }
}

/// The order that turns an (outer, inner) index, inner fastest, into (inner, outer).
func transposedOrder(outer: Int, inner: Int) -> [Int] {
    (0..<inner).flatMap { innerIndex in (0..<outer).map { $0 * inner + innerIndex } }
}
