import Networks
import WeightFormats

/// Why a member of a file is no network that can be read: a fault of the file's arrays, or of the network they form.
package enum NetworkFault: Error, Sendable, Equatable, CustomStringConvertible {
    case format(FormatError)
    case network(NetworkError)
    /// No array from which a network could be read.
    case noArrays(String)

    package init(_ mismatch: NetworkMismatch) { self = .network(NetworkError(mismatch)) }

    package var description: String {
        switch self {
        case .format(let error): error.description
        case .network(let error): error.description
        case .noArrays(let detail): "no_network: \(detail)"
        }
    }
}

/// A network of a file, or a stack of networks in arrays with a leading axis.
package struct FoundNetwork: Sendable {
    /// One network, or those of a stack in order. One of a stack whose values are not finite is a failure.
    package let weights: [Result<NetworkWeights, NetworkError>]
    /// Whether the arrays had a leading axis of networks.
    package let isStack: Bool
    /// What the file says beside the layers.
    package let context: NetworkContext
    /// Why the model cannot read the weights, where the network was found as one that can be evaluated.
    package let misfit: NetworkError?
    /// Where the arrays are in the file; nil unless the search was told to record it.
    package var placement: NetworkPlacement?
}

/// What a search looks for.
package struct NetworkSearchOptions: Sendable {
    /// The networks that the model reads; nil accepts any whose layers fit together.
    package var expectation: NetworkExpectation?
    /// Whether networks that the model does not read are found too, if they can be evaluated at coordinates: fully
    /// connected, with 1 or 3 outputs, and 2 inputs, or more behind a matrix of Fourier features.
    package var readsAnyFunction = false
    /// The path of the member to read, with dots between the steps, such as `ema.params`; nil searches the whole file.
    package var member: String?
    /// The order of the parameters in a flat vector; nil looks at the values.
    package var layout: FlatLayout?
    /// ε of batch normalisation; nil takes the file's or the default of its library.
    package var batchNormEpsilon: Double?
    /// Whether the file is a document in JSON, where a list of networks, at the top level or in `inputs`, is a batch of
    /// which every element is answered, and numbers at the top level are options.
    package var isDocument = false
    /// Members at the top level of such a document that are options of the request rather than of the networks: they are
    /// not written again.
    package var requestOptions: Set<String> = []
    /// The most networks.
    package var networkLimit = Int.max
    /// The most arrays that stacks are split into.
    package var tensorLimit = Int.max
    /// The most arrays of one network.
    package var arrayLimit = 256
    /// Whether the places of arrays are recorded, so that other weights can be written there.
    package var recordsPlacement = false

    package init(
        expectation: NetworkExpectation? = nil, readsAnyFunction: Bool = false, member: String? = nil,
        layout: FlatLayout? = nil, batchNormEpsilon: Double? = nil, isDocument: Bool = false
    ) {
        self.expectation = expectation
        self.readsAnyFunction = readsAnyFunction
        self.member = member
        self.layout = layout
        self.batchNormEpsilon = batchNormEpsilon
        self.isDocument = isDocument
    }
}
