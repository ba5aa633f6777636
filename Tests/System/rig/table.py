"""Requests to a server and what a strict one answers: Tests/HTTPCoreTests/Fixtures/conformance.json, filled in for
a running `weightspace serve`. That file explains its members."""

import dataclasses
import json
from collections.abc import Callable, Iterator

from rig.paths import FIXTURES, TESTS

UPLOAD = (FIXTURES / "net0.safetensors").read_bytes()
LENGTH = str(len(UPLOAD)).encode()
WEIGHTS_START = UPLOAD[:4]
GOOD = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
GREY = b"P5 28 28 255\n" + bytes(range(196)) * 4
LATENTS = b"{\"latents\": [" + b", ".join([b"0.5"] * 2048) + b"]}"
# What cases post, and where.
POSTS = {
    "classify": (b"/v1/classify?top_k=1", UPLOAD),
    "fit": (b"/v1/fit?steps=1&hidden=2", GREY),
    "decode": (b"/v1/decode?size=4", LATENTS),
}


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    # Of all responses in order, interim ones included.
    statuses: tuple[int, ...]
    closes: bool
    # Of the last response's problem document.
    code: str
    # Positions among the final responses of those that answer HEAD.
    heads: tuple[int, ...]
    # What the last response's body must contain.
    text: bytes

    @property
    def family(self) -> str:
        return self.name.partition(":")[0]


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    code: str = ""
    text: bytes = b""


def answer(entry: int | str | dict[str, str]) -> Answer:
    match entry:
        case int(status):
            return Answer(status)
        case "page":
            return Answer(200, text=b'"live":true')
        case "root":
            return Answer(200, text=b"/v1/classify")
        case "echo":
            return Answer(200, text=b'"errors":0')
        case "empty":
            return Answer(415, "unknown_format")
        case "item":
            return Answer(404, "no_such_model")
        case {"item": name}:
            return Answer(404, "no_such_model", f"'{name}'".encode())
    raise ValueError(f"unknown answer {entry!r}")


def data_of(part: str | list | dict, target: bytes, upload: bytes) -> bytes:
    match part:
        case str(text):
            values = {
                "page": b"/livez", "post": target, "item": b"/v1/models/", "length": str(len(upload)).encode(),
                "body": upload,
            }
            data = text.encode("latin-1")
            for name, value in values.items():
                data = data.replace(b"${%b}" % name.encode(), value)
            return data
        case list(parts):
            return b"".join(data_of(part, target, upload) for part in parts)
        case {"repeat": count, "of": repeated}:
            return count * data_of(repeated, target, upload)
        case {"chunks": size, **options}:
            return chunks(upload, size, options.get("size", "%x"), options.get("extension", "").encode())
    raise ValueError(f"unknown part of a request: {part!r}")


def read(kind: str = "classify") -> Iterator[Case]:
    """The cases, with requests of one of `POSTS`."""
    target, upload = POSTS[kind]
    table = json.loads((TESTS / "HTTPCoreTests/Fixtures/conformance.json").read_text())
    for row in table["cases"]:
        if row.get("only") == "core":
            continue
        answers = [answer(entry) for entry in row["answers"]]
        heads = tuple(row.get("heads", ()))
        yield Case(
            row["name"], data_of(row["request"], target, upload), tuple(given.status for given in answers), row.get("closes", False),
            row.get("code", answers[-1].code), heads, b"" if heads else answers[-1].text,
        )


def get(target: bytes = b"/livez", fields: bytes = b"") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n"


def post(fields: bytes, body: bytes = b"abc") -> bytes:
    return b"POST /v1/classify?top_k=1 HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n" + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked\r\n", body)


def chunks(data: bytes, size: int, form: str = "%x", extension: bytes = b"") -> bytes:
    """Data in chunks of that size, without the last one of size 0."""
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    return b"".join(form.encode() % len(piece) + extension + b"\r\n" + piece + b"\r\n" for piece in pieces)


def split_at_line_ends(data: bytes) -> list[bytes]:
    """Every CR and every LF alone, and what lies between."""
    pieces, start = [], 0
    for index, byte in enumerate(data):
        if byte in b"\r\n":
            pieces += [data[start:index], data[index : index + 1]]
            start = index + 1
    return [piece for piece in [*pieces, data[start:]] if piece]


def split_everywhere(data: bytes) -> list[bytes]:
    """Byte by byte; after 10,000 bytes, more than any line may have, in pieces of 61."""
    single, rest = data[:10_000], data[10_000:]
    pieces = [single[index : index + 1] for index in range(len(single))]
    return pieces + [rest[start : start + 61] for start in range(0, len(rest), 61)]


ALL = list(read())
BEHIND = "behind a good request"
DELIVERIES: dict[str, Callable[[bytes], list[bytes]]] = {
    "in one write": lambda data: [data],
    "byte by byte": split_everywhere,
    "split around every CR and LF": split_at_line_ends,
    BEHIND: lambda data: [GOOD + data],
}
