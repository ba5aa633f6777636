import HTTPTypes
import Testing

@testable import HTTPCore

@Suite("RequestParser")
struct RequestParserTests {
    private func head(_ text: String) throws -> RequestHead {
        var parser = RequestParser(limits: HTTPLimits())
        parser.append(Array(text.utf8))
        guard case .head(let head) = try parser.next() else { throw HTTPParseError.malformed("no head") }
        return head
    }

    @Test("reports everything that a head says")
    func headContents() throws {
        let head = try head(
            "POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-A:  1 \r\nx-a: 2\r\nContent-Length: 5\r\n"
                + "Expect: 100-continue\r\nConnection: close\r\n\r\n")
        #expect(head.method == "POST")
        #expect(head.target.path == "/a")
        #expect(head.minorVersion == 1)
        #expect(head.fields.value(of: "X-A") == "1, 2")
        #expect(head.framing == .length(5))
        #expect(!head.keepAlive)
        #expect(head.expectsContinue)
    }

    @Test("keeps throwing the first error, whatever follows")
    func failureIsFinal() {
        var parser = RequestParser(limits: HTTPLimits())
        parser.append(Array("GET / HTTP/3.0\r\n".utf8))
        #expect(throws: HTTPParseError.unsupportedVersion("'HTTP/3.0'")) { try parser.next() }
        parser.append(Delivery.goodRequest)
        #expect(throws: HTTPParseError.unsupportedVersion("'HTTP/3.0'")) { try parser.next() }
        #expect(parser.bufferedBytes == 0)
    }

    @Test("applies a lowered body limit to the current request only")
    func bodyLimit() throws {
        var parser = RequestParser(limits: HTTPLimits())
        let request = Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd".utf8)
        parser.append(request + request)
        _ = try parser.next()
        parser.bodyLimit = 4
        #expect(try parser.next() == .body(Array("abcd".utf8)[...]))
        #expect(try parser.next() == .end)
        _ = try parser.next()
        #expect(parser.bodyLimit == HTTPLimits().maxBodyBytes)
        parser.bodyLimit = 3
        #expect(throws: HTTPParseError.bodyTooLarge(limit: 3)) { try parser.next() }
    }

    @Test("counts chunked data, not its framing, against the body limit")
    func chunkedLimit() throws {
        var limits = HTTPLimits()
        limits.maxBodyBytes = 4
        func error(_ body: String) -> HTTPParseError? {
            var parser = RequestParser(limits: limits)
            parser.append(Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body)".utf8))
            do throws(HTTPParseError) {
                while try parser.next() != nil {}
                return nil
            } catch {
                return error
            }
        }
        #expect(error("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n") == nil)
        #expect(error("2\r\nab\r\n3\r\n") == .bodyTooLarge(limit: 4))
    }

    @Test("limits the number of chunks")
    func chunkCount() throws {
        var limits = HTTPLimits()
        limits.maxChunks = 3
        var parser = RequestParser(limits: limits)
        parser.append(Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8))
        parser.append(Array(String(repeating: "1\r\nx\r\n", count: 3).utf8))
        while try parser.next() != nil {}
        parser.append(Array("1\r\nx\r\n".utf8))
        #expect(throws: HTTPParseError.framing("more than 3 chunks")) { try parser.next() }
    }

    @Test("allows exactly the limits of request line and header, not one byte more", arguments: [0, 1])
    func exactLimits(_ excess: Int) throws {
        var limits = HTTPLimits()
        limits.maxRequestLineBytes = 30
        limits.maxHeaderBytes = 40
        func parse(_ text: String) throws(HTTPParseError) {
            var parser = RequestParser(limits: limits)
            parser.append(Array(text.utf8))
            _ = try parser.next()
        }
        let target = "/" + String(repeating: "a", count: 30 - 14 + excess)
        let value = String(repeating: "b", count: 40 - 14 + excess)
        let longLine = "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n"
        let longHeader = "GET / HTTP/1.1\r\nHost: a\r\nX: \(value)\r\n\r\n"
        if excess == 0 {
            try parse(longLine)
            try parse(longHeader)
        } else {
            #expect(throws: HTTPParseError.requestLineTooLong(limit: 30)) { try parse(longLine) }
            #expect(throws: HTTPParseError.headerTooLarge(limit: 40)) { try parse(longHeader) }
        }
    }

    @Test("releases parsed bytes, over many requests")
    func longLivedConnection() throws {
        var parser = RequestParser(limits: HTTPLimits())
        var complete = 0
        for _ in 0..<2000 {
            parser.append(Delivery.goodRequest + Delivery.goodRequest.prefix(7))
            parser.append(Array(Delivery.goodRequest.dropFirst(7)))
            while let event = try parser.next() {
                if event == .end { complete += 1 }
            }
        }
        #expect(complete == 4000)
        #expect(parser.bufferedBytes == 0)
        #expect(parser.isBetweenRequests)
    }

    @Test("maps every error to its status and code")
    func errors() {
        let expected: [(HTTPParseError, Int, String)] = [
            (.malformed("x"), 400, "bad_request"), (.framing("x"), 400, "bad_framing"),
            (.unsupportedVersion("x"), 505, "http_version"), (.unknownMethod("x"), 501, "unknown_method"),
            (.unknownTransferCoding("x"), 501, "unknown_transfer_coding"),
            (.unknownExpectation("x"), 417, "expectation_failed"),
            (.requestLineTooLong(limit: 1), 414, "uri_too_long"),
            (.headerTooLarge(limit: 1), 431, "headers_too_large"),
            (.tooManyFields(limit: 1), 431, "headers_too_large"),
            (.trailerTooLarge(limit: 1), 431, "headers_too_large"),
            (.bodyTooLarge(limit: 1), 413, "body_too_large"),
        ]
        for (error, status, code) in expected {
            #expect(error.httpError.status.code == status)
            #expect(error.httpError.code == code)
        }
    }

    @Test("quotes what it received without control characters, and shortened")
    func quoting() {
        #expect(ASCII.quoted("a\r\n\u{1B}b".utf8) == "'a???b'")
        #expect(ASCII.quoted(String(repeating: "a", count: 99).utf8).utf8.count == 53)
    }
}
