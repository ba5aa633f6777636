import Networks
import Tensors

/// Which networks of a stack have values that are not finite.
struct StackFaults {
    /// The arrays with 0 in the place of such values.
    let cleaned: [NamedTensor]
    let isFinite: Bool
    private let faults: [NetworkError?]
    private let all: [NetworkMismatch]

    /// - Parameter arrays: with a leading axis of `count`, where there are several.
    init(_ arrays: [NamedTensor], count: Int) {
        all = arrays.compactMap(NetworkMismatch.nonFiniteValue)
        isFinite = all.isEmpty
        guard !isFinite else {
            cleaned = arrays
            faults = []
            return
        }
        cleaned = arrays.map { entry in
            let values = entry.tensor.values.map { $0.isFinite ? $0 : 0 }
            return NamedTensor(
                name: entry.name, tensor: Tensor(shape: entry.tensor.shape, values: values),
                elementType: entry.elementType)
        }
        var faults = [NetworkError?](repeating: nil, count: count)
        // Weights come first, as in a message about all arrays of a layer.
        for entry in arrays.sorted(by: { $0.tensor.rank > $1.tensor.rank }) {
            let size = max(entry.tensor.count / max(count, 1), 1)
            for (index, value) in entry.tensor.values.enumerated() where !value.isFinite {
                let network = min(index / size, count - 1)
                guard faults[network] == nil else { continue }
                faults[network] = NetworkError(
                    NetworkMismatch(
                        .nonFinite, tensor: entry.name, expected: "finite numbers",
                        received: "\(value) at element \(index % size) of network \(network)"))
            }
        }
        self.faults = faults
    }

    /// The networks of a stack, each readable or not.
    /// - Throws: for a single network, every array with a value that is not finite.
    func results(
        _ networks: [NetworkWeights], _ isStack: Bool
    ) throws(NetworkError) -> [Result<NetworkWeights, NetworkError>] {
        guard !isFinite else { return networks.map { .success($0) } }
        guard isStack else { throw NetworkError(all) }
        return zip(networks, faults).map { network, fault in fault.map { .failure($0) } ?? .success(network) }
    }
}
