import ComputeQueue
import HTTPContent
import HTTPCore
import HTTPTypes
import ModelStore
import Models
import Networks
import NeuralFunctionals
import SIREN
import Uploads
import WeightFormats

/// Why a request, or one network of it, is not answered: the error codes beside those of HTTP itself (`HTTPError`).
package struct ServiceFault: Error, Sendable, Equatable {
    package let status: HTTPResponse.Status
    /// Stable; part of the wire format.
    package let code: String
    /// The same for every fault of the code.
    package let title: String
    /// What was expected and what was received.
    package var detail: String
    /// Seconds after which a retry makes sense; nil where none does.
    package var retryAfter: Int?

    package init(
        _ status: HTTPResponse.Status, _ code: String, _ title: String, _ detail: String, retryAfter: Int? = nil
    ) {
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.retryAfter = retryAfter
    }

    /// The fault as an error of the HTTP server, with the fields that its status requires.
    var httpError: HTTPError {
        var fields = HTTPFields()
        if code == Self.unsupportedEncoding { fields[.acceptEncoding] = ContentCoding.accepted }
        if status == .unauthorized { fields[.wwwAuthenticate] = "Bearer realm=\"weightspace\"" }
        return HTTPError(status, code: code, title: title, detail: detail, fields: fields, retryAfter: retryAfter)
    }

    static func badRequest(_ detail: String) -> ServiceFault {
        ServiceFault(.badRequest, "bad_request", "Bad request", detail)
    }

    static func noSuchModel(_ name: String, served: [String]) -> ServiceFault {
        ServiceFault(
            .notFound, "no_such_model", "No such model",
            "no model is named '\(printable(name))'; served: \(served.joined(separator: ", "))")
    }

    static func noSuchVersion(model: String, _ version: String, served: [String]) -> ServiceFault {
        ServiceFault(
            .notFound, "no_such_version", "No such version",
            "model '\(model)' has no version '\(printable(version))'; served: \(served.joined(separator: ", "))")
    }

    /// - Parameter served: all models, where the request names none.
    static func noSuchOperation(_ output: Output, model: ServedModel, served: [ServedModel] = []) -> ServiceFault {
        func offered(_ model: ServedModel) -> String { model.outputs.map(\.output.rawValue).joined(separator: ", ") }
        let detail =
            served.count > 1
            ? "no model offers \(output.rawValue): "
                + served.map { "'\($0.name)' offers \(offered($0))" }.joined(separator: "; ")
            : "model '\(model.name)' does not offer \(output.rawValue); it offers \(offered(model))"
        return ServiceFault(.notFound, "no_such_operation", "No such operation", detail)
    }

    /// The fault of a `:predict` request to a model whose outputs are no predictions, such as edited networks.
    static func notPredicting(_ model: ServedModel) -> ServiceFault {
        let offered = model.outputs.map(\.output.rawValue)
        return ServiceFault(
            .notFound, "no_such_operation", "No such operation",
            "model '\(model.name)' makes no predictions; it offers \(offered.joined(separator: ", ")): POST networks to \(offered.map { "/v1/\($0)" }.joined(separator: ", "))"
        )
    }

    /// The fault of a network that a model does not read, with what it reads.
    /// - Parameter served: all models, where the client has named none: the others are told with what they do.
    func naming(_ model: ServedModel, of served: [ServedModel] = []) -> ServiceFault {
        guard ["shape_mismatch", "missing_tensor", "unexpected_tensor"].contains(code) else { return self }
        var fault = self
        if model.input.family == .cnn { fault.detail += "; the model reads \(model.reads)" }
        // A missing or misspelt tensor is the file's own fault, whatever reads it.
        let others = code == "shape_mismatch" ? served.filter { $0 !== model } : []
        if !others.isEmpty {
            let list = others.map { other in
                "'\(other.name)', for \(other.outputs.map(\.output.rawValue).joined(separator: ", ")), reads \(other.readsInShort)"
            }
            fault.detail += "; this is model '\(model.name)'; \(list.joined(separator: "; "))"
        }
        return fault
    }

    static let missingKey = ServiceFault(
        .unauthorized, "unauthorized", "Unauthorized",
        "a key is needed, as 'Authorization: Bearer KEY' or 'X-Api-Key: KEY'")
    static let unknownKey = ServiceFault(.unauthorized, "unauthorized", "Unauthorized", "the key is not known")
    static let reloadNeedsKey = ServiceFault(
        .forbidden, "forbidden", "Forbidden", "reloading needs the administration socket or an administrator's key")

    static func forbidden(_ name: String) -> ServiceFault {
        ServiceFault(.forbidden, "forbidden", "Forbidden", "the key of '\(printable(name))' is not an administrator's")
    }

    static func rateLimited(_ wait: Duration) -> ServiceFault {
        ServiceFault(
            .tooManyRequests, "rate_limited", "Too many requests", "this client has used up its rate",
            retryAfter: Int((wait / .seconds(1)).rounded(.up)))
    }

    static let starting = ServiceFault(
        .serviceUnavailable, "starting", "Starting", "models are being loaded", retryAfter: 1)
    static let draining = ServiceFault(
        .serviceUnavailable, "draining", "Draining", "the server is shutting down", retryAfter: 5)
    static let stalled = ServiceFault(
        .serviceUnavailable, "stalled", "Stalled", "the compute loop has made no progress", retryAfter: 10)
    static let internalFault = ServiceFault(
        .internalServerError, "internal", "Internal error", "the request could not be computed")
    static let nonFiniteOutput = ServiceFault(
        .internalServerError, "non_finite_output", "Result is not finite",
        "the model's result has elements that are not finite numbers")

    /// The one table from the codes of unreadable uploads to statuses, and to the codes on the wire.
    init(_ error: UploadError) {
        let (status, title): (HTTPResponse.Status, String) =
            switch error.code {
            case .malformed: (.badRequest, "Malformed upload")
            case .noNetwork: (.badRequest, "Bad request")
            case .unreadableFile: (.badRequest, "File cannot be read")
            case .badJSON: (.badRequest, "Malformed JSON")
            case .badEncoding: (.badRequest, "Malformed content coding")
            case .inflatedTooLarge: (.contentTooLarge, "Inflated body too large")
            case .unknownFormat: (.unsupportedMediaType, "Unknown file format")
            case .legacyTorchFormat: (.unsupportedMediaType, "Legacy PyTorch file")
            case .unsafePickle: (.unsupportedMediaType, "Unsafe pickle")
            case .dtype: (.unprocessableContent, "Element type cannot be read")
            case .nonFinite: (.unprocessableContent, "Weights are not finite")
            case .shapeMismatch: (.unprocessableContent, "Shapes do not fit")
            case .missingTensor: (.unprocessableContent, "Tensor is missing")
            case .unexpectedTensor: (.unprocessableContent, "Unexpected tensor")
            case .batchTooLarge: (.unprocessableContent, "Batch too large")
            case .ambiguousNetwork: (.unprocessableContent, "Several networks")
            case .internal: (.internalServerError, "Internal error")
            }
        let code =
            switch error.code {
            case .malformed, .noNetwork: "bad_request"
            default: error.code.rawValue
            }
        self.init(status, code, title, error.detail)
    }

    init(_ error: FormatError) { self.init(UploadError(error)) }
    init(_ error: NetworkError) { self.init(UploadError(error)) }

    /// 422 for an edit that has no exact form for a network, or makes one that is too large.
    package init(_ error: EditError) {
        let title =
            switch error.code {
            case .notEditable: "Network cannot be edited so"
            case .tooLarge: "Batch too large"
            }
        self.init(.unprocessableContent, error.code.rawValue, title, error.detail)
    }

    init(_ error: ContentError) {
        switch error {
        case .malformedForm(let detail): self.init(UploadError(.malformed, detail))
        case .unsupportedEncoding(let detail):
            self.init(.unsupportedMediaType, Self.unsupportedEncoding, "Unsupported content coding", detail)
        case .undecodable(let error): self.init(error)
        }
    }

    private static let unsupportedEncoding = "unsupported_encoding"

    package init(_ error: PictureError) {
        if case .size = error {
            self = .badRequest("options 'height' and 'width': \(error.detail)")
            return
        }
        self.init(.unprocessableContent, "shape_mismatch", "Network draws no picture", error.detail)
    }

    /// A model's answer; `non_finite_output` where an element is not a finite number.
    static func checked(_ answer: Answer) -> Result<Answer, ServiceFault> {
        answer.values.allSatisfy(\.isFinite) ? .success(answer) : .failure(.nonFiniteOutput)
    }

    /// Throws the fault of the first network without a result; with several networks its detail begins with the index.
    /// - Parameter noun: what the results are of, for the detail.
    static func throwFirst<Success>(
        of results: [Result<Success, ServiceFault>], noun: String = "network"
    ) throws(ServiceFault) {
        for (index, result) in results.enumerated() {
            guard case .failure(var fault) = result else { continue }
            if results.count > 1 { fault.detail = "\(noun) \(index): \(fault.detail)" }
            throw fault
        }
    }

    init(_ refusal: ComputeQueueRefusal, retryAfter: Int) {
        switch refusal {
        case .full(let waiting, let limit):
            self.init(
                .tooManyRequests, "queue_full", "Queue full", "\(waiting) of \(limit) requests waiting",
                retryAfter: retryAfter)
        case .bytesFull(_, let requested, let limit) where requested > limit:
            self.init(
                .contentTooLarge, "body_too_large", "Weights too large",
                "\(requested) bytes of weights exceed the queue's limit of \(limit)")
        case .bytesFull(let waiting, let requested, let limit):
            self.init(
                .tooManyRequests, "queue_full", "Queue full",
                "\(waiting) of \(limit) bytes waiting, no room for \(requested) more", retryAfter: retryAfter)
        }
    }

    init(_ error: ComputeQueueError) {
        switch error {
        case .deadlineExceeded:
            self.init(
                .gatewayTimeout, "deadline_exceeded", "Deadline exceeded", "timeout_ms ran out while the request waited"
            )
        case .cancelled:
            self.init(.init(code: 499), "client_closed", "Client closed", "the client hung up before its answer")
        case .outputCount: self = .internalFault
        }
    }
}

/// Text from a client, for a message: at most 80 characters, control characters replaced.
func printable(_ text: String) -> String {
    let safe = text.unicodeScalars.prefix(80).map { $0.value < 0x20 || $0.value == 0x7f ? "?" : String($0) }
    return safe.joined() + (text.unicodeScalars.count > 80 ? "…" : "")
}
