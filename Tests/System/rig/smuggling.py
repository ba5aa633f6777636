"""Sends requests that hide others in their bodies, and ordinary ones, through a proxy, and counts in the server's log
what came of them.

For every request into the proxy there must be one request seen by the server, or none where the proxy refuses it: as
many lines in the log as the client got answers of the server's, and none for a request hidden in another's body.
"""

import concurrent.futures
import dataclasses
import json
import ssl
import time

from rig import table
from rig.wire import Broken, Silence, Wire, exchange

OUTER, INNER = "outer", "inner"


@dataclasses.dataclass
class Seen:
    """What the client saw of one payload."""

    name: str
    of_server: int = 0
    of_proxy: int = 0
    complaint: str = ""


class Proxy:
    def __init__(self, port, certificate):
        self.address = "127.0.0.1", port
        self.tls = ssl.create_default_context(cafile=certificate)

    def wire(self, timeout=5.0, source=None):
        return Wire(self.address, timeout, source, self.tls)

    def ask(self, request, is_head=False, timeout=10.0, source=None):
        with self.wire(timeout, source) as wire:
            wire.send(request)
            return wire.response(is_head)


def hidden(number):
    return f"GET /v1/models/{INNER}-{number} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def handmade(number):
    """(name, bytes) of what is known to have fooled pairs of proxy and server."""
    inner = hidden(number)
    path = f"/v1/models/{OUTER}-{number}/classify".encode()

    def post(fields, body):
        return b"POST " + path + b" HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n" + body

    length = b"Content-Length: %d\r\n"
    coded = b"Transfer-Encoding: chunked\r\n"
    end = b"0\r\n\r\n"
    in_chunks = b"%x\r\n" % len(inner) + inner + b"\r\n" + end
    get = b"GET " + path.replace(b"/classify", b"") + b" HTTP/1.1\r\nHost: a\r\n"
    yield "length, then coding", post(length % (len(end) + len(inner)) + coded, end + inner)
    yield "coding, then length", post(coded + length % (len(end) + len(inner)), end + inner)
    yield "coding with a short length", post(length % 4 + coded, in_chunks)
    yield "length named by Connection", post(length % len(inner) + b"Connection: Content-Length\r\n", inner)
    yield "coding named by Connection", post(coded + b"Connection: Transfer-Encoding\r\n", in_chunks)
    yield "body of GET", get + length % len(inner) + b"\r\n" + inner
    yield "chunked body of GET", get + coded + b"\r\n" + in_chunks
    yield "body of HEAD", b"HEAD" + get[3:] + length % len(inner) + b"\r\n" + inner
    h2c = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    yield "upgrade to h2c", get + h2c + inner
    websocket = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 9\r\n\r\n"
    yield "upgrade to websocket", get + websocket + inner
    yield "expectation with a body at once", post(b"Expect: 100-continue\r\n" + length % len(inner), inner)
    yield "unknown expectation", post(b"Expect: 200-ok\r\n" + length % len(inner), inner)
    yield "coding in HTTP/1.0", post(coded, end).replace(b"HTTP/1.1", b"HTTP/1.0") + inner
    yield "an absolute target with another host", get.replace(b"GET ", b"GET http://b") + b"\r\n"
    yield "line feed in a target", get.replace(b" HTTP", b"%0d%0a%0d%0aGET%20/v1/models/inner-0 HTTP") + b"\r\n"
    yield "line feed in a field's name", get + b"X\n" + inner + b"\r\n\r\n"
    yield "a chunk's size beyond 64 bits", post(coded, b"10000000000000005\r\n" + inner + end)
    yield "a request that ends early, and another", post(length % 999, b"abc") + inner
    yield "two good requests", get + b"\r\n" + inner


def from_table(number):
    """The table's framing cases, each with a request hidden behind."""
    families = "length", "coding", "chunks", "line", "field", "expect"
    for case in table.ALL:
        if case.family in families and len(case.data) <= 2000:
            path = b"/v1/models/%b-%d" % (OUTER.encode(), number)
            data = case.data.replace(b"/v1/classify?top_k=1", path + b"/classify").replace(b"/livez", path)
            yield f"{case.name}, and another behind", data + hidden(number)
            number += 1


def payloads():
    numbered = []
    for name, _ in handmade(0):
        number = len(numbered)
        numbered.append((name, dict(handmade(number))[name]))
    return numbered + list(from_table(len(numbered)))


def send(proxy, number, name, data):
    """Sends a payload and reads until the proxy has nothing more to say."""
    seen = Seen(name)
    try:
        with proxy.wire(timeout=1.5) as wire:
            wire.send(data)
            while response := wire.response(is_head=data.startswith(b"HEAD")):
                if response.status >= 200:
                    seen.of_server += bool(response.value("Server-Timing"))
                    seen.of_proxy += not response.value("Server-Timing")
    except Silence:
        pass
    except (Broken, OSError):
        # A proxy's way to refuse: an answer without a head, as in HTTP/0.9, or a reset.
        seen.of_proxy += 1
    after = f"after-{number}"
    response = proxy.ask(f"GET /v1/models/{after} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    if response is None or response.status != 404 or after.encode() not in response.body:
        seen.complaint = f"another client's request was answered {response and (response.status, response.body[:200])}"
    return seen


def lines_of(log, server):
    """The paths and statuses in the server's log, complete up to now."""
    mark = f"mark-{time.monotonic_ns()}"
    exchange(server, f"GET /v1/models/{mark} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    for _ in range(100):
        with open(log) as file:
            text = file.read()
        if mark in text:
            return [json.loads(line) for line in text.splitlines() if '"message":"request"' in line]
        time.sleep(0.05)
    raise AssertionError("the server's log does not go on")


def is_abandoned(line):
    """A request that the proxy began to pass on and then gave up itself, inside its body."""
    reasons = ("bad_framing", "client_closed", "client_reset")
    return int(line["status"]) in (400, 408, 499) and line.get("reason") in reasons


def judge(number, seen, lines):
    """What is wrong with a payload's traces, or nothing."""
    outer, inner = (
        [line for line in lines if line.get("path", "").removesuffix("/classify").endswith(f"/{kind}-{number}")]
        for kind in (OUTER, INNER)
    )
    whole = [line for line in outer + inner if not is_abandoned(line)]
    if seen.complaint:
        return seen.complaint
    if len(whole) > seen.of_server:
        return f"the client got {seen.of_server} answers of the server, which saw {[line['path'] for line in whole]}"
    if len(inner) > max(0, seen.of_server + seen.of_proxy - 1):
        return "the hidden request was seen"
    return None


def check_judge():
    """The judge must find what it is there for."""
    outer, inner = ({"path": f"/v1/models/{kind}-0", "status": "404"} for kind in (OUTER, INNER))
    assert judge(0, Seen("", of_server=1), [outer]) is None
    assert judge(0, Seen("", of_server=1), [outer, inner])
    assert judge(0, Seen("", of_server=1), [inner])
    assert judge(0, Seen("", of_proxy=1), [outer])


def smuggling(proxy, server, log):
    check_judge()
    todo = payloads()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(lambda item: send(proxy, item[0], *item[1]), enumerate(todo)))
    lines = lines_of(log, server)
    complaints = [(item.name, judge(number, item, lines)) for number, item in enumerate(seen)]
    refused = sum(item.of_server == 0 for item in seen)
    print(f"{len(seen)} smuggling payloads: {refused} refused by the proxy, {len(seen) - refused} seen by the server")
    return [f"{name}: {complaint}" for name, complaint in complaints if complaint]


def demand(condition, complaint):
    return [] if condition else [complaint]


def ordinary(proxy, server, log):
    """What must come through unharmed."""
    close = b"Connection: close\r\n\r\n"
    found = []
    live = proxy.ask(b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: through-1\r\n" + close)
    is_whole = live.status == 200 and live.value("X-Request-Id") == "through-1"
    found += demand(is_whole, f"/livez gave {live.status}, {live.fields}")
    made = proxy.ask(b"GET /livez HTTP/1.1\r\nHost: a\r\n" + close)
    found += demand(len(made.value("X-Request-Id")) >= 26, "no X-Request-Id was made")
    head = proxy.ask(b"HEAD /livez HTTP/1.1\r\nHost: a\r\n" + close, is_head=True)
    is_same = head.status == 200 and head.value("Content-Length") == live.value("Content-Length")
    found += demand(is_same, "HEAD is not GET's")
    post = b"POST /v1/classify HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    whole = proxy.ask(post + b"Content-Length: " + table.LENGTH + b"\r\n\r\n" + table.UPLOAD)
    coded = proxy.ask(post + b"Transfer-Encoding: chunked\r\n\r\n" + table.chunks(table.UPLOAD, 999) + b"0\r\n\r\n")
    found += demand(whole.status == coded.status == 200, f"an upload gave {whole.status}, in chunks {coded.status}")
    problem = proxy.ask(b"GET /nothing HTTP/1.1\r\nHost: a\r\n" + close)
    kind = problem.value("Content-Type")
    found += demand(kind == "application/problem+json", f"a problem document came through as {kind}")
    name = json.loads(problem.body)["request_id"]
    found += demand(name == problem.value("X-Request-Id"), "two request ids")
    found += limits(proxy, post)
    found += hidden_metrics(proxy)
    found += kept_alive(proxy, server, log)
    return found


def limits(proxy, post):
    large = 16 << 20
    found = []
    for size, statuses in ((large, (415,)), (large + 1, (413,))):
        response = proxy.ask(post + b"Content-Length: %d\r\n\r\n" % size + b"x" * size, timeout=30)
        found += demand(response.status in statuses, f"{size} bytes gave {response.status}")
    body = b"".join((b"100000\r\n" + b"x" * (1 << 20) + b"\r\n",) * 17)
    response = proxy.ask(post + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n", timeout=30)
    return found + demand(response.status == 413, f"17 MiB in chunks gave {response.status}")


def hidden_metrics(proxy):
    """Seen from this machine alone, however the path is written."""
    found = []
    for path, source, status in (
        (b"/metrics", "127.0.0.1", 200), (b"/metrics", "127.0.0.2", 403), (b"/%6detrics", "127.0.0.2", 403),
        (b"/metrics?a", "127.0.0.2", 403), (b"http://a/metrics", "127.0.0.2", 403),
    ):
        response = proxy.ask(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", source=(source, 0))
        found += demand(response.status == status, f"{path.decode()} gave {response.status} to {source}")
    return found


def kept_alive(proxy, server, log, connections=8, each=125):
    """Every one of many requests over kept connections is seen exactly once."""

    def one(connection):
        with proxy.wire() as wire:
            answered = 0
            for number in range(each):
                name = f"kept-{connection}-{number}"
                wire.send(f"GET /v1/models/{name} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                answered += name.encode() in wire.response().body
            return answered

    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        answered = sum(pool.map(one, range(connections)))
    paths = [line["path"] for line in lines_of(log, server) if "/kept-" in line.get("path", "")]
    total = connections * each
    print(f"{total} requests over {connections} kept connections: {answered} answered, {len(paths)} seen by the server")
    return demand(answered == len(paths) == len(set(paths)) == total, "requests were lost or repeated")
