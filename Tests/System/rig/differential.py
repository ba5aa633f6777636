"""Compares a running server with two other HTTP parsers, h11 and llhttp (httptools).

Sends the cases of the table and seeded mutations of them, each on a connection of its own whose sending side is closed
afterwards, and reads to the end. What one of the others rejects, the server must reject at the same message or before
it, with an error and the end of the connection: a proxy and a server that read the same bytes differently can be
attacked by requests hidden in others. Where nobody rejects, the server must have seen as many requests as they did.
The exceptions, with their reasons, are in `MEANT`.
"""

import collections
import dataclasses
import multiprocessing
import random

import h11
import httptools

from rig import table
from rig.wire import Broken, Silence, Wire, split_responses

LONGEST = 2000
# With the end of the connection these are rejections.
REJECTIONS = {400, 413, 414, 417, 431, 501, 505}
# These are given by a request's head, before its body is read.
BY_HEAD_ALONE = {204, 404, 405, 501}


@dataclasses.dataclass
class Verdict:
    """What a parser made of the bytes: complete requests, and why it took no more."""

    requests: int = 0
    rejection: str = ""
    # The connection was over, or would have become another protocol's.
    is_over: bool = False
    # The last request's head was complete and its body was not; the server may have answered it by its head alone.
    has_open_body: bool = False


@dataclasses.dataclass(frozen=True)
class Meant:
    library: str
    rejection: str
    reason: str


# Rejections that the server does not share, by the start of the library's words.
MEANT = (
    Meant(
        "h11", "no request line received",
        "RFC 9112 section 2.2 asks servers to ignore an empty line before a request; at most two are",
    ),
    Meant(
        "llhttp", "Invalid method encountered",
        "llhttp knows a list of methods; any other token is answered 501, and where its request ends is beyond doubt",
    ),
    Meant("llhttp", "Expected space after method", "the same for a longer token that starts like a method"),
    Meant("llhttp", "Invalid HTTP version", "RFC 9110 section 2.5: HTTP/1.2 and above are answered as HTTP/1.1"),
    Meant(
        "llhttp", "Content-Length can't be present with Transfer-Encoding",
        "in a trailer, whose fields the server checks for syntax and drops, as RFC 9110 section 6.5.1 demands",
    ),
    Meant("llhttp", "Invalid `Transfer-Encoding` header value", "the same"),
    Meant("llhttp", "Data after `Connection: close`", "the same; in a head, the server heeds it and reads no further"),
    Meant("h11", "Only Transfer-Encoding: chunked is supported", "the same"),
)


def of_h11(data):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    verdict = Verdict()
    if not data:
        return verdict
    connection.receive_data(data)
    try:
        while True:
            event = connection.next_event()
            if event in (h11.NEED_DATA, h11.PAUSED):
                return verdict
            if isinstance(event, h11.Request):
                verdict.has_open_body = True
            elif isinstance(event, h11.EndOfMessage):
                verdict.has_open_body = False
                verdict.requests += 1
                connection.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE:
                    verdict.is_over = True
                    return verdict
                connection.start_next_cycle()
    except h11.RemoteProtocolError as error:
        verdict.rejection = str(error)
        return verdict


class Counter:
    """What llhttp reports of."""

    def __init__(self):
        self.verdict = Verdict()

    def on_headers_complete(self):
        self.verdict.has_open_body = True

    def on_message_complete(self):
        self.verdict.requests += 1
        self.verdict.has_open_body = False


def of_llhttp(data):
    counter = Counter()
    try:
        httptools.HttpRequestParser(counter).feed_data(data)
    except httptools.HttpParserUpgrade:
        counter.verdict.is_over = True
    except httptools.HttpParserError as error:
        counter.verdict.rejection = f"{error}"
    return counter.verdict


LIBRARIES = {"h11": of_h11, "llhttp": of_llhttp}


def of_server(address, data, answer_count):
    """The server's verdict by its answers, of which so many are waited for before the sending side is closed."""
    with Wire(address, 5) as wire:
        wire.send(data)
        answers = [wire.response() for _ in range(answer_count)]
        wire.end_sending()
        answers += split_with_heads(wire.read_to_end(), data)
    answers = [answer for answer in answers if answer.status >= 200]
    verdict = Verdict(requests=len(answers))
    if not answers:
        return verdict
    status, verdict.is_over = answers[-1].status, answers[-1].closes
    if verdict.is_over and status in REJECTIONS:
        verdict.requests -= 1
        verdict.rejection = str(status)
    else:
        verdict.has_open_body = status in BY_HEAD_ALONE
    return verdict


def split_with_heads(received, sent):
    """Responses, some of which may answer HEAD: which ones shows by where the next begins."""
    responses, rest = [], received
    while rest:
        end = rest.find(b"\r\n\r\n") + 4
        is_head = b"HEAD " in sent and (end == len(rest) or rest[end:].startswith(b"HTTP/1.1 "))
        if is_head:
            responses += split_responses(rest[:end], heads=(0,))
            rest = rest[end:]
        else:
            length = int(split_responses(rest[:end], heads=(0,))[0].value("Content-Length") or 0)
            responses += split_responses(rest[: end + length])
            rest = rest[end + length :]
    return responses


def difference(server, library, verdict):
    """What is wrong, or nothing; or the difference that is meant."""
    may_be_early = server.has_open_body and verdict.has_open_body
    if verdict.rejection:
        if server.requests - may_be_early <= verdict.requests and server.is_over:
            return None
        for meant in MEANT:
            if meant.library == library and verdict.rejection.startswith(meant.rejection):
                return meant
        return f"{library} rejects after {verdict.requests} requests: {verdict.rejection}"
    too_many = server.requests - may_be_early > verdict.requests and not verdict.is_over
    too_few = server.requests < verdict.requests and not server.is_over
    return f"{library} sees {verdict.requests} requests" if too_many or too_few else None


WORDS = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b"\0", b"\x0b", b"\x0c", b"\x7f", b"\x80", b"\xff", b":", b",",
    b";", b"=", b'"', b"+", b"-", b"0", b"1", b"5", b"f", b"x", b"_", b"/", b"?", b"#", b"%", b"%00", b"*", b"@", b"[",
    b"]", b"chunked", b"identity", b"gzip", b"HTTP/1.0", b"HTTP/1.1", b"HTTP/1.2", b"GET ", b"POST ", b"HEAD ",
    b"0\r\n\r\n", b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Host: a\r\n", b"Host: b\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n",
    b"Expect: 100-continue\r\n", b"X: y\r\n", b" folded\r\n",
)
SHORT = [case.data for case in table.ALL if len(case.data) <= LONGEST]
GOODS = [
    table.GOOD,
    table.get(b"/v1/models"),
    table.get(fields=b"A: b\r\nC: d, e\r\nAccept: */*\r\n"),
    table.post(b"Content-Length: 3\r\n"),
    table.post(b"Content-Length: 3\r\nContent-Type: application/json\r\n", b"xyz"),
    table.chunked(b"3\r\nabc\r\n5;a=b\r\nhello\r\n0\r\n\r\n"),
    table.chunked(b"A\r\n0123456789\r\n0\r\nT: u\r\n\r\n"),
    b"HEAD /livez HTTP/1.1\r\nHost: a:80\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
]


def mutated(seed, number):
    """The numberth input: a request or two, changed in one to four places; mostly with a good request behind."""
    random_source = random.Random(f"{seed} {number}")
    data = bytearray(random_source.choice(GOODS if random_source.random() < 0.5 else SHORT))
    if random_source.random() < 0.2:
        data += random_source.choice(GOODS)
    for _ in range(random_source.randint(1, 4)):
        change(data, random_source)
    if random_source.random() < 0.7:
        data += table.GOOD
    return bytes(data)


def change(data, random_source):
    place = random_source.randint(0, len(data))
    end = place + random_source.randint(1, 12)
    kind = random_source.randrange(7)
    if kind == 0:
        del data[place : place + 1]
    elif kind == 1:
        del data[place:end]
    elif kind == 2:
        data[place:place] = random_source.choice(WORDS)
    elif kind == 3:
        data[place : place + 1] = random_source.choice(WORDS)
    elif kind == 4:
        data[place:place] = data[place:end]
    elif kind == 5:
        data[place : place + 1] = bytes([random_source.randrange(256)])
    else:
        # Line by line: those that matter are found this way.
        lines = bytes(data).split(b"\r\n")
        lines.insert(random_source.randrange(len(lines)), random_source.choice(lines))
        data[:] = b"\r\n".join(lines)


def judge(task):
    """(input's name, bytes, verdicts, differences, meant ones)"""
    address, name, data, answer_count = task
    try:
        server = of_server(address, data, answer_count)
    except (Broken, Silence, OSError, ValueError) as error:
        return name, data, [], [f"{type(error).__name__}: {error}"], []
    verdicts = {library: read(data) for library, read in LIBRARIES.items()}
    found = [difference(server, library, verdict) for library, verdict in verdicts.items()]
    complaints = [f"{item}; the server {describe(server)}" for item in found if isinstance(item, str)]
    rejections = [bool(verdict.rejection) for verdict in (server, *verdicts.values())]
    return name, data, rejections, complaints, [item for item in found if isinstance(item, Meant)]


def describe(verdict):
    if verdict.rejection:
        return f"sees {verdict.requests} and rejects the next with {verdict.rejection}"
    return f"sees {verdict.requests} and {'closes' if verdict.is_over else 'waits'}"


def compare(address, seed, numbers, jobs, with_cases=True):
    """(number of inputs, failures as text, how often each exception applied, how many inputs each parser rejected)"""
    # What takes long to answer is answered before the client closes its side: who does that is taken for gone.
    tasks = [
        (address, f"case '{case.name}'", case.data, len(case.statuses) if table.WEIGHTS_START in case.data else 0)
        for case in table.ALL
        if with_cases
    ]
    tasks += [(address, f"mutation {number}", mutated(seed, number), 0) for number in numbers]
    failures, meant, rejected = [], collections.Counter(), collections.Counter()
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for name, data, rejections, complaints, excused in pool.imap(judge, tasks, chunksize=50):
            meant.update(excused)
            rejected.update(name for name, did in zip(("server", *LIBRARIES), rejections, strict=False) if did)
            if complaints:
                failures.append(f"{name}: {' | '.join(complaints)}: {data[:600]!r}")
    return len(tasks), failures, meant, rejected
