import HTTPTypes
import Networks
import Tensors
import WeightFormats

/// The networks of an upload in order, stacked ones taken apart; those that cannot be read keep their place.
package struct UploadedNetworks: Sendable {
    package private(set) var networks: [Result<NetworkWeights, ServiceFault>] = []
    package private(set) var isBatch: Bool
    /// Entries that are no parameters and were passed over.
    package private(set) var ignored: [String] = []

    /// - Parameters:
    ///   - expectation: what the model reads; nil takes any network that chains up.
    ///   - flatSpec: by which a flat upload is cut where nothing is expected; asked for only then.
    ///   - limit: networks in all.
    ///   - tensorLimit: tensors that stacks may be taken apart into, in all.
    package init(
        _ upload: Upload, expecting expectation: NetworkExpectation?,
        flatSpec: @autoclosure () -> NetworkSpec? = nil, limit: Int,
        tensorLimit: Int = FormatLimits().maxBatchTensors
    ) throws(ServiceFault) {
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
                throw ServiceFault(
                    .unprocessableContent, "batch_too_large", "Batch too large",
                    "more than \(limit) networks in one request")
            }
        }
        guard !networks.isEmpty else { throw .badRequest("the request holds no network") }
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
                networks.append(.failure(ServiceFault(error)))
            }
        }
    }
}

/// A stack of networks of which only some have values that are not finite: the others are as good as any.
private struct StackWithBadValues {
    let networks: [Result<NetworkWeights, ServiceFault>]

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
        var faults = [ServiceFault?](repeating: nil, count: count)
        for entry in tensors.entries where entry.tensor.rank > 0 && entry.tensor.shape[0] == count {
            let size = entry.tensor.count / count
            for (index, value) in entry.tensor.values.enumerated() where !value.isFinite {
                let network = index / max(size, 1)
                faults[network] =
                    faults[network]
                    ?? ServiceFault(
                        .unprocessableContent, NetworkMismatch.Code.nonFinite.rawValue, "Weights are not finite",
                        "tensor '\(printable(entry.name))': element \(index % max(size, 1)) of network \(network) is \(value)"
                    )
            }
        }
        networks = zip(reading.networks, faults).map { network, fault in
            fault.map { .failure($0) } ?? .success(network)
        }
    }
}
