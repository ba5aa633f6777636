import Foundation
import HTTPCore
import HTTPTypes
import Host
import TestSupport
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: the page of browsers")
struct BrowserPageTests {
    private static let browser = [
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
    ]

    private static func policy(_ answer: Answer) throws -> [String: String] {
        let field = try #require(answer.field("Content-Security-Policy"))
        let pairs = field.split(separator: "; ").map { item in
            let words = item.split(separator: " ", maxSplits: 1)
            return (String(words[0]), String(words.last ?? ""))
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    @Test("clients that prefer HTML get the page, others the list of paths")
    func negotiation() throws {
        let service = try ServiceDriver()
        for accepted in [
            Self.browser["Accept"], "text/html", "text/*", "text/html, application/json", "TEXT/HTML;q=0.5, */*;q=0.1",
        ] {
            let answer = try service.get("/", ["Accept": try #require(accepted)])
            #expect(answer.status == 200 && answer.text.hasPrefix("<!DOCTYPE html>"), "\(accepted ?? "")")
            #expect(answer.field("Content-Type") == "text/html; charset=utf-8")
            #expect(answer.field("Vary") == "Accept, Accept-Encoding")
        }
        for accepted in [nil, "*/*", "application/json", "text/html;q=0.5, application/json", "text/html;q=0"] {
            let answer = try service.get("/", accepted.map { ["Accept": $0] } ?? [:])
            #expect(try answer.json()["name"]?.string == "weightspace", "\(accepted ?? "none")")
            #expect(answer.field("Vary") == "Accept")
        }
        let models = try service.get("/v1/models", Self.browser)
        #expect(models.field("Content-Type") == "application/json")
    }

    @Test("HEAD has the fields of GET")
    func head() throws {
        let service = try ServiceDriver()
        let (whole, head) = (try service.get("/", Self.browser), try service.send("HEAD", "/", Self.browser))
        #expect(head.status == 200 && head.response.fields == whole.response.fields)
    }

    @Test("the policy admits the page's own style and script by their digests, and nothing from elsewhere")
    func policy() throws {
        let answer = try ServiceDriver().get("/", Self.browser)
        let policy = try Self.policy(answer)
        for (element, directive) in [("style", "style-src"), ("script", "script-src")] {
            let text = try #require(
                answer.text.firstMatch(of: try Regex("(?s)<\(element)>(.*)</\(element)>"))?[1].substring)
            let digest = Data(ContentDigest.bytes(Array(text.utf8))).base64EncodedString()
            #expect(policy[directive] == "'sha256-\(digest)'")
        }
        #expect(policy["default-src"] == "'none'" && policy["connect-src"] == "'self'")
        #expect(policy["frame-ancestors"] == "'none'" && policy["base-uri"] == "'none'")
        #expect(!policy.values.contains { $0.contains("unsafe") })
        #expect(answer.field("X-Content-Type-Options") == "nosniff")
        // What the policy would block: handlers and styles in attributes, other files.
        let markup = try #require(answer.text.firstRange(of: "<body>")).lowerBound
        let body = answer.text[markup...].prefix(while: { $0 != "\0" }).split(separator: "<script>")[0]
        #expect(try body.firstMatch(of: Regex(#"\s(on[a-z]+|style|src)="#)) == nil)
        #expect(!answer.text.contains("http://") && !answer.text.contains("https://"))
        #expect(!answer.text.contains("innerHTML"))
    }

    @Test("a browser that has the page gets 304 without a body")
    func revalidation() throws {
        let service = try ServiceDriver()
        let page = try service.get("/", Self.browser)
        let tag = try #require(page.field("ETag"))
        #expect(tag.hasPrefix("W/\"") && page.field("Cache-Control") == "no-cache")
        for known in [tag, String(tag.dropFirst(2)), "\"another\", \(tag)", "*"] {
            let answer = try service.get("/", Self.browser.merging(["If-None-Match": known]) { first, _ in first })
            #expect(answer.status == 304 && answer.body.isEmpty, "\(known)")
            #expect(answer.field("ETag") == tag && answer.field("Vary") == "Accept, Accept-Encoding")
            #expect(answer.field("Content-Type") == nil)
        }
        let other = try service.get("/", Self.browser.merging(["If-None-Match": "\"another\""]) { first, _ in first })
        #expect(other.status == 200 && other.body == page.body)
        #expect(try service.get("/", ["If-None-Match": tag]).status == 200, "the list of paths has no tag")
    }

    @Test("the page is compressed for clients that accept it")
    func compression() throws {
        let service = try ServiceDriver()
        let plain = try service.get("/", Self.browser)
        #expect(plain.field("Content-Encoding") == nil && plain.field("Vary") == "Accept, Accept-Encoding")
        for coding in CompressedStream.allCases {
            let fields = Self.browser.merging(["Accept-Encoding": coding.rawValue]) { first, _ in first }
            let packed = try service.get("/", fields)
            #expect(packed.field("Content-Encoding") == coding.rawValue)
            #expect(packed.field("Vary") == "Accept, Accept-Encoding")
            #expect(packed.body.count < plain.body.count / 2)
            #expect(try coding.decode(packed.body, limits: FormatLimits()) == plain.body)
            #expect(packed.field("ETag") == plain.field("ETag"))
        }
    }

    @Test("where requests need a key the page is served without one, and what it asks for is not")
    func keys() throws {
        let keys = try APIKeys("alice sha256:\(ContentDigest.hexadecimal(Array("alice's".utf8)))")
        let service = try ServiceDriver(access: AccessControl(keys: keys))
        #expect(try service.get("/", Self.browser).status == 200)
        #expect(try service.get("/").status == 401)
        #expect(try service.get("/v1/models", Self.browser).status == 401)
    }

    @Test("documents without one style and one script are no page")
    func damage() {
        #expect(BrowserPage(html: "<style>a</style><script>b</script>") != nil)
        for html in [
            "", "<style>a</style>", "<script>b</script>", "<style>a</style><script>b",
            "<style>a</style><script>b</script><script>c</script>",
        ] {
            #expect(BrowserPage(html: html) == nil, "\(html)")
        }
    }
}
