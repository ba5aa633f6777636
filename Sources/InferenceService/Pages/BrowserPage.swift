import Foundation
import HTTPContent
import HTTPCore
import HTTPTypes
import Host
import WeightFormats

/// The page that `GET /` gives to browsers: one HTML file with one style and one script inside.
///
/// Its policy lets the browser run this style and this script alone, by their digests, load nothing from elsewhere and
/// send requests to this server only.
struct BrowserPage: Sendable {
    /// The resource `page.html`; nil where it is not installed.
    static let installed: BrowserPage? = {
        let url = ProgramResources.url(
            bundled: "weightspace_InferenceService.resources/page.html", installed: "page.html")
        return url.flatMap { try? String(contentsOf: $0, encoding: .utf8) }.flatMap { BrowserPage(html: $0) }
    }()

    private let response: Response
    /// The same in the content codings that make it smaller.
    private let encoded: [CompressedStream: Response]
    /// The entity tag without `W/`. It is sent as a weak one: with a content coding the bytes differ.
    private let tag: String

    /// - Parameter html: a document with one `<style>` and one `<script>`; nil is returned for others.
    init?(html: String) {
        guard let style = Self.content(of: "style", in: html), let script = Self.content(of: "script", in: html) else {
            return nil
        }
        let body = Array(html.utf8)
        tag = "\"\(ContentDigest.hexadecimal(body).prefix(16))\""
        var response = Response(.ok, contentType: "text/html; charset=utf-8", body: body)
        response.fields[.contentSecurityPolicy] = [
            "default-src 'none'", "script-src \(Self.source(script))", "style-src \(Self.source(style))",
            "img-src blob: data:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
            "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
        ].joined(separator: "; ")
        response.fields[.xContentTypeOptions] = "nosniff"
        response.fields.set("Referrer-Policy", to: "no-referrer")
        response.fields.set("Cross-Origin-Resource-Policy", to: "same-origin")
        // The browser asks each time and gets 304 until the program is replaced.
        response.fields[.cacheControl] = "no-cache"
        response.fields[.eTag] = "W/" + tag
        response.fields[.vary] = "Accept, Accept-Encoding"
        self.response = response
        encoded = .init(
            uniqueKeysWithValues: CompressedStream.allCases.compactMap { coding in
                response.encoded(coding).map { (coding, $0) }
            })
    }

    /// The page, or 304 without a body where the client has it already.
    func response(to head: RequestHead) -> Response {
        // RFC 9110, section 13.1.2: the comparison is weak.
        let known = head.fields[values: .ifNoneMatch].flatMap { $0.split(separator: ",") }.map { item in
            let text = item.filter { $0 != " " && $0 != "\t" }
            return text.hasPrefix("W/") ? String(text.dropFirst(2)) : text
        }
        guard known.contains(tag) || known == ["*"] else {
            let accepted = head.fields[values: .acceptEncoding].joined(separator: ",")
            return ContentCoding.preferred(acceptEncoding: accepted).flatMap { encoded[$0] } ?? response
        }
        var unchanged = response
        unchanged.status = .notModified
        unchanged.body = []
        unchanged.fields[.contentType] = nil
        return unchanged
    }

    /// The text of the only element of that name.
    private static func content(of element: String, in html: String) -> Substring? {
        let parts = html.split(separator: "<\(element)>", omittingEmptySubsequences: false)
        guard parts.count == 2, let end = parts[1].firstRange(of: "</\(element)>") else { return nil }
        return parts[1][..<end.lowerBound]
    }

    /// The source expression of a policy for an inline element with this text (Content Security Policy, section 2.3.1).
    private static func source(_ text: Substring) -> String {
        "'sha256-\(Data(ContentDigest.bytes(Array(text.utf8))).base64EncodedString())'"
    }
}
