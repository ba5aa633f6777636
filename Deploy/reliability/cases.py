"""The table of requests and what a strict server makes of them, after RFC 9110, RFC 9112 and Docs/API.md.

The same decisions are held by Tests/HTTPCoreTests/ConformanceCase*.swift for the state machine alone.
"""

import dataclasses
import os

FIXTURES = os.path.join(os.path.dirname(__file__), "../../Tests/WeightspaceTests/Fixtures")
with open(os.path.join(FIXTURES, "net0.safetensors"), "rb") as file:
    UPLOAD = file.read()

GOOD = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    # In order, interim ones included.
    statuses: tuple
    closes: bool
    # Of the last response's problem document.
    code: str = ""
    # Which final responses answer HEAD.
    heads: tuple = ()
    # What the last response's body must contain.
    text: bytes = b""


def refused(name, data, status=400, code=""):
    """One error response, then the end."""
    codes = {
        400: "bad_request", 413: "body_too_large", 414: "uri_too_long", 417: "expectation_failed",
        431: "headers_too_large", 505: "http_version",
    }
    return Case(name, data, (status,), True, code or codes[status])


def served(name, data, *statuses, code="", heads=(), text=b""):
    """Answered, and the connection lives on."""
    return Case(name, data, statuses or (200,), False, code, heads, text)


def last(name, data, *statuses, code="", text=b""):
    """Answered, and that was the connection's last."""
    return Case(name, data, statuses or (200,), True, code, (), text)


def get(target=b"/livez", fields=b"", version=b"HTTP/1.1"):
    return b"GET " + target + b" " + version + b"\r\nHost: a\r\n" + fields + b"\r\n"


def post(fields, body=b"abc"):
    return b"POST /v1/classify?top_k=1 HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n" + body


def chunked(body):
    return post(b"Transfer-Encoding: chunked\r\n", body)


def chunks(data, size, form="%x", extension=b""):
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    return b"".join(form.encode() % len(piece) + extension + b"\r\n" + piece + b"\r\n" for piece in pieces)


WEIGHTS_START = UPLOAD[:4]
CLASSIFIED = b'"errors":0'
LENGTH = str(len(UPLOAD)).encode()


def lengths():
    bad = {
        "two equal": b"Content-Length: 3\r\nContent-Length: 3\r\n",
        "two different": b"Content-Length: 3\r\nContent-Length: 4\r\n",
        "a list": b"Content-Length: 3, 3\r\n",
        "a plus sign": b"Content-Length: +3\r\n",
        "negative": b"Content-Length: -1\r\n",
        "negative zero": b"Content-Length: -0\r\n",
        "hexadecimal": b"Content-Length: 0x3\r\n",
        "octal": b"Content-Length: 0o5\r\n",
        "an underscore": b"Content-Length: 1_0\r\n",
        "a space inside": b"Content-Length: 1 0\r\n",
        "empty": b"Content-Length:\r\n",
        "only spaces": b"Content-Length:   \r\n",
        "above 2^63": b"Content-Length: 9223372036854775808\r\n",
        "20 digits": b"Content-Length: 99999999999999999999\r\n",
        "leading zeros": b"Content-Length: 00003\r\n",
        "a decimal point": b"Content-Length: 3.0\r\n",
        "non-ASCII digits": "Content-Length: \u0663\r\n".encode(),
        "before a coding": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "after a coding": b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "with identity": b"Content-Length: 3\r\nTransfer-Encoding: identity\r\n",
    }
    yield from (refused(f"length: {name}", post(fields), code="bad_framing") for name, fields in bad.items())
    spaced = post(b"Content-Length: \t " + LENGTH + b" \t \r\n", UPLOAD)
    yield served("length: white space around it", spaced, text=CLASSIFIED)
    yield served("length: no space before it", post(b"Content-Length:" + LENGTH + b"\r\n", UPLOAD), text=CLASSIFIED)
    yield served("length: zero", post(b"Content-Length: 0\r\n", b""), 415, code="unknown_format")
    yield served("length: none", post(b"", b""), 415, code="unknown_format")
    yield served("length: underscore in the name is another field", post(b"Content_Length: 9\r\n", b""), 415)
    yield refused("length: more than the limit", post(b"Content-Length: 16777217\r\n", b""), 413)


def codings():
    bad = {
        "empty": b"Transfer-Encoding:\r\n",
        "chunked then identity": b"Transfer-Encoding: chunked, identity\r\n",
        "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n",
        "chunked in two fields": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "a parameter": b"Transfer-Encoding: chunked;q=1\r\n",
        "quotes": b'Transfer-Encoding: "chunked"\r\n',
        "a trailing comma": b"Transfer-Encoding: chunked,\r\n",
        "a leading comma": b"Transfer-Encoding: ,chunked\r\n",
        "a space inside": b"Transfer-Encoding: chunk ed\r\n",
        "a tab before": b"Transfer-Encoding:\tchunked\r\n",
        "a tab after": b"Transfer-Encoding: chunked\t\r\n",
        "with a length": b"Transfer-Encoding: gzip\r\nContent-Length: 3\r\n",
    }
    malformed = {
        "vertical tab before": b"Transfer-Encoding: \x0bchunked\r\n",
        "vertical tab after": b"Transfer-Encoding: chunked\x0b\r\n",
        "form feed": b"Transfer-Encoding: \x0cchunked\r\n",
        "NUL": b"Transfer-Encoding: chunked\0\r\n",
        "folded": b"Transfer-Encoding:\r\n chunked\r\n",
        "a space before the colon": b"Transfer-Encoding : chunked\r\n",
    }
    end = b"0\r\n\r\n"
    yield from (refused(f"coding: {name}", post(fields, end), code="bad_framing") for name, fields in bad.items())
    yield from (refused(f"coding: {name}", post(fields, end)) for name, fields in malformed.items())
    for coding in (b"xchunked", b"identity", b"gzip, chunked", b"gzip", b"chunkedd"):
        fields = b"Transfer-Encoding: " + coding + b"\r\n"
        yield refused(f"coding: {coding.decode()}", post(fields, end), 501, "unknown_transfer_coding")
    old = b"POST /v1/classify HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + end
    yield refused("coding: in HTTP/1.0", old, code="bad_framing")
    body = chunks(UPLOAD, 2000) + end
    yield served("coding: a space after it", post(b"Transfer-Encoding: chunked \r\n", body), text=CLASSIFIED)
    yield served("coding: in any case", post(b"transfer-encoding: CHUNKED\r\n", body), text=CLASSIFIED)
    underscore = post(b"Transfer_Encoding: chunked\r\n", b"")
    yield served("coding: underscore in the name is another field", underscore, 415)


def bodies_in_chunks():
    hello = b"hello\r\n0\r\n\r\n"
    bad = {
        "size 0x5": b"0x5\r\n" + hello,
        "size +5": b"+5\r\n" + hello,
        "size -5": b"-5\r\n" + hello,
        "size 5_0": b"5_0\r\n" + hello,
        "space before the size": b" 5\r\n" + hello,
        "space after the size": b"5 \r\n" + hello,
        "empty size": b"\r\n" + hello,
        "17 digits": b"00000000000000005\r\n" + hello,
        "size above 2^63": b"ffffffffffffffff\r\n" + hello,
        "not hexadecimal": b"g\r\n" + hello,
        "semicolon without a name": b"5;\r\n" + hello,
        "extension without a name": b"5;=b\r\n" + hello,
        "extension without a value": b"5;a=\r\n" + hello,
        "extension with an open quote": b'5;a="b\r\n' + hello,
        "extension with CR": b"5;a\rb\r\n" + hello,
        "extension with LF": b"5;a\nb\r\n" + hello,
        "extension with NUL": b"5;a\0b\r\n" + hello,
        "extension of 64 KB": b"5;a=" + b"b" * 65536 + b"\r\n" + hello,
        "extensions of 64 KB in all": (b"1;" + b"b" * 999 + b"\r\nx\r\n") * 66 + b"0\r\n\r\n",
        "data longer than the size": b"3\r\n" + hello,
        "data shorter than the size": b"5\r\nabc\r\n0\r\n\r\n",
        "LF after the size": b"5\nhello\r\n0\r\n\r\n",
        "CR after the size": b"5\rhello\r\n0\r\n\r\n",
        "LF after the data": b"5\r\nhello\n0\r\n\r\n",
        "CR after the data": b"5\r\nhello\r0\r\n\r\n",
        "nothing after the data": b"5\r\nhello0\r\n\r\n",
        "LF after the last size": b"0\n\r\n",
        "LF as the end": b"0\r\n\n",
    }
    yield from (refused(f"chunks: {name}", chunked(body), code="bad_framing") for name, body in bad.items())
    trailers = {
        "without a colon": b"abc\r\n",
        "with a space before the colon": b"A : b\r\n",
        "folded": b"A: b\r\n c\r\n",
    }
    for name, trailer in trailers.items():
        yield refused(f"chunks: a trailer {name}", chunked(b"0\r\n" + trailer + b"\r\n"))
    yield refused("chunks: a trailer of 64 KB", chunked(b"0\r\nA: " + b"b" * 65536 + b"\r\n\r\n"), 431)
    yield refused("chunks: a size above the limit", chunked(b"1000001\r\nhello"), 413)
    end = b"0\r\n\r\n"
    good = {
        "upper-case size": chunks(UPLOAD, 1023, "%X") + end,
        "leading zeros": chunks(UPLOAD, 1023, "%06x") + b"000\r\n\r\n",
        "an extension": chunks(UPLOAD, 1023, extension=b";a=b") + end,
        "a quoted extension": chunks(UPLOAD, 1023, extension=b';a="q;\\""') + b"0;x\r\n\r\n",
        "many small ones": chunks(UPLOAD, 5) + end,
    }
    framing = b"Content-Length: 9", b"Transfer-Encoding: gzip"
    for field in (*framing, b"A: b", b"Host: b", b"Authorization: x", b"Content-Type: y/z"):
        good[f"trailer {field.decode()} has no effect"] = chunks(UPLOAD, 2000) + b"0\r\n" + field + b"\r\n\r\n"
    yield from (served(f"chunks: {name}", chunked(body), text=CLASSIFIED) for name, body in good.items())
    yield served("chunks: no data", chunked(end), 415, code="unknown_format")


def unwanted_bodies():
    stolen = b"GET /stolen HTTP/1.1\r\nHost: a\r\n\r\n"
    fields = b" /livez HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(stolen)
    yield served("body: of GET is no request", b"GET" + fields + stolen, text=b'"live":true')
    yield served("body: of HEAD is no request", b"HEAD" + fields + stolen, heads=(0,))
    yield served("body: of OPTIONS is no request", b"OPTIONS" + fields + stolen, 204)
    coded = b"DELETE /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield last("body: of DELETE is no request", coded + b"%x\r\n" % len(stolen) + stolen + b"\r\n0\r\n\r\n", 405)


def line_ends():
    yield refused("line: LF only", b"GET /livez HTTP/1.1\nHost: a\n\n")
    yield refused("line: LF after the request line", b"GET /livez HTTP/1.1\nHost: a\r\n\r\n")
    yield refused("line: LF after a field", b"GET /livez HTTP/1.1\r\nHost: a\nX: b\r\n\r\n")
    yield refused("line: LF as the empty line", b"GET /livez HTTP/1.1\r\nHost: a\r\n\n")
    yield refused("line: CR only", b"GET /livez HTTP/1.1\rHost: a\r\r")
    yield refused("line: CR in a value", get(fields=b"X: a\rb\r\n"))
    yield refused("line: CR CR LF", b"GET /livez HTTP/1.1\r\nHost: a\r\r\n\r\n")
    yield refused("line: CR before the method", b"\rGET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    yield refused("line: LF before the request line", b"\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    yield refused("line: three empty lines before", b"\r\n\r\n\r\n" + get())
    yield served("line: one empty line before", b"\r\n" + get())
    yield served("line: two empty lines before", b"\r\n\r\n" + get())


def fields():
    bad = {
        "NUL in a value": b"X: a\0b\r\n",
        "a control character in a value": b"X: a\x01b\r\n",
        "an escape in a value": b"X: \x1b[31m\r\n",
        "DEL in a value": b"X: a\x7f\r\n",
        "a space before the colon": b"X : a\r\n",
        "a tab before the colon": b"X\t: a\r\n",
        "an empty name": b": a\r\n",
        "brackets in a name": b"X[]: a\r\n",
        "a name that is not ASCII": "X\u00e9: a\r\n".encode(),
        "a tab in a name": b"X\tY: a\r\n",
        "a space in a name": b"X Y: a\r\n",
        "no colon": b"XY\r\n",
        "folded with a space": b"X: a\r\n b\r\n",
        "folded with a tab": b"X: a\r\n\tb\r\n",
        "a slash in a name": b"X/Y: a\r\n",
    }
    yield from (refused(f"field: {name}", get(fields=line)) for name, line in bad.items())
    yield refused("field: white space before the first", b"GET /livez HTTP/1.1\r\n Host: a\r\n\r\n")
    yield refused("field: an empty first line with a space", b"GET /livez HTTP/1.1\r\n \r\nHost: a\r\n\r\n")
    yield served("field: an empty value", get(fields=b"X:\r\n"))
    yield served("field: UTF-8 in a value", get(fields="X: caf\u00e9\r\n".encode()))
    yield served("field: no UTF-8 in a value", get(fields=b"X: caf\xe9\r\n"))
    yield served("field: every mark of a token", get(fields=b"!#$%&'*+-.^_`|~09azAZ: a\r\n"))


def hosts():
    bad = {
        "missing": b"", "twice the same": b"Host: a\r\nHost: a\r\n", "two different": b"Host: a\r\nHost: b\r\n",
        "a list": b"Host: a, b\r\n", "a list without a space": b"Host: a,b\r\n", "user": b"Host: user@host\r\n",
        "a path": b"Host: host/path\r\n", "empty": b"Host:\r\n", "a port that is no number": b"Host: a:b\r\n",
        "a port out of range": b"Host: a:65536\r\n", "only a port": b"Host: :80\r\n", "a query": b"Host: a?b\r\n",
        "an open bracket": b"Host: [::1\r\n", "text after a bracket": b"Host: [::1]a\r\n",
        "a scheme": b"Host: http://a\r\n", "a space": b"Host: a b\r\n", "not ASCII": "Host: \u00e9\r\n".encode(),
    }
    for name, field in bad.items():
        yield refused(f"host: {name}", b"GET /livez HTTP/1.1\r\n" + field + b"\r\n")
    for host in (b"a.example", b"a.example:8000", b"127.0.0.1:1", b"[::1]", b"[::1]:80", b"a:", b"a_b"):
        yield served(f"host: {host.decode()}", b"GET /livez HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
    yield last("host: missing in HTTP/1.0", b"GET /livez HTTP/1.0\r\n\r\n")
    yield refused("host: twice in HTTP/1.0", b"GET /livez HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n")


def request_lines():
    bad = {
        "two spaces after the method": b"GET  /livez HTTP/1.1",
        "two spaces before the version": b"GET /livez  HTTP/1.1",
        "tabs": b"GET\t/livez\tHTTP/1.1", "no target": b"GET HTTP/1.1", "no target, two spaces": b"GET  HTTP/1.1",
        "a space in the target": b"GET /a b HTTP/1.1", "a space at the end": b"GET /livez HTTP/1.1 ",
        "a space at the start": b" GET /livez HTTP/1.1", "no version": b"GET /livez", "method only": b"GET",
        "lower-case version": b"GET /livez http/1.1", "a leading zero": b"GET /livez HTTP/01.1",
        "a space in the version": b"GET /livez HTTP/ 1.1", "no minor version": b"GET /livez HTTP/1",
        "two digits": b"GET /livez HTTP/1.10", "another protocol": b"GET /livez HTCPCP/1.0",
        "a method that is no token": b"G{T /livez HTTP/1.1",
        "a method that is not ASCII": "G\u00c9T / HTTP/1.1".encode(),
    }
    yield from (refused(f"request line: {name}", line + b"\r\nHost: a\r\n\r\n") for name, line in bad.items())
    yield refused("request line: HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
    yield refused("request line: HTTP/2.0", get(version=b"HTTP/2.0"), 505)
    yield refused("request line: HTTP/0.9", get(version=b"HTTP/0.9"), 505)
    yield refused("request line: HTTP/0.9 without a version", b"GET /livez\r\n")
    yield refused("request line: a TLS greeting", b"\x16\x03\x01\x02\0\x01")
    yield served("request line: HTTP/1.2 is answered as 1.1", get(version=b"HTTP/1.2"))


def targets():
    bad = (
        b"/#frag", b"/a\\b", "/caf\u00e9".encode(), b"/caf\xe9", b"/%c0%af", b"/%00", b"/a%0d%0aX:1", b"/%", b"/%4",
        b"/%zz", b"/?a=%00", b"/?a=%0a", b"/?%0d=1", b"/?%ff", b'/"', b"/<a>", b"a", b"*", b"http:///", b"http://u@a/",
        b"ftp://a/", b"http://b/", b"http://a:81/", b"/%7f", b"//%",
    )
    yield from (refused(f"target: {target.decode('latin-1')}", get(target)) for target in bad)
    yield refused("target: a control character", b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n")
    slash = get(b"/v1/models/a%2Fb")
    yield served("target: an encoded slash stays in its segment", slash, 404, code="no_such_model", text=b"'a/b'")
    encoded = get(b"/v1/models/caf%C3%A9")
    yield served("target: UTF-8", encoded, 404, code="no_such_model", text="'caf\u00e9'".encode())
    plus = get(b"/v1/models/a+b")
    yield served("target: a plus in a path is a plus", plus, 404, code="no_such_model", text=b"'a+b'")
    yield served("target: a query", get(b"/livez?a=1&b&c=%20+"))
    model = get(b"http://a/v1/models/x")
    yield served("target: absolute with the same host", model, 404, code="no_such_model", text=b"'x'")
    yield served("target: absolute without a path", get(b"http://A:80"), text=b"/v1/classify")
    yield served("target: absolute with a query only", get(b"HTTP://a?x=1"), text=b"/v1/classify")
    yield served("target: dot segments are not resolved", get(b"/v1/../livez"), 404, code="no_such_path")
    yield served("target: escaped dots are not resolved", get(b"/v1/%2e%2e/livez"), 404, code="no_such_path")
    yield served("target: two slashes are not one", get(b"//livez"), 404, code="no_such_path")
    yield served("target: unknown path", get(b"/nothing"), 404, code="no_such_path")


def methods():
    host = b" HTTP/1.1\r\nHost: a\r\n\r\n"
    yield served("method: lower-case get is not GET", b"get /livez" + host, 501, code="unknown_method")
    yield served("method: unknown", b"FROB /livez" + host, 501, code="unknown_method")
    yield last("method: CONNECT", b"CONNECT a:80" + host, 405, code="method_not_allowed")
    yield refused("method: CONNECT of a path", b"CONNECT /" + host)
    yield served("method: TRACE", b"TRACE /livez" + host, 405, code="method_not_allowed")
    yield served("method: TRACE of an unknown path", b"TRACE /nothing" + host, 405, code="method_not_allowed")
    yield served("method: known but not offered", b"PUT /livez" + host, 405, code="method_not_allowed")
    yield served("method: GET of what takes POST", b"GET /v1/classify" + host, 405, code="method_not_allowed")
    yield served("method: OPTIONS of the server", b"OPTIONS *" + host, 204)
    yield served("method: OPTIONS of a path", b"OPTIONS /v1/classify" + host, 204)
    yield served("method: HEAD", b"HEAD /livez" + host, heads=(0,))
    yield served("method: HEAD of an unknown path", b"HEAD /nothing" + host, 404, heads=(0,))
    yield refused("method: 33 letters", b"A" * 33 + b" /livez" + host, 501, "unknown_method")


def sizes():
    yield served("size: a target of 8000 bytes", get(b"/v1/models/" + b"a" * 7989), 404, code="no_such_model")
    yield refused("size: a target of 100 KB", get(b"/" + b"a" * 100_000), 414)
    yield refused("size: a field of 100 KB", get(fields=b"X: " + b"a" * 100_000 + b"\r\n"), 431)
    yield refused("size: fields of 100 KB in all", get(fields=(b"X: " + b"a" * 1100 + b"\r\n") * 90), 431)
    yield refused("size: 10 000 fields", get(fields=b"X: a\r\n" * 10_000), 431)
    yield served("size: 100 fields", get(fields=b"X: a\r\n" * 99))
    yield refused("size: 101 fields", get(fields=b"X: a\r\n" * 100), 431)
    yield refused("size: a method of 100 KB", b"A" * 100_000 + b" / HTTP/1.1\r\n\r\n")


def expectations():
    expect = b"Content-Length: " + LENGTH + b"\r\nExpect: 100-"
    yield served("expect: a small body", post(expect + b"continue\r\n", UPLOAD), 100, 200, text=CLASSIFIED)
    yield served("expect: in any case", post(expect + b"Continue\r\n", UPLOAD), 100, 200, text=CLASSIFIED)
    coded = post(b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", chunks(UPLOAD, 2000) + b"0\r\n\r\n")
    yield served("expect: chunked", coded, 100, 200, text=CLASSIFIED)
    yield served("expect: without a body", get(fields=b"Expect: 100-continue\r\n"))
    large = post(b"Content-Length: 999999999\r\nExpect: 100-continue\r\n", b"")
    yield refused("expect: a large body is refused without 100", large, 413)
    yield refused("expect: something else", post(b"Content-Length: 3\r\nExpect: 200-ok\r\n"), 417)
    yield refused("expect: a list", post(b"Content-Length: 3\r\nExpect: 100-continue, x\r\n"), 417)
    old = b"POST /v1/classify HTTP/1.0\r\nHost: a\r\n" + expect + b"continue\r\n\r\n" + UPLOAD
    yield last("expect: from HTTP/1.0", old, text=CLASSIFIED)


def connections():
    yield last("connection: close", get(fields=b"Connection: close\r\n"))
    yield last("connection: close in a list", get(fields=b"Connection: foo, Close\r\n"))
    yield last("connection: HTTP/1.0", get(version=b"HTTP/1.0"))
    yield served("connection: HTTP/1.0 kept alive", get(fields=b"Connection: keep-alive\r\n", version=b"HTTP/1.0"))
    both = get(fields=b"Connection: keep-alive, close\r\n", version=b"HTTP/1.0")
    yield last("connection: HTTP/1.0 with both", both)
    three = get() + get(b"/v1/models/1") + get(b"/v1/models/2")
    yield served("connection: three requests at once", three, 200, 404, 404, text=b"'2'")
    slow_first = post(b"Content-Length: " + LENGTH + b"\r\n", UPLOAD) + get(b"/v1/models/2")
    yield served("connection: answers keep the order of requests", slow_first, 200, 404, code="no_such_model")
    nothing = get(fields=b"Connection: close\r\n") + get()
    yield last("connection: nothing is read behind the last request", nothing)


FAMILIES = (
    lengths, codings, bodies_in_chunks, unwanted_bodies, line_ends, fields, hosts, request_lines, targets, methods,
    sizes, expectations, connections,
)
ALL = [case for family in FAMILIES for case in family()]


def split_at_line_ends(data):
    """Every CR and every LF alone, and what lies between."""
    pieces, start = [], 0
    for index, byte in enumerate(data):
        if byte in (10, 13):
            pieces += [data[start:index], data[index : index + 1]]
            start = index + 1
    return [piece for piece in pieces + [data[start:]] if piece]


def split_everywhere(data):
    """Byte by byte; what is longer than any line may be, in larger pieces from there on."""
    single, rest = data[:10_000], data[10_000:]
    pieces = [single[index : index + 1] for index in range(len(single))]
    return pieces + [rest[start : start + 61] for start in range(0, len(rest), 61)]


DELIVERIES = {
    "in one write": lambda data: [data],
    "byte by byte": split_everywhere,
    "split around every CR and LF": split_at_line_ends,
    "behind a good request": lambda data: [GOOD + data],
}
