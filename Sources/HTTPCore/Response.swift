import HTTPTypes

/// A response before it is serialised; the server adds `Date`, `Content-Length`, `Connection` and `X-Request-Id`.
package struct Response: Sendable, Equatable {
    package var status: HTTPResponse.Status
    /// Without those that the server adds.
    package var fields: HTTPFields
    package var body: [UInt8]
    /// Whether the connection is closed after it.
    package var closesConnection = false
    /// The stable code of an error, for the access log; not sent.
    package var reason: String?

    package init(_ status: HTTPResponse.Status, fields: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    package init(_ status: HTTPResponse.Status, contentType: String, body: [UInt8]) {
        self.init(status, fields: [.contentType: contentType], body: body)
    }

    /// The answer to `OPTIONS`.
    package static func options(allow: [String]) -> Response {
        Response(.noContent, fields: [.allow: allow.joined(separator: ", ")])
    }
}

extension HTTPField.Name {
    /// The name of a field that has no constant of its own.
    /// - Parameter token: a token (RFC 9110 section 5.6.2).
    package init(token: StaticString) {
        guard let name = HTTPField.Name(token.description) else { preconditionFailure("no field name: \(token)") }
        self = name
    }
}

extension HTTPFields {
    /// Sets a field that has no constant of its own; a name that is not a token sets nothing.
    package mutating func set(_ name: String, to value: String) {
        guard let name = HTTPField.Name(name) else { return }
        self[name] = value
    }

    /// The value of a field that has no constant of its own.
    package func value(of name: String) -> String? {
        HTTPField.Name(name).flatMap { self[$0] }
    }
}
