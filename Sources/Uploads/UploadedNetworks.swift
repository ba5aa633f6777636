import NetworkReading
import Networks
import Tensors
import WeightFormats

/// The networks of an upload in order. Stacks (tensors with a leading axis of networks) are split; a network that
/// cannot be read keeps its place as a failure.
package struct UploadedNetworks: Sendable {
    /// In the order of the upload.
    package private(set) var networks: [Result<NetworkWeights, UploadError>] = []
    /// Whether the upload was written as a batch or holds a stack.
    package private(set) var isBatch: Bool
    /// Names of tensors that are not parameters and were skipped.
    package private(set) var ignored: [String] = []

    /// - Parameters:
    ///   - expectation: what the model reads; nil accepts any network whose layers fit each other.
    ///   - flatSpec: the layer sizes of a flat vector of parameters where `expectation` is nil; evaluated only then.
    ///   - limit: of networks in total.
    ///   - tensorLimit: of tensors that stacks are split into, in total.
    /// - Throws: `batch_too_large` or `no_network`, and the fault of the only network of an upload that is no batch.
    package init(
        _ upload: Upload, expecting expectation: NetworkExpectation?,
        flatSpec: @autoclosure () -> NetworkSpec? = nil, limit: Int,
        tensorLimit: Int = FormatLimits().maxBatchTensors
    ) throws(UploadError) {
        isBatch = upload.isBatch
        var tensorsLeft = tensorLimit
        for entry in upload.entries {
            switch entry {
            case .failure(let fault): networks.append(.failure(fault))
            case .success(let tensors):
                let before = networks.count
                let stack = min(limit, max(1, tensorsLeft / max(1, tensors.count)))
                append(tensors) { tensors throws(NetworkError) in
                    try NetworkReading(tensors, expecting: expectation, flatSpec: flatSpec(), limit: stack)
                }
                tensorsLeft -= (networks.count - before) * tensors.count
            }
            guard networks.count <= limit else {
                throw UploadError(.batchTooLarge, "more than \(limit) networks in one request")
            }
        }
        guard !networks.isEmpty else { throw UploadError(.noNetwork, "the request holds no network") }
        if !isBatch, networks.count == 1, case .failure(let fault) = networks[0] { throw fault }
    }

    private mutating func append(
        _ tensors: StateDict, _ read: (StateDict) throws(NetworkError) -> NetworkReading
    ) {
        do throws(NetworkError) {
            let reading = try read(tensors)
            isBatch = isBatch || reading.isBatched
            ignored += reading.ignored
            networks += reading.networks.map { .success($0) }
        } catch {
            if let stack = StackWithBadValues(tensors, error, read) {
                isBatch = true
                networks += stack.networks
            } else {
                networks.append(.failure(UploadError(error)))
            }
        }
    }
}

/// A stack in which only some networks have values that are not finite: the others are read.
private struct StackWithBadValues {
    let networks: [Result<NetworkWeights, UploadError>]

    init?(
        _ tensors: StateDict, _ error: NetworkError, _ read: (StateDict) throws(NetworkError) -> NetworkReading
    ) {
        guard error.mismatches.allSatisfy({ $0.code == .nonFinite }) else { return nil }
        let cleaned = StateDict(
            tensors.entries.map { entry in
                let values = entry.tensor.values.map { $0.isFinite ? $0 : 0 }
                return NamedTensor(
                    name: entry.name, tensor: Tensor(shape: entry.tensor.shape, values: values),
                    elementType: entry.elementType)
            })
        guard let reading = try? read(cleaned), reading.isBatched else {
            return nil
        }
        let count = reading.networks.count
        var faults = [UploadError?](repeating: nil, count: count)
        for entry in tensors.entries where entry.tensor.rank > 0 && entry.tensor.shape[0] == count {
            let size = entry.tensor.count / count
            for (index, value) in entry.tensor.values.enumerated() where !value.isFinite {
                let network = index / max(size, 1)
                faults[network] =
                    faults[network]
                    ?? UploadError(
                        .nonFinite,
                        "tensor \(quoted(entry.name)): element \(index % max(size, 1)) of network \(network) is \(value)"
                    )
            }
        }
        networks = zip(reading.networks, faults).map { network, fault in
            fault.map { .failure($0) } ?? .success(network)
        }
    }
}
