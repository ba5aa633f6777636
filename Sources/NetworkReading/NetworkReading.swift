import Networks
import Tensors

/// What named tensors turned out to be: one network or a stack of them, and how they were laid out.
package struct NetworkReading: Sendable, Equatable {
    /// One network, or the stacked ones in order; never empty.
    package let networks: [NetworkWeights]
    /// Whether the tensors had a leading batch axis.
    package let isBatched: Bool
    /// Whether the parameters came as one flat tensor.
    package let isFlat: Bool
    /// Whether weights came as (inputs, outputs) and were transposed.
    package let isTransposed: Bool
    /// Names of entries that are no parameters, such as an integer `label`.
    package let ignored: [String]

    /// Reads a file's tensors as networks that satisfy `expectation`.
    ///
    /// Names only pair weights with biases and break ties; what decides is that the shapes form a chain.
    /// - Parameters:
    ///   - flatSpec: by which a flat upload is cut where nothing is expected; asked for only then.
    ///   - limit: networks that a stack may hold.
    /// - Throws: every mismatch found.
    package init(
        _ stateDict: StateDict, expecting expectation: NetworkExpectation? = nil,
        flatSpec: @autoclosure () -> NetworkSpec? = nil, limit: Int = .max
    ) throws(NetworkError) {
        let (parameters, ignored, dtypeMismatches) = Self.parameters(of: stateDict)
        self.ignored = ignored
        guard let first = parameters.first else {
            throw NetworkError(Self.nothingToRead(stateDict, expectation))
        }
        if parameters.count == 1, FlatForm.isFlat(first) {
            guard dtypeMismatches.isEmpty else { throw NetworkError(dtypeMismatches) }
            try Self.check(first.tensor.rank == 2 ? first.tensor.shape[0] : 1, within: limit)
            networks = try FlatForm.networks(from: first, spec: expectation?.spec ?? flatSpec())
            (isBatched, isFlat, isTransposed) = (first.tensor.rank == 2, true, false)
            return
        }
        let layered = LayeredForm(LayerPairing(parameters), expecting: expectation)
        let mismatches = dtypeMismatches + layered.mismatches + parameters.compactMap(NetworkMismatch.nonFiniteValue)
        guard mismatches.isEmpty else { throw NetworkError(mismatches) }
        try Self.check(layered.batch?.count ?? 1, within: limit)
        networks = layered.networks
        (isBatched, isFlat, isTransposed) = (layered.batch != nil, false, layered.order == .inputsFirst)
    }

    /// Before a stack is taken apart: its networks take many times the memory of its tensors.
    private static func check(_ count: Int, within limit: Int) throws(NetworkError) {
        guard count <= limit else {
            throw NetworkError(
                NetworkMismatch(
                    .batchTooLarge, expected: "expected at most \(limit) networks", received: "a batch of \(count)"))
        }
    }

    /// The floating-point tensors in natural order, the names of the rest, and what should have been floating-point.
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

    private static func dtypeMismatch(_ entry: NamedTensor) -> NetworkMismatch {
        NetworkMismatch(
            .dtype, tensor: entry.name, expected: "float16, bfloat16, float32 or float64",
            received: entry.elementType.rawValue)
    }

    private static func nothingToRead(
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
    /// Reads named tensors as one network; a stack of one counts as one.
    package init(_ stateDict: StateDict, expecting expectation: NetworkExpectation? = nil) throws(NetworkError) {
        let networks = try NetworkReading(stateDict, expecting: expectation).networks
        guard networks.count == 1, let network = networks.first else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, expected: "expected one network", received: "a batch of \(networks.count)"))
        }
        self = network
    }

    /// Reads named tensors with or without a leading batch axis as that many networks.
    package static func batch(
        from stateDict: StateDict, expecting expectation: NetworkExpectation? = nil
    ) throws(NetworkError) -> [NetworkWeights] {
        try NetworkReading(stateDict, expecting: expectation).networks
    }
}
