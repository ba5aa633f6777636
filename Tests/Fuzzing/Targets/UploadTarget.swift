import InferenceService
import ModelStore
import NetworkReading
import Networks
import SIREN
import Tensors
import Uploads
import WeightFormats

/// An uploaded file on its way to networks, to a model's input and to a picture.
enum UploadTarget {
    private static let expectations: [NetworkExpectation?] = [
        nil,
        NetworkExpectation(spec: NetworkSpec(sizes: [2, 3, 1]), hiddenWidths: .free(upTo: 512)),
        NetworkExpectation(spec: NetworkSpec(sizes: [1, 2, 3], kernels: [[3, 3], []])),
    ]

    static func check(_ bytes: [UInt8]) throws -> Bool {
        let bytes = FileFormat.isArchive(bytes) ? Archive.sealed(bytes) : bytes
        guard try FileTargets.read(bytes),
            let upload = try? Upload(file: bytes, limits: FuzzTarget.formatLimits)
        else {
            return false
        }
        if let tensors = try? WeightFile.read(bytes, limits: FuzzTarget.formatLimits).stateDict() {
            try rewrite(tensors)
        }
        var wasRead = false
        for (expectation, readsAnyFunction) in expectations.flatMap({ [($0, false), ($0, true)] }) {
            let limit = FuzzTarget.bounds.maxNetworks
            let flatSpec = NetworkSpec(sizes: [2, 3, 1])
            guard
                let uploaded = try? UploadedNetworks(
                    upload,
                    NetworkSearchOptions(expectation: expectation, readsAnyFunction: readsAnyFunction),
                    flatSpec: flatSpec, limit: limit,
                    tensorLimit: FuzzTarget.bounds.maxTensors)
            else { continue }
            try require(
                (1...limit).contains(uploaded.networks.count), "\(uploaded.networks.count) networks")
            for case .success(let network) in uploaded.networks.prefix(2) {
                try check(network.weights, network.misfit == nil ? expectation : nil)
                wasRead = true
            }
        }
        return wasRead
    }

    /// What was read must read the same again once it is written.
    private static func rewrite(_ tensors: StateDict) throws {
        let bytes = SafetensorsWriter.write(tensors)
        // The writer takes the name of its metadata for granted.
        guard bytes.count <= FuzzTarget.bounds.maxBodyBytes, !tensors.contains("__metadata__") else { return }
        let again = try? WeightFile.read(bytes, limits: FuzzTarget.formatLimits).stateDict()
        func content(_ tensors: StateDict?) -> [[Int]]? {
            tensors?.entries.flatMap { [$0.tensor.shape, $0.tensor.values.map { Int($0.bitPattern) }] }
        }
        try require(content(again) == content(tensors), "written and read again, tensors are not the same")
    }

    private static func check(_ network: NetworkWeights, _ expectation: NetworkExpectation?) throws {
        if let expectation {
            try require(network.matches(expectation), "\(network.spec.summary) is not what was expected")
        }
        let statistics = network.statistics
        try require(statistics.allSatisfy { $0.nonFiniteCount == 0 }, "a network that is not finite")
        guard network.spec.parameterCount < 10_000 else { return }
        let prepared = PreparedNetwork(drawing: network, NotationClaims(), context: NetworkContext())
        _ = CanonicalForm()(prepared.network)
        if let picture = try? prepared.picture(height: 3, width: 2) {
            try require(picture.values.count == 6 * picture.channels, "\(picture.values.count) values")
        }
    }
}
