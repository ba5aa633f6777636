import Testing

@testable import HTTPCore

@Suite("RequestTarget")
struct RequestTargetTests {
    @Test("splits a path before it decodes the segments")
    func segments() throws {
        let target = try RequestTarget("/v2/models/a%2Fb%20c/")
        #expect(target.path == "/v2/models/a%2Fb%20c/")
        #expect(target.segments == ["v2", "models", "a/b c", ""])
        #expect(target.form == .origin)
        #expect(try RequestTarget("/").segments == [""])
    }

    @Test("keeps query items in order, with repetitions and missing values")
    func query() throws {
        let target = try RequestTarget("/x?a=1&b&a=%3D+2&&=c&d=e=f")
        #expect(
            target.query == [
                QueryItem(name: "a", value: "1"), QueryItem(name: "b", value: nil),
                QueryItem(name: "a", value: "= 2"), QueryItem(name: "", value: "c"),
                QueryItem(name: "d", value: "e=f"),
            ])
        #expect(target.firstValue("a") == "1")
        #expect(target.firstValue("b") == "")
        #expect(target.firstValue("z") == nil)
        #expect(target.path == "/x")
        #expect(target.raw == "/x?a=1&b&a=%3D+2&&=c&d=e=f")
    }

    @Test("knows the absolute, asterisk and authority forms")
    func forms() throws {
        let absolute = try RequestTarget("http://Host:80/p?q=1")
        #expect(absolute.form == .absolute)
        #expect(absolute.authority == "Host:80")
        #expect(absolute.segments == ["p"])
        #expect(absolute.firstValue("q") == "1")
        #expect(try RequestTarget("*", method: "OPTIONS").form == .asterisk)
        #expect(try RequestTarget("http://a", method: "OPTIONS").path == "*")
        #expect(try RequestTarget("a:443", method: "CONNECT").form == .authority)
    }

    @Test(
        "refuses what could be read in two ways",
        arguments: [
            "", "a", "*", "/%", "/%a", "/%0", "/%00", "/%0A", "/?%0d", "/%1f", "/%7F", "/%c0%80", "/%ed%a0%80", "/a b",
            "/\u{7f}", "/#", "/\\", "http://", "http://a:b/", "http://a@b/", "file:///etc",
        ])
    func refused(_ text: String) {
        #expect(throws: HTTPParseError.self) { try RequestTarget(text) }
    }

    @Test("compares hosts without case and with the default port")
    func authorities() {
        func authority(_ text: String) -> Authority? { Authority(Array(text.utf8)[...], defaultPort: 80) }
        #expect(authority("A.b") == authority("a.B:80"))
        #expect(authority("a:") == authority("a"))
        #expect(authority("a:81") != authority("a"))
        #expect(authority("[::1]:8") == authority("[::1]:8"))
        #expect(authority("[]") == nil)
        #expect(authority("[::1") == nil)
        #expect(authority("a:123456") == nil)
    }
}
