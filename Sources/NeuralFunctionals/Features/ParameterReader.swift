import Engine
import Tensors

/// All problems of a checkpoint: parameters that are missing, left over, of another shape or not finite.
package struct ParameterError: Error, Equatable, CustomStringConvertible {
    package let problems: [String]

    package init(problems: [String]) { self.problems = problems }

    package var description: String { problems.joined(separator: "; ") }
}

/// Reads the parameters of a state dict for the layers that ask for them, and collects problems.
///
/// A layer that asks for a parameter that is missing or has another shape gets a 1 × 1 matrix of zero instead, so that
/// one pass finds all problems; not a matrix of the shape asked for, because the settings of a damaged model may ask
/// for more than memory holds. Layers only keep their parameters until something is computed, and `finish` throws
/// before that.
package final class ParameterReader {
    /// All parameters and buffers: those read from, or, in a new model, those drawn so far.
    package private(set) var dictionary: StateDict
    /// The parameters that can be learned, in the order in which layers asked for them.
    package private(set) var bindings: [ParameterBinding] = []
    /// Tensors that are stored with the model and never learned by gradient steps, such as the statistics of its
    /// inputs.
    package private(set) var buffers: [ParameterBinding] = []
    private var used: Set<String> = []
    private var problems: [String] = []
    private var random: RandomSource?

    package init(_ dictionary: StateDict) { self.dictionary = dictionary }

    /// Draws initial values for every parameter that is asked for: `dictionary` is then that of an untrained model.
    package init(drawing seed: UInt64) {
        dictionary = StateDict()
        random = RandomSource(seed: seed)
    }

    package var root: ParameterScope { ParameterScope(reader: self, prefix: "") }

    /// Throws all problems found: parameters that are missing, not finite or of another shape than asked for, and
    /// parameters that no layer asked for.
    package func finish() throws(ParameterError) {
        let left = dictionary.names.filter { !used.contains($0) }
        let all = problems + left.map { "unexpected parameter '\($0)'" }
        if !all.isEmpty { throw ParameterError(problems: all) }
    }

    fileprivate func bind(_ binding: ParameterBinding) { bindings.append(binding) }
    fileprivate func bind(buffer: ParameterBinding) { buffers.append(buffer) }

    /// The tensor of that name; nil, after noting a problem, where it is missing or of another shape.
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

/// A prefix of names in a state dict: the parameters of one module.
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

    /// What layers get in place of a parameter that could not be read.
    private static var standIn: Matrix { Matrix(zeros: 1, 1) }

    /// A tensor of the state dict that is not learned by gradient steps, as a matrix of (rows, columns).
    package func buffer(
        _ name: String, _ shape: [Int], rows: Int, columns: Int, _ initial: Initialization
    ) -> Matrix {
        guard let tensor = reader.tensor(prefix + name, shape, initial) else { return Self.standIn }
        let matrix = Matrix(rows: rows, columns: columns, values: tensor.values)
        reader.bind(
            buffer: ParameterBinding(name: prefix + name, shape: shape, matrix: matrix, order: nil, factor: 1))
        return matrix
    }

    /// Makes an order of elements: element i of the result is element order[i] of the tensor. Called only where the
    /// parameter can be read.
    package typealias Order = () -> [Int]

    /// A parameter as a matrix of (rows, columns): element i is factor · tensor[order[i]], in order where `order` is
    /// nil.
    /// - Parameter shape: of the tensor in the state dict.
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

    /// A parameter of shape [rows, columns].
    package func matrix(_ name: String, rows: Int, columns: Int, _ initial: Initialization) -> Matrix {
        matrix(name, [rows, columns], rows: rows, columns: columns, initial)
    }

    /// A parameter of shape [count], as a matrix of one row.
    package func row(_ name: String, _ count: Int, _ initial: Initialization) -> Matrix {
        matrix(name, [count], rows: 1, columns: count, initial)
    }

    /// A parameter of shape [], as a matrix of one element.
    package func scalar(_ name: String, _ initial: Initialization) -> Matrix {
        matrix(name, [], rows: 1, columns: 1, initial)
    }

    /// The affine map of the parameters `weight` and, where `hasBias`, `bias`.
    /// - Parameters:
    ///   - kernelRank: how many trailing axes of one element the shape of `weight` has, [outputs, inputs, 1, …]: those
    ///     of a convolution with a kernel of one element.
    ///   - rowOrder, columnOrder: the map's output i is output rowOrder[i] of the tensor, and likewise for inputs.
    ///   - biasFactor: what the bias is multiplied by: how many times the reference adds it.
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

    /// The affine map of two parameters, or a stand-in where one of them could not be read.
    package func map(weight: Matrix, bias: Matrix?) -> AffineMap {
        let isWhole = bias.map { $0.columns == weight.rows } ?? true
        return isWhole ? AffineMap(weight: weight, bias: bias) : AffineMap(weight: Self.standIn, bias: nil)
    }

    /// The parameters `gamma` and `beta` (names in the state dict) of a layer norm, both of `shape`, as one row each.
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

    /// The parameters of a `torch.nn.LayerNorm` over `count` channels.
    package func layerNorm(_ count: Int) -> Normalization {
        norm(.standard, gamma: "weight", beta: "bias", [count])
    }
}

/// The order that transposes an (outer, inner) array: element i of the (inner, outer) result is element order[i].
func transposedOrder(outer: Int, inner: Int) -> [Int] {
    (0..<inner).flatMap { innerIndex in (0..<outer).map { $0 * inner + innerIndex } }
}
