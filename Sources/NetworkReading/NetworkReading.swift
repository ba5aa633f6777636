import Networks
import Tensors

/// The networks in a file's named tensors, and the layout in which they were found.
///
/// Accepted are a weight and a bias for every layer, with axes in the order of PyTorch or Flax; the same with a leading
/// axis of networks (a stack); and all parameters in one vector, or one row for each network.
package struct NetworkReading: Sendable, Equatable {
    /// One network, or those of a stack in order; never empty.
    package let networks: [NetworkWeights]
    /// Whether the tensors had a leading axis of networks.
    package let isBatched: Bool
    /// Whether the parameters came as one flat tensor.
    package let isFlat: Bool
    /// Whether weights came as (inputs, outputs) and were transposed.
    package let isTransposed: Bool
    /// The order of the parameters in a flat tensor of a CNN; nil for other networks.
    package let layout: FlatReading?
    /// Names of tensors that are not parameters, such as an integer `label`.
    package let ignored: [String]

    /// Reads a file's tensors as networks.
    ///
    /// Names pair weights with biases; the order of layers and of axes is the one in which the shapes fit together, and
    /// names decide only between several.
    /// - Parameters:
    ///   - expectation: the networks that the model reads; nil accepts any whose layers fit together.
    ///   - flatSpec: the layers of a vector of parameters where `expectation` is nil; evaluated only then.
    ///   - layout: the order of the parameters in a vector; nil looks at the values.
    ///   - limit: the most networks that a stack may have.
    /// - Throws: all mismatches.
    package init(
        _ stateDict: StateDict, expecting expectation: NetworkExpectation? = nil,
        flatSpec: @autoclosure () -> NetworkSpec? = nil, layout: FlatLayout? = .pytorch, limit: Int = .max
    ) throws(NetworkError) {
        let (parameters, ignored, dtypeMismatches) = Self.parameters(of: stateDict)
        self.ignored = ignored
        guard let first = parameters.first else {
            throw NetworkError(Self.nothingToRead(stateDict, expectation))
        }
        if parameters.count == 1, FlatForm.isFlat(first) {
            guard dtypeMismatches.isEmpty else { throw NetworkError(dtypeMismatches) }
            try Self.check(first.tensor.rank == 2 ? first.tensor.shape[0] : 1, within: limit)
            let spec = expectation?.spec ?? flatSpec()
            let own = spec.flatMap { FlatForm.layout(of: first, spec: $0, said: layout) }
            self.layout = own
            networks = try FlatForm.networks(from: first, spec: spec, layout: own?.layout ?? layout ?? .pytorch)
            (isBatched, isFlat, isTransposed) = (first.tensor.rank == 2, true, false)
            return
        }
        let kept = Set(parameters.map(\.name))
        let pairing = LayerPairing(stateDict.entries.filter { kept.contains($0.name) })
        let layered = LayeredForm(pairing, expecting: expectation)
        let doubts = layered.mismatches.isEmpty ? pairing.doubt.map { [$0] } ?? [] : layered.mismatches
        let mismatches = dtypeMismatches + doubts + parameters.compactMap(NetworkMismatch.nonFiniteValue)
        guard mismatches.isEmpty else { throw NetworkError(mismatches) }
        try Self.check(layered.batch?.count ?? 1, within: limit)
        self.layout = nil
        networks = layered.networks
        (isBatched, isFlat, isTransposed) = (layered.batch != nil, false, layered.order == .inputsFirst)
    }

    /// Throws where a stack is too large. Called before it is split, since networks of a few parameters each take many
    /// times the memory of their tensors.
    static func check(_ count: Int, within limit: Int) throws(NetworkError) {
        guard count <= limit else {
            throw NetworkError(
                NetworkMismatch(
                    .batchTooLarge, expected: "expected at most \(limit) networks", received: "a batch of \(count)"))
        }
    }

    /// The parameters in natural order of their names, the names of other tensors, and a mismatch for every parameter
    /// that is not floating-point.
    private static func parameters(
        of stateDict: StateDict
    ) -> (parameters: [NamedTensor], ignored: [String], mismatches: [NetworkMismatch]) {
        var parameters: [NamedTensor] = []
        var ignored: [String] = []
        var mismatches: [NetworkMismatch] = []
        for entry in stateDict.entries.sorted(by: { naturallyPrecedes($0.name, $1.name) }) {
            let isNumbers = entry.elementType.isFloatingPoint
            if entry.tensor.rank == 0 || (!isNumbers && ParameterName(entry.name).role == nil) {
                ignored.append(entry.name)
                continue
            }
            if !isNumbers { mismatches.append(dtypeMismatch(entry)) }
            parameters.append(entry)
        }
        return (parameters, ignored, mismatches)
    }

    static func dtypeMismatch(_ entry: NamedTensor) -> NetworkMismatch {
        NetworkMismatch(
            .dtype, tensor: entry.name, expected: "float16, bfloat16, float32 or float64",
            received: entry.elementType.rawValue)
    }

    static func nothingToRead(
        _ stateDict: StateDict, _ expectation: NetworkExpectation?
    ) -> [NetworkMismatch] {
        let wrongTypes = stateDict.entries.filter { !$0.elementType.isFloatingPoint && $0.tensor.rank > 0 }
        if !wrongTypes.isEmpty { return wrongTypes.map(dtypeMismatch) }
        let wanted = expectation.map { " of a \($0.summary) network" } ?? ""
        return [
            NetworkMismatch(
                .missingTensor, expected: "expected the weights and biases\(wanted)",
                received: stateDict.count == 0 ? "no tensors" : "only scalars")
        ]
    }
}

extension NetworkWeights {
    /// Reads named tensors as one network; a stack of one network is accepted.
    package init(_ stateDict: StateDict, expecting expectation: NetworkExpectation? = nil) throws(NetworkError) {
        let networks = try NetworkReading(stateDict, expecting: expectation).networks
        guard networks.count == 1, let network = networks.first else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, expected: "expected one network", received: "a batch of \(networks.count)"))
        }
        self = network
    }

    /// Reads named tensors, with or without a leading axis of networks.
    package static func batch(
        from stateDict: StateDict, expecting expectation: NetworkExpectation? = nil
    ) throws(NetworkError) -> [NetworkWeights] {
        try NetworkReading(stateDict, expecting: expectation).networks
    }
}
