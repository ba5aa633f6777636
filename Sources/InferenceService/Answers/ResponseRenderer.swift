import HTTPCore
import HTTPTypes
import WeightFormats

/// How errors are written.
enum ErrorForm: Sendable, Hashable {
    /// `application/problem+json` (RFC 9457).
    case problemDetails
    /// The same document as `application/json`: clients of the Open Inference Protocol read errors only under that
    /// type.
    case plainJSON
    /// `{"error": "TITLE: DETAIL"}`, as servers of KServe's V1 protocol write errors.
    case errorMember
}

/// Renders errors, and completes responses with what depends on the request's head.
struct ResponseRenderer: Sendable {
    let crossOrigin: CrossOrigin

    func failure(_ error: HTTPError, id: String, form: ErrorForm) -> Response {
        let response =
            switch form {
            case .problemDetails: error.response(requestID: id)
            case .plainJSON: error.response(requestID: id, contentType: "application/json")
            case .errorMember: Self.errorMember(error, id: id)
            }
        return response.timed()
    }

    private static func errorMember(_ error: HTTPError, id: String) -> Response {
        var response = error.response(requestID: id, contentType: "application/json")
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("error", "\(error.title): \(error.detail)")
        writer.endObject()
        response.body = writer.bytes + [0x0a]
        return response
    }

    /// The response with the trace and, where origins are allowed, the fields of CORS.
    /// - Parameter compresses: whether the body may be sent in a content coding.
    func finished(
        _ response: Response, for head: RequestHead, _ context: ServiceRequestContext, compresses: Bool
    ) -> Response {
        var response = compresses ? response.compressed(for: head) : response
        crossOrigin.decorate(&response, for: head)
        if let trace = context.trace { response.fields[TraceContext.fieldName] = trace.field }
        return response
    }
}
