import HTTPCore
import HTTPTypes

/// Cross-origin requests (the CORS protocol of the Fetch standard): off unless origins are listed, and never with
/// credentials.
struct CrossOrigin: Sendable {
    let allowedOrigins: Set<String>

    private static let requestFields =
        "Authorization, X-Api-Key, Content-Type, Content-Encoding, Inference-Header-Content-Length, X-Request-Id, traceparent"
    private static let responseFields =
        "X-Request-Id, Server-Timing, Retry-After, X-Tensor-Shape, X-Tensor-Dtype, X-Warning, X-Fit-Psnr, X-Fit-Steps, X-Fit-Milliseconds, Inference-Header-Content-Length, traceparent"

    /// Adds the fields that let a page of an allowed origin read the response.
    func decorate(_ response: inout Response, for head: RequestHead) {
        guard !allowedOrigins.isEmpty else { return }
        let vary = [response.fields[.vary], "Origin"].compactMap(\.self).joined(separator: ", ")
        response.fields[.vary] = vary
        guard let origin = head.fields[.origin], allowedOrigins.contains(origin) || allowedOrigins.contains("*") else {
            return
        }
        response.fields[.accessControlAllowOrigin] = origin
        response.fields[.accessControlExposeHeaders] = Self.responseFields
        guard head.method == "OPTIONS", head.fields[.accessControlRequestMethod] != nil else { return }
        response.fields[.accessControlAllowMethods] = response.fields[.allow] ?? "GET, POST"
        response.fields[.accessControlAllowHeaders] = Self.requestFields
        response.fields[.accessControlMaxAge] = "600"
    }
}
