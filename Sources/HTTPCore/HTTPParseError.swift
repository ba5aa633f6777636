import HTTPTypes

/// Why bytes are not a request. The start of the next request is then unknown, so the connection is always closed.
package enum HTTPParseError: Error, Sendable, Equatable {
    /// A request line, field or line end that breaks the grammar.
    case malformed(String)
    /// A message whose length is ambiguous: `Content-Length`, `Transfer-Encoding`, chunks.
    case framing(String)
    case unsupportedVersion(String)
    case unknownMethod(String)
    case unknownTransferCoding(String)
    case unknownExpectation(String)
    case requestLineTooLong(limit: Int)
    case headerTooLarge(limit: Int)
    case tooManyFields(limit: Int)
    case trailerTooLarge(limit: Int)
    case bodyTooLarge(limit: Int)

    /// The response to it.
    package var httpError: HTTPError {
        switch self {
        case .malformed(let detail): .badRequest(detail)
        case .framing(let detail): .badFraming(detail)
        case .unsupportedVersion(let version): .httpVersion(version)
        case .unknownMethod(let method): .unknownMethod(method)
        case .unknownTransferCoding(let coding): .unknownTransferCoding(coding)
        case .unknownExpectation(let expectation): .expectationFailed(expectation)
        case .requestLineTooLong(let limit): .uriTooLong(limit: limit)
        case .headerTooLarge(let limit): .headersTooLarge("the header exceeds the limit of \(limit) bytes")
        case .tooManyFields(let limit): .headersTooLarge("the header exceeds the limit of \(limit) fields")
        case .trailerTooLarge(let limit): .headersTooLarge("the trailer exceeds the limit of \(limit) bytes")
        case .bodyTooLarge(let limit): .bodyTooLarge(limit: limit)
        }
    }
}
