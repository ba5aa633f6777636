"""HTTP/1.1 as bytes on a socket: requests sent in given pieces, responses read strictly and never repaired."""

import contextlib
import re
import socket
import time

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [\t\x20-\x7e\x80-\xff]*")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([^\x00-\x08\x0a-\x1f\x7f]*)")
MAX_PAUSES = 100

# Host and port.
Address = tuple[str, int]


class Silence(Exception):
    """Nothing came within the time allowed."""


class Broken(Exception):
    """What came is no HTTP response, or the connection ended inside of one."""


class Reset(Broken):
    """The connection ended with RST."""


class Response:
    """`since`: when its connection was opened, in seconds of the epoch."""

    def __init__(self, status, fields, body=b""):
        self.since = time.time()
        self.status = status
        self.fields = fields
        self.body = body

    def values(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def value(self, name):
        return ", ".join(self.values(name))

    @property
    def closes(self):
        return "close" in self.value("Connection").lower()


class Wire:
    """One connection."""

    def __init__(self, address: Address, timeout: float = 5.0, source=None, tls=None):
        self.socket = socket.create_connection(address, timeout=timeout, source_address=source)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="weightspace.example")
        self.timeout = timeout
        self.opened = time.time()
        self.buffer = b""
        self.at_end = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """False if the server does not take it any more."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def send_pieces(self, pieces):
        """Sends piece by piece, with pauses that make it likely that the server sees them apart."""
        for number, piece in enumerate(pieces):
            if not self.send(piece):
                return
            if number < MAX_PAUSES and len(pieces) > 1:
                time.sleep(0.0002)

    def end_sending(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def _receive(self):
        if self.at_end:
            return False
        try:
            received = self.socket.recv(262144)
        except TimeoutError:
            raise Silence(f"nothing within {self.timeout:g} s") from None
        except ConnectionResetError:
            raise Reset("connection reset") from None
        self.buffer += received
        self.at_end = not received
        return bool(received)

    def read_to_end(self):
        """Everything until the server closes."""
        while self._receive():
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def response(self, is_head: bool = False) -> "Response | None":
        """The next response, or None where the connection ended before one began."""
        end = self.buffer.find(b"\r\n\r\n")
        while end < 0:
            if not self._receive():
                if not self.buffer:
                    return None
                raise Broken(f"the connection ended inside a head: {self.buffer[:200]!r}")
            end = self.buffer.find(b"\r\n\r\n")
        response = parse_head(self.buffer[:end])
        response.since = self.opened
        self.buffer = self.buffer[end + 4 :]
        length = body_length(response, is_head)
        while len(self.buffer) < length:
            if not self._receive():
                raise Broken(f"the connection ended after {len(self.buffer)} of {length} bytes of a body")
        response.body, self.buffer = self.buffer[:length], self.buffer[length:]
        return response


def parse_head(head):
    status_line, *lines = head.split(b"\r\n")
    status = STATUS_LINE.fullmatch(status_line)
    if not status:
        raise Broken(f"not a status line: {status_line[:200]!r}")
    fields = []
    for line in lines:
        field = FIELD_LINE.fullmatch(line)
        if not field:
            raise Broken(f"not a field line: {line[:200]!r}")
        fields.append((field[1].decode(), field[2].decode("latin-1")))
    return Response(int(status[1]), fields)


def body_length(response, is_head):
    if response.values("Transfer-Encoding"):
        raise Broken("a response with Transfer-Encoding, which the server never sends")
    if is_head or response.status < 200 or response.status in (204, 304):
        return 0
    length = response.value("Content-Length")
    if not re.fullmatch("[0-9]+", length):
        raise Broken(f"a response to be read with Content-Length '{length}'")
    return int(length)


def split_responses(data, heads=()):
    """All responses in `data`; `heads` are the places of the final ones that answer HEAD."""
    responses, finals = [], 0
    while data:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            raise Broken(f"no response: {data[:200]!r}")
        response = parse_head(data[:end])
        length = body_length(response, finals in heads)
        response.body, data = data[end + 4 : end + 4 + length], data[end + 4 + length :]
        if len(response.body) < length:
            raise Broken("a body that ends early")
        finals += response.status >= 200
        responses.append(response)
    return responses


def exchange(address: Address, request: bytes, is_head: bool = False, timeout: float = 5.0) -> Response | None:
    """One request on a connection of its own."""
    with Wire(address, timeout) as wire:
        wire.send(request)
        return wire.response(is_head)
