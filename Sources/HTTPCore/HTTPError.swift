import HTTPTypes

/// Why a request fails: what the error response says. `response` renders it.
package struct HTTPError: Error, Sendable, Equatable {
    /// The status of the response.
    package var status: HTTPResponse.Status
    /// Stable, in lower case with underscores; for programs.
    package var code: String
    /// The same text for every occurrence of `code`; for people.
    package var title: String
    /// What was expected and what was received.
    package var detail: String
    /// Fields that the status requires: `Allow`, `Accept-Encoding`, `WWW-Authenticate`.
    package var fields: HTTPFields
    /// Seconds after which a retry makes sense; sent as `Retry-After` too.
    package var retryAfter: Int?

    package init(
        _ status: HTTPResponse.Status, code: String, title: String, detail: String, fields: HTTPFields = [:],
        retryAfter: Int? = nil
    ) {
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.fields = fields
        self.retryAfter = retryAfter
    }
}

/// The errors that come from HTTP itself.
extension HTTPError {
    package static func badRequest(_ detail: String) -> HTTPError {
        HTTPError(.badRequest, code: "bad_request", title: "Bad request", detail: detail)
    }

    package static func badFraming(_ detail: String) -> HTTPError {
        HTTPError(.badRequest, code: "bad_framing", title: "Bad message framing", detail: detail)
    }

    package static func noSuchPath(_ path: String) -> HTTPError {
        HTTPError(.notFound, code: "no_such_path", title: "No such path", detail: "nothing is served at \(path)")
    }

    package static func methodNotAllowed(_ method: String, allow: [String]) -> HTTPError {
        let allowed = allow.joined(separator: ", ")
        return HTTPError(
            .methodNotAllowed, code: "method_not_allowed", title: "Method not allowed",
            detail: "\(method) is not offered here, only \(allowed)", fields: [.allow: allowed])
    }

    package static func headerTimeout(after limit: Duration) -> HTTPError {
        HTTPError(
            .requestTimeout, code: "header_timeout", title: "Header timeout",
            detail: "the request's head was not complete within \(limit)")
    }

    package static func bodyTimeout(_ detail: String) -> HTTPError {
        HTTPError(.requestTimeout, code: "body_timeout", title: "Body timeout", detail: detail)
    }

    /// Without `Retry-After`: the same body would be too large later as well.
    package static func bodyTooLarge(limit: Int) -> HTTPError {
        HTTPError(
            .contentTooLarge, code: "body_too_large", title: "Body too large",
            detail: "the request's body exceeds the limit of \(limit) bytes")
    }

    package static func uriTooLong(limit: Int) -> HTTPError {
        HTTPError(
            .uriTooLong, code: "uri_too_long", title: "URI too long",
            detail: "the request line exceeds the limit of \(limit) bytes")
    }

    package static func headersTooLarge(_ detail: String) -> HTTPError {
        HTTPError(
            .requestHeaderFieldsTooLarge, code: "headers_too_large", title: "Headers too large", detail: detail)
    }

    package static func expectationFailed(_ received: String) -> HTTPError {
        HTTPError(
            .expectationFailed, code: "expectation_failed", title: "Expectation failed",
            detail: "only 100-continue can be expected, not \(received)")
    }

    package static func unknownMethod(_ method: String) -> HTTPError {
        HTTPError(
            .notImplemented, code: "unknown_method", title: "Unknown method",
            detail: "\(method) is not a method of this server; methods are case-sensitive")
    }

    package static func unknownTransferCoding(_ coding: String) -> HTTPError {
        HTTPError(
            .notImplemented, code: "unknown_transfer_coding", title: "Unknown transfer coding",
            detail: "only chunked is understood, not \(coding)")
    }

    package static func httpVersion(_ received: String) -> HTTPError {
        HTTPError(
            .httpVersionNotSupported, code: "http_version", title: "HTTP version not supported",
            detail: "this server speaks HTTP/1.1 and HTTP/1.0, not \(received)")
    }

    package static func tooManyConnections(limit: Int) -> HTTPError {
        HTTPError(
            .serviceUnavailable, code: "too_many_connections", title: "Too many connections",
            detail: "the limit of \(limit) connections is reached", retryAfter: 1)
    }

    /// For large requests and answers while memory is short, so that smaller ones can be served.
    package static var overloaded: HTTPError {
        HTTPError(
            .serviceUnavailable, code: "overloaded", title: "Overloaded",
            detail: "the server holds as many bytes of large requests and answers as it may", retryAfter: 5)
    }

    /// A defect of the server; the response does not describe it.
    package static var `internal`: HTTPError {
        HTTPError(
            .internalServerError, code: "internal", title: "Internal error", detail: "the request was not answered")
    }
}
