"""A server that makes the mistakes which conformance.py must find: proof that its checks can fail."""

import contextlib
import email.utils
import socket
import socketserver
import threading

# Cases that this server gets wrong, by what it does.
MISTAKES = (
    "length: two different",  # takes the last
    "length: before a coding",  # takes the length
    "length: a plus sign",  # int() takes it
    "length: leading zeros",
    "coding: xchunked",  # looks for the word anywhere
    "coding: in HTTP/1.0",
    "chunks: size 0x5",  # int(, 16) takes it
    "chunks: semicolon without a name",
    "chunks: data longer than the size",  # what follows becomes a request
    "body: of GET is no request",  # reads bodies of POST only
    "line: LF only",
    "field: a space before the colon",
    "field: folded with a space",
    "field: NUL in a value",
    "host: missing",
    "host: twice the same",
    "request line: two spaces after the method",
    "request line: HTTP/0.9 without a version",
    "target: /%00",
    "method: lower-case get is not GET",
    "method: HEAD",  # with a body
    "method: OPTIONS of a path",  # 204 with Content-Length
    "size: a target of 100 KB",
    "size: 10 000 fields",
    "expect: a small body",
    "connection: close",  # not announced
    "connection: close in a list",
    "connection: HTTP/1.0",
)
# Cases that it gets right.
CORRECT = ("field: an empty value", "target: a query", "host: a.example")

OK = (
    "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Length: {length}\r\nX-Request-Id: {name}\r\n"
    "Server-Timing: parse;dur=0\r\n\r\n{body}"
)


class Handler(socketserver.StreamRequestHandler):
    timeout = 2

    def handle(self):
        with contextlib.suppress(OSError, ValueError, IndexError, OverflowError):
            while self.serve_one():
                pass

    def serve_one(self):
        line = self.rfile.readline()
        while line.strip() == b"" and line:
            line = self.rfile.readline()
        if not line:
            return False
        method, target = line.split()[:2]
        fields = self.read_fields()
        if method == b"POST":
            self.read_body(fields)
        if method.upper() == b"OPTIONS":
            self.answer("204 No Content", fields, "")
        elif target.split(b"?")[0] == b"/livez":
            self.answer("200 OK", fields, '{"live":true}')
        else:
            self.answer("404 Not Found", fields, "")
        return fields.get(b"connection") != b"close"

    def read_fields(self):
        fields = {}
        while True:
            line = self.rfile.readline()
            if not line.strip():
                return fields
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip()

    def read_body(self, fields):
        if b"content-length" in fields:
            return self.rfile.read(int(fields[b"content-length"]))
        body = b""
        while b"chunked" in fields.get(b"transfer-encoding", b""):
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                break
        return body

    def answer(self, status, fields, body):
        name = fields.get(b"x-request-id", b"none").decode("latin-1")
        date = email.utils.formatdate(usegmt=True)
        text = OK.format(status=status, date=date, length=len(body), name=name, body=body)
        self.wfile.write(text.encode("latin-1"))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = socket.SOMAXCONN


@contextlib.contextmanager
def running():
    """The address of a sloppy server on a free port."""
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address
        server.shutdown()
