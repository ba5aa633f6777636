import WeightFormats

/// Why a request's body cannot be unpacked.
package enum ContentError: Error, Sendable, Equatable {
    /// A form that breaks RFC 7578 or exceeds a limit.
    case malformedForm(String)
    /// A content coding, or a part's transfer encoding, that is not accepted.
    case unsupportedEncoding(String)
    /// A body that does not decode as its content coding says.
    case undecodable(FormatError)
}
