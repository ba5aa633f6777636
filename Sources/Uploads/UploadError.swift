import NetworkReading
import Networks
import WeightFormats

/// Why an upload, or one network of it, cannot be read: a stable code for programs, a sentence for people.
package struct UploadError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of fault it is. The raw values are stable.
    package enum Code: String, Sendable, CaseIterable {
        /// A file that breaks the rules of its format.
        case malformed
        case badJSON = "bad_json"
        /// A compressed stream that is broken, cut short or followed by other bytes.
        case badEncoding = "bad_encoding"
        case inflatedTooLarge = "inflated_too_large"
        case unknownFormat = "unknown_format"
        case legacyTorchFormat = "legacy_torch_format"
        /// A pickle that asks for anything beyond plain tensors; nothing of it was run.
        case unsafePickle = "unsafe_pickle"
        /// An element type that is not read as float32.
        case dtype
        case nonFinite = "non_finite"
        case shapeMismatch = "shape_mismatch"
        case missingTensor = "missing_tensor"
        case unexpectedTensor = "unexpected_tensor"
        /// More networks, or tensors of all networks, than the limit allows.
        case batchTooLarge = "batch_too_large"
        /// Several networks of which one is asked for, such as a model and its average.
        case ambiguousNetwork = "ambiguous_network"
        /// An upload without any network.
        case noNetwork = "no_network"
        /// A path that cannot be opened or read.
        case unreadableFile = "unreadable_file"
        /// A defect or a shortage of memory, not a fault of the upload.
        case `internal` = "internal"
    }

    package let code: Code
    /// Names the tensor, member or byte offset, what was expected there and what was found.
    package var detail: String

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    /// `code: detail`.
    package var description: String { "\(code.rawValue): \(detail)" }

    /// A reader's error under the same code.
    package init(_ error: FormatError) {
        let code: Code =
            switch error.code {
            case .malformed: .malformed
            case .badJSON: .badJSON
            case .badEncoding: .badEncoding
            case .inflatedTooLarge: .inflatedTooLarge
            case .unknownFormat: .unknownFormat
            case .legacyTorchFormat: .legacyTorchFormat
            case .unsafePickle: .unsafePickle
            case .dtype: .dtype
            case .nonFinite: .nonFinite
            case .shapeMismatch: .shapeMismatch
            case .unexpectedTensor: .unexpectedTensor
            case .batchTooLarge: .batchTooLarge
            case .internal: .internal
            }
        self.init(code, error.detail)
    }

    /// The code of the first mismatch and the details of all.
    package init(_ error: NetworkError) {
        let code: Code =
            switch error.mismatches.first?.code {
            case .shapeMismatch, nil: .shapeMismatch
            case .missingTensor: .missingTensor
            case .unexpectedTensor: .unexpectedTensor
            case .dtype: .dtype
            case .nonFinite: .nonFinite
            case .batchTooLarge: .batchTooLarge
            case .ambiguousNetwork: .ambiguousNetwork
            }
        self.init(code, error.detail)
    }

    /// The fault of a file's arrays or of a network under its own code.
    package init(_ fault: NetworkFault) {
        switch fault {
        case .format(let error): self.init(error)
        case .network(let error): self.init(error)
        case .noArrays(let detail): self.init(.noNetwork, detail)
        }
    }
}
