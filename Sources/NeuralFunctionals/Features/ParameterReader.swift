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
/// A layer that asks for a parameter that is not there gets a zero instead, so that one pass finds every problem. It is
/// one zero whatever the shape: settings may ask for more than any memory holds. Layers keep their parameters and do not
/// look at them until something is computed, which `finish` then prevents.
package final class ParameterReader {
    /// All parameters and buffers: those given, or those drawn so far.
    package private(set) var dictionary: StateDict
    /// The parameters that can be learned, in the order in which layers asked for them.
    package private(set) var bindings: [ParameterBinding] = []
    /// Tensors that are stored with the model and never learned by gradient steps, such as the statistics of its inputs.
    package private(set) var buffers: [ParameterBinding] = []
    private var used: Set<String> = []
    private var problems: [String] = []
    private var random: RandomSource?

    package init(_ dictionary: StateDict) { self.dictionary = dictionary }

    /// Draws every parameter that is asked for: an untrained model, whose names and shapes it then knows.
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

    fileprivate func bind(_ binding: ParameterBinding) { bindings.append(binding) }
    fileprivate func bind(buffer: ParameterBinding) { buffers.append(buffer) }

    /// Nothing, and a problem noted, where there is no such parameter.
    fileprivate func tensor(_ name: String, _ shape: [Int], _ initial: Initialization) -> Tensor? {
        used.insert(name)
        if var source = random {
            let values = initial.draw(shape.reduce(1, *), &source)
            random = source
            dictionary.set(NamedTensor(name: name, tensor: Tensor(shape: shape, values: values)))
        }
        guard let tensor = dictionary[name] else {
            problems.append("missing parameter '\(name)' of shape \(shape)")
            return nil
        }
        guard tensor.shape == shape else {
            problems.append("parameter '\(name)': expected shape \(shape), received \(tensor.shape)")
            return nil
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

    /// For a parameter that is not there.
    private static var standIn: Matrix { Matrix(zeros: 1, 1) }

    /// A tensor of the state dict that is never learned, as a matrix.
    package func buffer(
        _ name: String, _ shape: [Int], rows: Int, columns: Int, _ initial: Initialization
    ) -> Matrix {
        guard let tensor = reader.tensor(prefix + name, shape, initial) else { return Self.standIn }
        let matrix = Matrix(rows: rows, columns: columns, values: tensor.values)
        reader.bind(
            buffer: ParameterBinding(name: prefix + name, shape: shape, matrix: matrix, order: nil, factor: 1))
        return matrix
    }

    /// Places of elements among others, only made where there are such.
    package typealias Order = () -> [Int]

    /// A parameter as a matrix; its elements are the tensor's in the given `order`, times `factor`.
    package func matrix(
        _ name: String, _ shape: [Int], rows: Int, columns: Int, order: Order? = nil, factor: Float = 1,
        _ initial: Initialization
    ) -> Matrix {
        guard let tensor = reader.tensor(prefix + name, shape, initial) else { return Self.standIn }
        let order = order?()
        let values = ParameterBinding.ordered(tensor.values, order, factor)
        let matrix = Matrix(rows: rows, columns: columns, values: values)
        reader.bind(
            ParameterBinding(name: prefix + name, shape: shape, matrix: matrix, order: order, factor: factor))
        return matrix
    }

    /// A parameter of two axes, as it is.
    package func matrix(_ name: String, rows: Int, columns: Int, _ initial: Initialization) -> Matrix {
        matrix(name, [rows, columns], rows: rows, columns: columns, initial)
    }

    /// A vector as one row.
    package func row(_ name: String, _ count: Int, _ initial: Initialization) -> Matrix {
        matrix(name, [count], rows: 1, columns: count, initial)
    }

    /// A single number.
    package func scalar(_ name: String, _ initial: Initialization) -> Matrix {
        matrix(name, [], rows: 1, columns: 1, initial)
    }

    /// `weight` (outputs, inputs, then `kernelRank` ones, as 1 × 1 convolutions have) and, unless told otherwise, `bias`.
    /// - Parameters:
    ///   - rowOrder, columnOrder: where the engine's outputs and inputs stand among the tensor's.
    ///   - biasFactor: how many times the reference adds the bias.
    package func affine(
        inputs: Int, outputs: Int, kernelRank: Int = 0, hasBias: Bool = true, rowOrder: Order? = nil,
        columnOrder: Order? = nil, biasFactor: Float = 1
    ) -> AffineMap {
        var order: Order?
        if rowOrder != nil || columnOrder != nil {
            order = {
                let (rows, columns) = (rowOrder?() ?? Array(0..<outputs), columnOrder?() ?? Array(0..<inputs))
                return rows.flatMap { row in columns.map { row * inputs + $0 } }
            }
        }
        let initial = Initialization.uniform(fanIn: inputs)
        return map(
            weight: matrix(
                "weight", [outputs, inputs] + [Int](repeating: 1, count: kernelRank), rows: outputs, columns: inputs,
                order: order, initial),
            bias: hasBias
                ? matrix(
                    "bias", [outputs], rows: 1, columns: outputs, order: rowOrder, factor: biasFactor, initial) : nil)
    }

    /// A map of two of the scope's parameters, of which only one may be there.
    package func map(weight: Matrix, bias: Matrix?) -> AffineMap {
        let isWhole = bias.map { $0.columns == weight.rows } ?? true
        return isWhole ? AffineMap(weight: weight, bias: bias) : AffineMap(weight: Self.standIn, bias: nil)
    }

    /// Gain and offset of a norm over `count` channels.
    package func norm(
        _ kind: NormalizationKind, gamma: String, beta: String, _ shape: [Int], order: Order? = nil
    ) -> Normalization {
        let count = shape.reduce(1, *)
        func row(_ name: String, _ value: Float) -> Matrix {
            matrix(name, shape, rows: 1, columns: count, order: order, .constant(value))
        }
        let (gain, offset) = (row(gamma, 1), row(beta, 0))
        let isWhole = gain.columns == offset.columns
        return Normalization(kind: kind, gamma: isWhole ? gain : Self.standIn, beta: isWhole ? offset : Self.standIn)
    }

    /// `torch.nn.LayerNorm` over `count` channels.
    package func layerNorm(_ count: Int) -> Normalization {
        norm(.standard, gamma: "weight", beta: "bias", [count])
    }
}

/// The order that turns an (outer, inner) index, inner fastest, into (inner, outer).
func transposedOrder(outer: Int, inner: Int) -> [Int] {
    (0..<inner).flatMap { innerIndex in (0..<outer).map { $0 * inner + innerIndex } }
}
