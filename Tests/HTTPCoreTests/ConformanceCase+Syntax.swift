extension ConformanceCase {
    static let lineEnds: [ConformanceCase] = [
        .refused("line: LF only", "GET / HTTP/1.1\nHost: a\n\n"),
        .refused("line: LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
        .refused("line: LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
        .refused("line: LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
        .refused("line: CR only", "GET / HTTP/1.1\rHost: a\r\r"),
        .refused("line: CR in a value", get("/", "X: a\rb\r\n")),
        .refused("line: CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
        .refused("line: CR before the method", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .refused("line: LF before the request line", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .refused("line: three empty lines before", "\r\n\r\n\r\n" + get()),
        .served("line: one empty line before", "\r\n" + get()),
        .served("line: two empty lines before", "\r\n\r\n" + get()),
    ]

    static let fields: [ConformanceCase] =
        [
            "NUL in a value": "X: a\0b\r\n",
            "a control character in a value": "X: a\u{01}b\r\n",
            "an escape in a value": "X: \u{1B}[31m\r\n",
            "DEL in a value": "X: a\u{7F}\r\n",
            "a space before the colon": "X : a\r\n",
            "a tab before the colon": "X\t: a\r\n",
            "an empty name": ": a\r\n",
            "brackets in a name": "X[]: a\r\n",
            "a name that is not ASCII": "X\u{E9}: a\r\n",
            "a tab in a name": "X\tY: a\r\n",
            "a space in a name": "X Y: a\r\n",
            "no colon": "XY\r\n",
            "folded with a space": "X: a\r\n b\r\n",
            "folded with a tab": "X: a\r\n\tb\r\n",
            "a slash in a name": "X/Y: a\r\n",
        ].sorted { $0.key < $1.key }.map { .refused("field: \($0.key)", get("/", $0.value)) }
        + [
            .refused("field: white space before the first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
            .refused("field: an empty first line with a space", "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n"),
            .served("field: an empty value", get("/", "X:\r\n")),
            .served("field: UTF-8 in a value", get("/", "X: caf\u{E9}\r\n")),
            .served("field: every mark of a token", get("/", "!#$%&'*+-.^_`|~09azAZ: a\r\n")),
        ]

    static let hosts: [ConformanceCase] =
        [
            "missing": "", "twice the same": "Host: a\r\nHost: a\r\n", "two different": "Host: a\r\nHost: b\r\n",
            "a list": "Host: a, b\r\n", "a list without a space": "Host: a,b\r\n", "user": "Host: user@host\r\n",
            "a path": "Host: host/path\r\n", "empty": "Host:\r\n", "a port that is no number": "Host: a:b\r\n",
            "a port out of range": "Host: a:65536\r\n", "only a port": "Host: :80\r\n", "a query": "Host: a?b\r\n",
            "an open bracket": "Host: [::1\r\n", "text after a bracket": "Host: [::1]a\r\n",
            "a scheme": "Host: http://a\r\n", "a space": "Host: a b\r\n", "not ASCII": "Host: \u{E9}\r\n",
        ].sorted { $0.key < $1.key }.map { .refused("host: \($0.key)", "GET / HTTP/1.1\r\n\($0.value)\r\n") }
        + ["a.example", "a.example:8000", "127.0.0.1:1", "[::1]", "[::1]:80", "a:", "a_b"].map {
            .served("host: \($0)", "GET / HTTP/1.1\r\nHost: \($0)\r\n\r\n")
        }
        + [
            .last("host: missing in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"),
            .refused("host: twice in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
        ]

    static let requestLines: [ConformanceCase] =
        [
            "two spaces after the method": "GET  / HTTP/1.1", "two spaces before the version": "GET /  HTTP/1.1",
            "tabs": "GET\t/\tHTTP/1.1", "no target": "GET HTTP/1.1", "no target, two spaces": "GET  HTTP/1.1",
            "a space in the target": "GET /a b HTTP/1.1", "a space at the end": "GET / HTTP/1.1 ",
            "a space at the start": " GET / HTTP/1.1", "no version": "GET /", "method only": "GET",
            "lower-case version": "GET / http/1.1", "a leading zero": "GET / HTTP/01.1",
            "a space in the version": "GET / HTTP/ 1.1", "no minor version": "GET / HTTP/1",
            "two digits": "GET / HTTP/1.10", "another protocol": "GET / HTCPCP/1.0",
            "a method that is no token": "G{T / HTTP/1.1", "a method that is not ASCII": "G\u{C9}T / HTTP/1.1",
        ].sorted { $0.key < $1.key }.map { .refused("request line: \($0.key)", "\($0.value)\r\nHost: a\r\n\r\n") }
        + [
            .refused("request line: HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            .refused("request line: HTTP/2.0", get("/", version: "HTTP/2.0"), 505),
            .refused("request line: HTTP/0.9", get("/", version: "HTTP/0.9"), 505),
            .refused("request line: HTTP/0.9 without a version", "GET /\r\n"),
            .refused("request line: a TLS greeting", "\u{16}\u{03}\u{01}\u{02}\0\u{01}"),
            .served("request line: HTTP/1.2 is answered as 1.1", get("/", version: "HTTP/1.2")),
        ]

    static let targets: [ConformanceCase] =
        [
            "/#frag", "/a\\b", "/caf\u{E9}", "/%c0%af", "/%00", "/a%0d%0aX:1", "/%", "/%4", "/%zz", "/?a=%00",
            "/?a=%0a", "/?%0d=1", "/?%ff", "/\"", "/<a>", "a", "*", "http:///", "http://u@a/", "ftp://a/",
            "http://b/", "http://a:81/", "/%7f", "//%",
        ].map { .refused("target: \($0.debugDescription)", get($0)) }
        + [
            .refused("target: a control character", "GET /\u{01} HTTP/1.1\r\nHost: a\r\n\r\n"),
            .served("target: an encoded slash stays in its segment", get("/items/a%2Fb"), body: "a/b"),
            .served("target: UTF-8", get("/items/caf%C3%A9"), body: "caf\u{E9}"),
            .served("target: a plus in a path is a plus", get("/items/a+b"), body: "a+b"),
            .served("target: a query", get("/?a=1&b&c=%20+"), body: "root"),
            .served("target: absolute with the same host", get("http://a/items/x"), body: "x"),
            .served("target: absolute without a path", get("http://A:80"), body: "root"),
            .served("target: absolute with a query only", get("HTTP://a?x=1"), body: "root"),
            .served("target: dot segments are not resolved", get("/items/../"), [404]),
            .served("target: unknown path", get("/nothing"), [404]),
        ]

    static let methods: [ConformanceCase] = [
        .served("method: lower-case get is not GET", "get / HTTP/1.1\r\nHost: a\r\n\r\n", [501]),
        .served("method: unknown", "FROB / HTTP/1.1\r\nHost: a\r\n\r\n", [501]),
        .last("method: CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", [405]),
        .refused("method: CONNECT of a path", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .served("method: TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", [405]),
        .served("method: TRACE of an unknown path", "TRACE /nothing HTTP/1.1\r\nHost: a\r\n\r\n", [405]),
        .served("method: known but not offered", "PUT / HTTP/1.1\r\nHost: a\r\n\r\n", [405]),
        .served("method: OPTIONS of the server", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", [204]),
        .served("method: OPTIONS of a path", "OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n", [204]),
        .served("method: HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", heads: [0]),
        .served("method: HEAD of an unknown path", "HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n", [404], heads: [0]),
        .refused("method: 33 letters", String(repeating: "A", count: 33) + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    ]

    static let sizes: [ConformanceCase] = [
        .served("size: a target of 8000 bytes", get("/items/" + String(repeating: "a", count: 7993))),
        .refused("size: a target of 100 KB", get("/" + String(repeating: "a", count: 100_000)), 414),
        .refused("size: a field of 100 KB", get("/", "X: " + String(repeating: "a", count: 100_000) + "\r\n"), 431),
        .refused(
            "size: fields of 100 KB in all",
            get("/", String(repeating: "X: " + String(repeating: "a", count: 1100) + "\r\n", count: 90)), 431),
        .refused("size: 10 000 fields", get("/", String(repeating: "X: a\r\n", count: 10_000)), 431),
        .served("size: 100 fields", get("/", String(repeating: "X: a\r\n", count: 99))),
        .refused("size: 101 fields", get("/", String(repeating: "X: a\r\n", count: 100)), 431),
        .refused("size: a method of 100 KB", String(repeating: "A", count: 100_000) + " / HTTP/1.1\r\n\r\n"),
    ]

    static let expectations: [ConformanceCase] = [
        .served(
            "expect: a small body", post("Content-Length: 3\r\nExpect: 100-continue\r\n"), [100, 200], body: "abc"),
        .served("expect: in any case", post("Content-Length: 3\r\nExpect: 100-Continue\r\n"), [100, 200]),
        .served(
            "expect: chunked", post("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", "0\r\n\r\n"),
            [100, 200]),
        .served("expect: without a body", get("/", "Expect: 100-continue\r\n")),
        .refused(
            "expect: a large body", post("Content-Length: 999999999\r\nExpect: 100-continue\r\n", ""), 413),
        .refused("expect: something else", post("Content-Length: 3\r\nExpect: 200-ok\r\n"), 417),
        .refused("expect: a list", post("Content-Length: 3\r\nExpect: 100-continue, x\r\n"), 417),
        .last(
            "expect: from HTTP/1.0",
            "POST /echo HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"),
    ]

    static let connections: [ConformanceCase] = [
        .last("connection: close", get("/", "Connection: close\r\n")),
        .last("connection: close in a list", get("/", "Connection: foo, Close\r\n")),
        .last("connection: HTTP/1.0", get("/", version: "HTTP/1.0")),
        .served("connection: HTTP/1.0 kept alive", get("/", "Connection: keep-alive\r\n", version: "HTTP/1.0")),
        .last("connection: HTTP/1.0 with both", get("/", "Connection: keep-alive, close\r\n", version: "HTTP/1.0")),
        .served(
            "connection: three requests at once", get() + get("/items/1") + get("/items/2"), [200, 200, 200],
            body: "2"),
        .last("connection: nothing is read behind the last request", get("/", "Connection: close\r\n") + get()),
    ]
}
