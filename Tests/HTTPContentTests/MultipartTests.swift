import HTTPContent
import Testing

@Suite("Multipart forms")
struct MultipartTests {
    private func parse(_ text: String, boundary: String = "B") throws(ContentError) -> [FormPart] {
        try Multipart.parse(Array(text.utf8), boundary: boundary)
    }

    /// What kind of error reading gives, nil if it succeeds.
    private func refusal(_ read: () throws(ContentError) -> Void) -> Refusal? {
        do throws(ContentError) {
            try read()
            return nil
        } catch {
            switch error {
            case .malformedForm: return .malformed
            case .unsupportedEncoding: return .unsupported
            case .undecodable: return .undecodable
            }
        }
    }

    private enum Refusal { case malformed, unsupported, undecodable }

    private let disposition = "Content-Disposition: form-data; name=\"file\""

    @Test("Files keep their order, names and every byte")
    func files() throws {
        let content: [UInt8] = [0, 13, 10, 45, 45, 66 - 1, 255, 13, 10]
        let body =
            Array("preamble\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;\\\"b.pt\"\r\n".utf8)
            + Array("content-type: Application/Octet-Stream; x=y\r\n\r\n".utf8) + content
            + Array("\r\n--B \t\r\n\(disposition)\r\n\r\n{}\r\n--B--\r\nepilogue".utf8)
        let parts = try Multipart.parse(body, boundary: "B")
        #expect(parts.count == 2)
        #expect(
            parts[0]
                == FormPart(
                    name: "file", filename: "a;\"b.pt", contentType: "application/octet-stream", bytes: content))
        #expect(parts[1].bytes == Array("{}".utf8))
        #expect(parts[1].filename == nil)
    }

    @Test(
        "A file's name may be extended, quoted, or in any charset",
        arguments: [
            (#"name="file"; filename*=UTF-8''na%C3%AFve%20net.pt"#, "naïve net.pt"),
            (#"name="file"; filename="plain.pt"; filename*=utf-8'en'better.pt"#, "better.pt"),
            (#"name="file"; filename*=iso-8859-1''na%EFve.pt"#, "naïve.pt"),
            (#"name="file"; filename*=UTF-8''%FFa%2"#, "ÿa%2"), (#"name="file"; filename*=bare%20name"#, "bare name"),
            (#"name*=UTF-8''file; filename="a.pt""#, "a.pt"),
            ("name=\"file\"; filename=\"\u{301}a;b.pt\"", "\u{301}a;b.pt"),
            (#"filename=a.pt; name=file"#, "a.pt"),
        ])
    func names(parameters: String, filename: String) throws {
        let parts = try parse("--B\r\nContent-Disposition: form-data; \(parameters)\r\n\r\nx\r\n--B--")
        #expect(parts.map(\.name) == ["file"])
        #expect(parts.map(\.filename) == [filename])
    }

    @Test("Header bytes that are not UTF-8 are read as ISO-8859-1")
    func otherCharsets() throws {
        let start = Array("--B\r\nX-Note: ".utf8) + [0xe9] + Array("\r\n\(disposition); filename=\"".utf8)
        let body = start + [0x6e, 0xe9, 0x74] + Array(".pt\"\r\n\r\nx\r\n--B--".utf8)
        #expect(try Multipart.parse(body, boundary: "B").map(\.filename) == ["nét.pt"])
    }

    @Test("A file field without a name and content is unfilled, an empty file with a name is not")
    func unfilled() throws {
        func isUnfilled(_ parameters: String, _ content: String) throws -> [Bool] {
            try parse("--B\r\n\(disposition)\(parameters)\r\n\r\n\(content)\r\n--B--").map(\.isUnfilled)
        }
        #expect(try isUnfilled("; filename=\"\"", "") == [true])
        #expect(try isUnfilled("", "") == [true])
        #expect(try isUnfilled("; filename=\"a\"", "") == [false])
        #expect(try isUnfilled("; filename=\"\"", "x") == [false])
    }

    @Test("Empty parts and empty forms are read")
    func empty() throws {
        #expect(try parse("--B\r\n\(disposition)\r\n\r\n\r\n--B--").map(\.bytes) == [[]])
        #expect(try parse("--B\r\n\(disposition)\r\n\r\n--B--").map(\.bytes) == [[]])
        #expect(try parse("--B--\r\n").isEmpty)
    }

    @Test(
        "The boundary is taken from the field",
        arguments: [
            ("multipart/form-data; boundary=abc", "abc"),
            ("Multipart/Form-Data; charset=x; Boundary=\"a b;c\"", "a b;c"),
            ("application/json", nil), ("", nil),
        ] as [(String, String?)])
    func boundary(field: String, expected: String?) throws {
        #expect(try Multipart.boundary(ofContentType: field) == expected)
    }

    @Test("A form without a boundary is refused")
    func noBoundary() {
        #expect(
            refusal { () throws(ContentError) in _ = try Multipart.boundary(ofContentType: "multipart/form-data") }
                == .malformed)
    }

    @Test(
        "Malformed forms are refused",
        arguments: [
            "", "x", "--A\r\n", "--B", "--B\r\n", "--Bx\r\n", "--B\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx", "--B\r\nno colon\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n"
                + "Content-Type: multipart/mixed; boundary=C\r\n\r\n\r\n--B--",
            "--B\nContent-Disposition: form-data; name=\"a\"\n\nx\n--B--",
        ])
    func malformed(text: String) { #expect(refusal { () throws(ContentError) in _ = try parse(text) } == .malformed) }

    @Test("Encoded parts are refused")
    func transferEncoding() {
        let text = "--B\r\n\(disposition)\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--B--"
        #expect(refusal { () throws(ContentError) in _ = try parse(text) } == .unsupported)
    }

    @Test(
        "Boundaries have 1 to 70 printable characters",
        arguments: ["", String(repeating: "x", count: 71), "a\r\n", "a "])
    func boundaries(boundary: String) {
        #expect(refusal { () throws(ContentError) in _ = try parse("--B--", boundary: boundary) } == .malformed)
    }

    @Test("Parts and their headers are limited")
    func limits() throws {
        let part = "--B\r\n\(disposition)\r\n\r\nx\r\n"
        #expect(try parse(String(repeating: part, count: 64) + "--B--").count == 64)
        #expect(
            refusal { () throws(ContentError) in _ = try parse(String(repeating: part, count: 65) + "--B--") }
                == .malformed)
        let header = "X-Long: " + String(repeating: "y", count: 9000)
        #expect(
            refusal { () throws(ContentError) in _ = try parse("--B\r\n\(disposition)\r\n\(header)\r\n\r\nx\r\n--B--") }
                == .malformed)
    }

    @Test("A form cut anywhere is refused")
    func truncated() throws {
        let bytes = Array("--B\r\n\(disposition)\r\n\r\nabc\r\n--B--".utf8)
        for length in 0..<bytes.count {
            #expect(
                refusal { () throws(ContentError) in _ = try Multipart.parse(Array(bytes.prefix(length)), boundary: "B")
                } == .malformed)
        }
    }
}
