import NetworkReading
import Networks
import WeightFormats

/// A network of an upload, and what its file says about it.
package struct UploadedNetwork: Sendable {
    package let weights: NetworkWeights
    /// Its key, or its index in a list of other values too, where the file is a batch; else nil.
    package let name: String?
    /// What the file says beside the layers.
    package let context: NetworkContext
    /// Why the model cannot read the weights, where the network is read as a function only.
    package let misfit: NetworkError?
    /// Where it is in its file; nil unless the search was told to record it.
    package let place: NetworkPlace?
}

/// Where a network is in an upload.
package struct NetworkPlace: Sendable {
    /// The file, from 0.
    package let file: Int
    /// The number of the array or arrays that hold it: the networks of a stack share it.
    package let group: Int
    /// In the file's tree.
    package let placement: NetworkPlacement
}

/// The networks of an upload in order. Stacks (tensors with a leading axis of networks) are split; a network that
/// cannot be read keeps its place and its name as a failure.
package struct UploadedNetworks: Sendable {
    /// In the order of the upload.
    package private(set) var networks: [Result<UploadedNetwork, UploadError>] = []
    /// The name of each network, also of those that cannot be read.
    package private(set) var names: [String?] = []
    /// Whether the upload was written as a batch or holds a stack.
    package private(set) var isBatch: Bool
    /// Whether a file holds arrays with a leading axis of networks.
    package private(set) var isStack = false
    /// The paths of members that were passed over, such as `optimizer` and `grid`.
    package private(set) var ignored: [String] = []
    private var groups = 0

    /// - Parameters:
    ///   - options: what is looked for; their limits and `isDocument` are set here.
    ///   - flatSpec: the layer sizes of a flat vector of parameters without an expectation; evaluated only then.
    ///   - limit: of networks in total.
    ///   - tensorLimit: of tensors that stacks are split into, in total.
    /// - Throws: `batch_too_large` or `no_network`, and the fault of the only network of an upload that is no batch.
    package init(
        _ upload: Upload, _ options: NetworkSearchOptions, flatSpec: @autoclosure () -> NetworkSpec? = nil, limit: Int,
        tensorLimit: Int = FormatLimits().maxBatchTensors
    ) throws(UploadError) {
        isBatch = upload.files.count > 1
        var options = options
        options.networkLimit = limit
        options.tensorLimit = tensorLimit
        options.arrayLimit = FormatLimits().maxTensors
        for (number, file) in upload.files.enumerated() {
            switch file {
            case .failure(let fault): append(.failure(fault), nil)
            case .success(let file):
                options.isDocument = file.format == .json
                let before = networks.count
                do throws(NetworkFault) {
                    append(try NetworkSearch(file.tree, options, flatSpec: flatSpec()), ofFile: number)
                } catch {
                    append(.failure(UploadError(error)), nil)
                }
                for case .success(let network) in networks[before...] {
                    options.tensorLimit -= 2 * network.weights.layers.count
                }
            }
            guard networks.count <= limit else {
                throw UploadError(.batchTooLarge, "more than \(limit) networks in one request")
            }
        }
        guard !networks.isEmpty else { throw UploadError(.noNetwork, "the request holds no network") }
        if !isBatch, networks.count == 1, case .failure(let fault) = networks[0] { throw fault }
    }

    private mutating func append(_ search: NetworkSearch, ofFile file: Int) {
        isBatch = isBatch || search.isBatch
        ignored += search.ignored
        for entry in search.entries {
            switch entry.result {
            case .failure(let fault): append(.failure(UploadError(fault)), entry.name)
            case .success(let found):
                isStack = isStack || found.isStack
                isBatch = isBatch || found.isStack
                groups += 1
                let place = found.placement.map { NetworkPlace(file: file, group: groups, placement: $0) }
                for weights in found.weights {
                    let network = weights.mapError(UploadError.init).map { weights in
                        UploadedNetwork(
                            weights: weights, name: entry.name, context: found.context, misfit: found.misfit,
                            place: place)
                    }
                    append(network, entry.name)
                }
            }
        }
    }

    private mutating func append(_ network: Result<UploadedNetwork, UploadError>, _ name: String?) {
        networks.append(network)
        names.append(name)
    }
}
