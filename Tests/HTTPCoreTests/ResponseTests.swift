import HTTPTypes
import Testing

@testable import HTTPCore

@Suite("Responses")
struct ResponseTests {
    private func serialize(_ response: Response, _ change: (inout ResponseSerializer.Context) -> Void = { _ in })
        -> String
    {
        var serializer = ResponseSerializer()
        var context = ResponseSerializer.Context(requestID: "r1", unixSeconds: 784_111_777)
        change(&context)
        return String(decoding: serializer.serialize(response, context).joined(), as: UTF8.self)
    }

    private let hello = Response(.ok, contentType: "text/plain", body: Array("hello".utf8))

    @Test("writes status line, date, own fields, length and request ID")
    func plain() {
        #expect(
            serialize(hello)
                == "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
                + "Content-Length: 5\r\nX-Request-Id: r1\r\n\r\nhello")
    }

    @Test("answers HEAD with the fields of GET and no body")
    func head() {
        let get = serialize(hello)
        #expect(serialize(hello) { $0.isHead = true } == String(get.dropLast(5)))
    }

    @Test("sends neither body nor length with a status that has none", arguments: [204, 304])
    func bodiless(_ code: Int) {
        var response = hello
        response.status = HTTPResponse.Status(code: code)
        let text = serialize(response)
        #expect(!text.contains("Content-Length"))
        #expect(text.hasSuffix("\r\n\r\n"))
    }

    @Test("sends Connection only where the default does not apply")
    func connection() {
        #expect(!serialize(hello).contains("Connection:"))
        #expect(serialize(hello) { $0.closes = true }.contains("\r\nConnection: close\r\n"))
        #expect(serialize(hello) { $0.minorVersion = 0 }.contains("\r\nConnection: keep-alive\r\n"))
        let both = serialize(hello) {
            $0.minorVersion = 0
            $0.closes = true
        }
        #expect(both.contains("\r\nConnection: close\r\n") && !both.contains("keep-alive"))
    }

    @Test("never writes a field twice that it writes itself")
    func ownFields() {
        var response = hello
        for name in ["Content-Length", "Date", "Connection", "Transfer-Encoding", "X-Request-Id"] {
            response.fields.set(name, to: "other")
        }
        #expect(serialize(response) == serialize(hello))
    }

    @Test("cannot be split by a value with line ends")
    func splitting() {
        var response = hello
        response.fields.set("X-A", to: "1\r\nX-B: 2")
        #expect(!serialize(response).contains("\r\nX-B"))
        response.fields.set("X A", to: "1")
        #expect(response.fields.value(of: "X A") == nil)
    }

    @Test("keeps large bodies apart from their head, and loses nothing")
    func largeBody() {
        let body = [UInt8](repeating: 7, count: 100_000)
        var serializer = ResponseSerializer()
        let pieces = serializer.serialize(Response(.ok, body: body), .init(requestID: "r", unixSeconds: 0))
        #expect(pieces.count == 2)
        #expect(pieces.last == body)
    }

    @Test(
        "formats dates as HTTP requires",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (-5, "Thu, 01 Jan 1970 00:00:00 GMT"), (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] as [(Int64, String)])
    func dates(_ seconds: Int64, _ text: String) {
        #expect(HTTPDate.format(seconds) == text)
    }

    @Test("formats the date again when the second changes")
    func dateCache() {
        var date = HTTPDate()
        #expect(date.text(at: 1) == "Thu, 01 Jan 1970 00:00:01 GMT")
        #expect(date.text(at: 1) == "Thu, 01 Jan 1970 00:00:01 GMT")
        #expect(date.text(at: 2) == "Thu, 01 Jan 1970 00:00:02 GMT")
    }
}

@Suite("HTTPError")
struct HTTPErrorTests {
    @Test("renders a problem document with the members that clients look for")
    func problem() {
        let error = HTTPError(
            .tooManyRequests, code: "queue_full", title: "Queue full", detail: "64 of 64 \"slots\"\n", retryAfter: 2)
        #expect(
            String(decoding: error.problem(requestID: "r1"), as: UTF8.self)
                == #"{"type":"/problems/queue-full","title":"Queue full","status":429,"#
                + #""detail":"64 of 64 \"slots\"\n","code":"queue_full","request_id":"r1","retry_after":2,"#
                + #""error":"Queue full: 64 of 64 \"slots\"\n"}"# + "\n")
        let response = error.response(requestID: "r1")
        #expect(response.fields[.retryAfter] == "2")
        #expect(response.fields[.contentType] == "application/problem+json")
        #expect(response.reason == "queue_full")
        #expect(
            error.response(requestID: "r1", contentType: "application/json").fields[.contentType] == "application/json")
    }

    @Test("has Retry-After only where a retry makes sense, and carries Allow")
    func fields() {
        let text = String(decoding: HTTPError.bodyTooLarge(limit: 5).problem(requestID: "r"), as: UTF8.self)
        #expect(!text.contains("retry_after"))
        let response = HTTPError.methodNotAllowed("PUT", allow: ["GET", "HEAD"]).response(requestID: "r")
        #expect(response.fields[.allow] == "GET, HEAD")
        #expect(response.fields[.retryAfter] == nil)
    }

    @Test("escapes control characters in JSON")
    func escaping() {
        #expect(JSONText.quoted("\u{00}\u{1F}\u{7F}\\\t\r\u{E9}") == #""\u0000\u001f\u007f\\\t\r"# + "\u{E9}\"")
    }
}
