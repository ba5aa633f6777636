import HTTPTypes
import Testing

@testable import HTTPCore

@Suite("Router")
struct RouterTests {
    private func router() throws -> Router<String> {
        try Router([
            .init("GET", "/", "root"), .init("GET", "/v2", "server"),
            .init("GET", "/v2/models/{model}", "model"), .init("GET", "/v2/models/stats", "stats"),
            .init("POST", "/v2/models/{model}/infer", "infer"),
            .init("POST", "/v2/models/{model}/versions/{version}/infer", "infer"),
            .init("GET", "/v2/models/stats/x", "literal"), .init("GET", "/v2/models/{model}/y", "hole"),
            .init("POST", "/v2/models/{model}:predict", "predict"),
        ])
    }

    private func found(_ method: String, _ path: String) throws -> Router<String>.Match? {
        if case .found(let match) = try router().route(method, RequestTarget(path)) { match } else { nil }
    }

    private func error(_ method: String, _ path: String) throws -> HTTPError? {
        if case .failed(let error, _) = try router().route(method, RequestTarget(path)) { error } else { nil }
    }

    @Test("binds decoded segments to names and returns the template")
    func parameters() throws {
        let match = try found("POST", "/v2/models/a%2Fb/versions/1/infer?x=y")
        #expect(match?.handler == "infer")
        #expect(match?.parameters == ["model": "a/b", "version": "1"])
        #expect(match?.template == "/v2/models/{model}/versions/{version}/infer")
    }

    @Test("prefers a literal segment, and backtracks where it does not match")
    func precedence() throws {
        #expect(try found("GET", "/v2/models/stats")?.handler == "stats")
        #expect(try found("GET", "/v2/models/other")?.handler == "model")
        #expect(try found("GET", "/v2/models/stats/x")?.handler == "literal")
        let stepped = try found("GET", "/v2/models/stats/y")
        #expect(stepped?.handler == "hole")
        #expect(stepped?.parameters == ["model": "stats"])
    }

    @Test("finds a parameter before text in the same segment")
    func suffix() throws {
        let match = try found("POST", "/v2/models/a:b:predict")
        #expect(match?.handler == "predict" && match?.parameters == ["model": "a:b"])
        #expect(match?.template == "/v2/models/{model}:predict")
        #expect(try error("GET", "/v2/models/a:predict")?.fields[.allow] == "OPTIONS, POST")
        #expect(try found("GET", "/v2/models/:predict")?.parameters == ["model": ":predict"])
        #expect(try found("GET", "/v2/models/a:predict/y")?.parameters == ["model": "a:predict"])
    }

    @Test(
        "a slash at the end makes no difference",
        arguments: ["/v2", "/v2/models/stats", "/v2/models/a", "/v2/models/a%2F"])
    func trailingSlash(_ path: String) throws {
        let (plain, slashed) = (try found("GET", path), try found("GET", path + "/"))
        #expect(plain != nil)
        #expect(slashed?.template == plain?.template && slashed?.parameters == plain?.parameters)
        #expect(try error("PUT", path + "/")?.code == "method_not_allowed")
    }

    @Test("serves HEAD through GET, and not through POST")
    func head() throws {
        #expect(try found("HEAD", "/v2")?.handler == "server")
        #expect(try error("HEAD", "/v2/models/a/infer")?.status.code == 405)
    }

    @Test(
        "refuses an unknown path, an empty parameter and an empty segment",
        arguments: [
            "/x", "/v2/models", "/v2/models/", "/v2/models/a//", "/v2//models/a", "/v2//", "//", "///",
        ])
    func notFound(_ path: String) throws {
        #expect(try error("GET", path)?.code == "no_such_path")
    }

    @Test("lists what is allowed with 405")
    func notAllowed() throws {
        let error = try error("PUT", "/v2/models/a")
        #expect(error?.code == "method_not_allowed")
        #expect(error?.fields[.allow] == "GET, HEAD, OPTIONS")
        #expect(try self.error("GET", "/v2/models/a/infer")?.fields[.allow] == "OPTIONS, POST")
        #expect(try self.error("TRACE", "/x")?.fields[.allow] == "GET, HEAD, OPTIONS, POST")
    }

    @Test("answers OPTIONS for a path and for the server")
    func options() throws {
        guard
            case .options(let allow, let template, let get) = try router().route(
                "OPTIONS", RequestTarget("/v2/models/a"))
        else {
            Issue.record("expected options")
            return
        }
        #expect(allow == ["GET", "HEAD", "OPTIONS"])
        #expect(template == "/v2/models/{model}")
        #expect(get?.handler == "model" && get?.parameters == ["model": "a"])
        let server = try router().route("OPTIONS", RequestTarget("*", method: "OPTIONS"))
        guard case .options(let all, nil, nil) = server else {
            Issue.record("expected options")
            return
        }
        #expect(all == ["GET", "HEAD", "OPTIONS", "POST"])
        #expect(Response.options(allow: all).fields[.allow] == "GET, HEAD, OPTIONS, POST")
    }

    @Test("does not know methods in lower case", arguments: ["get", "BREW", "Post"])
    func unknownMethods(_ method: String) throws {
        #expect(try error(method, "/")?.status.code == 501)
    }

    @Test("refuses an ambiguous table")
    func tables() {
        typealias TableError = Router<Int>.TableError
        func expect(_ error: TableError, _ routes: [(String, String)]) {
            #expect(throws: error) { try Router<Int>(routes.map { .init($0.0, $0.1, 0) }) }
        }
        expect(.invalidTemplate("x"), [("GET", "x")])
        expect(.invalidTemplate("/{a}/{a}"), [("GET", "/{a}/{a}")])
        expect(.invalidTemplate("/{a}{b}"), [("GET", "/{a}{b}")])
        expect(.invalidTemplate("/a{b}"), [("GET", "/a{b}")])
        expect(.invalidTemplate("/{}"), [("GET", "/{}")])
        expect(.unknownMethod("get"), [("get", "/")])
        expect(.duplicate(method: "GET", template: "/a"), [("GET", "/a"), ("GET", "/a")])
        expect(.ambiguous("/{a}", "/{b}"), [("GET", "/{a}"), ("POST", "/{b}")])
        expect(.ambiguous("/{a}:x", "/{b}:x"), [("GET", "/{a}:x"), ("POST", "/{b}:x")])
    }
}
