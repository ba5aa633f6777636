import Engine
import Tensors

/// Reads the parameters of a state dict for the layers that ask for them, and collects problems.
///
/// A parameter that is missing or has another shape is noted as a problem, and the layer gets a 1 × 1 matrix of zero in
/// its place, so that one pass finds all problems. (A matrix of the shape asked for could exhaust the memory where the
/// settings of a damaged model ask for it.) The stand-in is never computed with, because layers compute nothing while
/// they are built, and `finish` throws after that.
package final class ParameterReader {
    /// All parameters and buffers: those read from, or, in a new model, those drawn so far.
    package private(set) var dictionary: StateDict
    /// The parameters that can be learned, in the order in which layers asked for them.
    package private(set) var bindings: [ParameterBinding] = []
    /// Tensors that are stored with the model and never learned by gradient steps, such as the statistics of its
    /// inputs.
    package private(set) var buffers: [ParameterBinding] = []
    private var used: Set<String> = []
    private var problems: [ParameterProblem] = []
    private var random: RandomSource?
    /// Whether it draws the parameters of a new model.
    package var isDrawing: Bool { random != nil }

    /// Reads the parameters of a stored model.
    package init(_ dictionary: StateDict) { self.dictionary = dictionary }

    /// Draws initial values for every parameter that is asked for: `dictionary` is then that of an untrained model.
    package init(drawing seed: UInt64) {
        dictionary = StateDict()
        random = RandomSource(seed: seed)
    }

    /// The scope with the empty prefix: the parameters of the whole model.
    package var root: ParameterScope { ParameterScope(reader: self, prefix: "") }

    /// Throws all problems found: parameters that are missing, not finite or of another shape than asked for, and
    /// parameters that no layer asked for.
    package func finish() throws(ParameterError) {
        let left = dictionary.entries.filter { !used.contains($0.name) }
        let all = problems + left.map { ParameterProblem($0.name, .unexpected(received: $0.tensor.shape)) }
        if !all.isEmpty { throw ParameterError(all, asked: used.count) }
    }

    /// Changes a parameter of a new model that a layer has asked for; nothing in a stored model.
    fileprivate func redraw(_ name: String, _ change: (inout ParameterRows) -> Void) {
        guard isDrawing else { return }
        guard let binding = bindings.last(where: { $0.name == name }), let tensor = dictionary[name] else {
            preconditionFailure("a layer has asked for \(name)")
        }
        var rows = ParameterRows(tensor)
        change(&rows)
        dictionary.set(NamedTensor(name: name, tensor: rows.tensor))
        binding.write(rows.tensor)
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
            problems.append(ParameterProblem(name, .missing(expected: shape)))
            return nil
        }
        guard tensor.shape == shape else {
            problems.append(ParameterProblem(name, .misshapen(expected: shape, received: tensor.shape)))
            return nil
        }
        if let index = tensor.values.firstIndex(where: { !$0.isFinite }) {
            problems.append(ParameterProblem(name, .nonFinite(element: index, value: tensor.values[index])))
        }
        return tensor
    }
}

/// The parameters of one module: those of a state dict whose names begin with one prefix.
package struct ParameterScope {
    private let reader: ParameterReader
    private let prefix: String

    fileprivate init(reader: ParameterReader, prefix: String) {
        self.reader = reader
        self.prefix = prefix
    }

    /// The scope of a submodule: `scope("ln1").scope(0)` reads `ln1.0.…`.
    package func scope(_ name: String) -> ParameterScope { ParameterScope(reader: reader, prefix: prefix + name + ".") }
    /// The scope of submodule `index` of a `torch.nn.Sequential` or `ModuleList`.
    package func scope(_ index: Int) -> ParameterScope { scope(String(index)) }

    /// What layers get in place of a parameter that could not be read; see `ParameterReader`.
    private static var standIn: Matrix { Matrix(zeros: 1, 1) }

    /// A tensor of the state dict that no gradient step changes, as a matrix of (rows, columns) in row-major order.
    /// - Parameters:
    ///   - shape: of the tensor; as many elements as rows · columns.
    ///   - initial: its values in a new model.
    package func buffer(
        _ name: String, _ shape: [Int], rows: Int, columns: Int, _ initial: Initialization
    ) -> Matrix {
        guard let tensor = reader.tensor(prefix + name, shape, initial) else { return Self.standIn }
        let matrix = Matrix(rows: rows, columns: columns, values: tensor.values)
        reader.bind(
            buffer: ParameterBinding(name: prefix + name, shape: shape, matrix: matrix, order: nil, factor: 1))
        return matrix
    }

    /// Computes a permutation of elements: element i of the matrix is element order[i] of the tensor. A closure,
    /// because it is only called for a parameter that was read with the expected shape.
    package typealias Order = () -> [Int]

    /// A learned parameter as a matrix of (rows, columns), whose element i is factor · tensor[order[i]].
    /// - Parameters:
    ///   - shape: of the tensor in the state dict; as many elements as rows · columns.
    ///   - order: the tensor's own order where nil.
    ///   - initial: its values in a new model, in the order of the tensor.
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

    /// Changes the initial values of a parameter of a new model, which a layer of this scope has asked for before; does
    /// nothing in a stored model. For starts that concern several layers.
    package func redraw(_ name: String, _ change: (inout ParameterRows) -> Void) {
        reader.redraw(prefix + name, change)
    }

    /// The affine map of the parameters `weight` and, where `hasBias`, `bias`.
    /// - Parameters:
    ///   - kernelRank: how many trailing axes of one element the shape of `weight` has, [outputs, inputs, 1, …]: those
    ///     of a convolution with a kernel of one element.
    ///   - rowOrder, columnOrder: the map's output i is output rowOrder[i] of the tensor, and likewise for inputs.
    ///   - biasFactor: what the bias is multiplied by, where the reference adds it several times to one result.
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

    /// The affine map x ↦ x · weightᵀ + bias of two parameters that were read before; a 1 × 1 stand-in where one of
    /// them could not be read.
    package func map(weight: Matrix, bias: Matrix?) -> AffineMap {
        let isWhole = bias.map { $0.columns == weight.rows } ?? true
        return isWhole ? AffineMap(weight: weight, bias: bias) : AffineMap(weight: Self.standIn, bias: nil)
    }

    /// The parameters of a layer norm, each of `shape` in the state dict and one row here.
    /// - Parameters:
    ///   - gamma, beta: names of the gain, initially 1, and of the offset, initially 0.
    ///   - order: the tensor's own order where nil.
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

/// The initial values of a parameter by rows, its first axis, and columns, all others: of an affine map a row for each
/// output.
package struct ParameterRows {
    private(set) var tensor: Tensor
    /// The extent of the first axis.
    package let rows: Int
    /// The product of the other extents.
    package let columns: Int

    init(_ tensor: Tensor) {
        self.tensor = tensor
        rows = tensor.shape.first ?? 1
        columns = tensor.shape.dropFirst().reduce(1, *)
    }

    package subscript(row: Int, column: Int) -> Float {
        get { tensor.values[row * columns + column] }
        set { tensor.values[row * columns + column] = newValue }
    }

    /// Sets all elements.
    package mutating func fill(_ value: Float) {
        for index in tensor.values.indices { tensor.values[index] = value }
    }

    /// Multiplies all elements.
    package mutating func scale(by factor: Float) {
        for index in tensor.values.indices { tensor.values[index] *= factor }
    }

    /// Sets a row to 0.
    package mutating func clear(row: Int) {
        for column in 0..<columns { self[row, column] = 0 }
    }

    /// Sets a column to 0.
    package mutating func clear(column: Int) {
        for row in 0..<rows { self[row, column] = 0 }
    }
}

/// The order that transposes an (outer, inner) array: element i of the (inner, outer) result is element order[i].
func transposedOrder(outer: Int, inner: Int) -> [Int] {
    (0..<inner).flatMap { innerIndex in (0..<outer).map { $0 * inner + innerIndex } }
}
