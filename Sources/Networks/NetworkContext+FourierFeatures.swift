import Tensors

extension NetworkContext {
    /// A matrix B of Fourier features (Tancik et al., arXiv 2006.10739) for a network of that many inputs, the sine and the
    /// cosine of each frequency: the array beside the layers that maps two coordinates to half of the inputs, of several
    /// the one with a name for such a matrix.
    ///
    /// *Shapes:* → (inputs / 2, 2), row-major, also where the file has (2, inputs / 2); nil without one of finite numbers.
    package func fourierMatrix(inputs: Int) -> [Float]? {
        let frequencies = inputs / 2
        guard let matrix = fourierArray(inputs: inputs)?.tensor else { return nil }
        guard matrix.shape != [frequencies, 2] else { return matrix.values }
        return (0..<frequencies).flatMap { [matrix.values[$0], matrix.values[frequencies + $0]] }
    }

    /// The array of that matrix, as the file has it.
    package func fourierArray(inputs: Int) -> NamedTensor? {
        guard inputs > 2, inputs.isMultiple(of: 2) else { return nil }
        let frequencies = inputs / 2
        let fitting = arrays.filter { entry in
            [[frequencies, 2], [2, frequencies]].contains(entry.tensor.shape)
                && entry.tensor.values.allSatisfy(\.isFinite)
        }
        return fitting.first(where: Self.isNamedAsMatrix) ?? fitting.first
    }

    /// Whether a name is one that libraries and papers give to B.
    private static func isNamedAsMatrix(_ entry: NamedTensor) -> Bool {
        let last = entry.name.split(whereSeparator: { $0 == "." || $0 == "/" }).last?.lowercased() ?? ""
        return last == "b" || ["fourier", "freq", "basis", "gauss", "rff", "bvals"].contains { last.contains($0) }
    }
}
