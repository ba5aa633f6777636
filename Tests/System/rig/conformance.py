"""Sends the cases of the table to a server over raw sockets, in four ways, and checks the rules of responses.

A case passes where its answers are the expected ones, no more and no fewer, and the connection then is closed, or
answers one further request as it should.
"""

import concurrent.futures
import contextlib
import datetime
import itertools
import json
import re
import resource
import time

from rig import table
from rig.wire import Broken, Silence, Wire, exchange

IMF_FIXDATE = "%a, %d %b %Y %H:%M:%S GMT"
PATHS = ("/", "/livez", "/healthz", "/readyz", "/health", "/ping", "/version", "/v1/models", "/metrics")
numbers = itertools.count()


class Failed(AssertionError):
    """The server broke a rule."""


def demand(condition, complaint):
    if not condition:
        raise Failed(complaint)


def check_response(response):
    """What holds for every response."""
    names = [name.lower() for name, _ in response.fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    demand(not twice, f"{response.status} has fields more than once: {', '.join(twice)}")
    if response.status < 200:
        demand(not {"content-length", "transfer-encoding"} & set(names), f"{response.status} announces a body")
        return
    check_date(response)
    demand(response.value("X-Request-Id"), f"{response.status} without X-Request-Id")
    demand(response.value("Server-Timing"), f"{response.status} without Server-Timing")
    demand((response.status == 204) != ("content-length" in names), f"{response.status} and Content-Length do not fit")
    if response.status == 405 or response.status == 204:
        demand("OPTIONS" in response.value("Allow"), f"{response.status} without Allow")
    if response.status in (429, 503):
        demand(re.fullmatch("[1-9][0-9]*", response.value("Retry-After")), f"{response.status} without Retry-After")
    if response.status == 401:
        demand(response.value("WWW-Authenticate"), "401 without WWW-Authenticate")
    if response.status >= 400 and response.body:
        check_problem(response)


def check_date(response):
    try:
        date = datetime.datetime.strptime(response.value("Date"), IMF_FIXDATE).replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        raise Failed(f"{response.status} has the Date '{response.value('Date')}'") from None
    # Whole seconds, and a clock that is read once for many answers.
    is_recent = response.since - 2 < date.timestamp() < time.time() + 2
    demand(is_recent, f"{response.status} has a Date outside its connection's time: {date}")


def check_problem(response):
    kind = response.value("Content-Type")
    demand(kind == "application/problem+json", f"{response.status} has an error body of type '{kind}'")
    problem = json.loads(response.body)
    missing = {"type", "title", "status", "detail", "code", "request_id", "error"} - set(problem)
    demand(not missing, f"{response.status} has a problem without {', '.join(sorted(missing))}")
    demand(problem["status"] == response.status, f"{response.status} calls itself {problem['status']}")
    demand(problem["request_id"] == response.value("X-Request-Id"), f"{response.status} has two request ids")
    if "retry_after" in problem:
        demand(str(problem["retry_after"]) == response.value("Retry-After"), f"{response.status} has two Retry-After")


def run_case(address, case, delivery, timeout=5.0):
    """Raises `Failed` where the server's answers are not the case's."""
    behind = delivery == table.BEHIND
    expected = ([200] if behind else []) + list(case.statuses)
    heads = {place + behind for place in case.heads}
    with Wire(address, timeout) as wire:
        wire.send_pieces(table.DELIVERIES[delivery](case.data))
        finals = [status for status in expected if status >= 200]
        responses = read(wire, len(finals), heads)
        got = [response.status for response in responses]
        # Behind a request whose answer is still being made, the body is there before 100 could be sent for it.
        demand(got == expected or (behind and got == finals), f"answered {got}, not {expected}")
        for response in responses:
            check_response(response)
        check_last(case, responses[-1])
        if case.closes:
            demand(has_ended(wire), "answered once more where the connection should have ended")
        else:
            check_follow_up(wire)


def read(wire, count, heads):
    """Up to `count` final responses and the interim ones before; fewer where the connection ends."""
    responses, finals = [], 0
    while finals < count:
        response = wire.response(is_head=finals in heads)
        if response is None:
            break
        finals += response.status >= 200
        responses.append(response)
    return responses


def has_ended(wire):
    """Whether no further answer comes. The server lingers: bytes that arrive late do not reset the connection."""
    return wire.response() is None


def check_last(case, response):
    demand(response.closes == case.closes, f"{'keeps' if case.closes else 'closes'} the connection")
    if case.code and response.body:
        code = json.loads(response.body).get("code")
        demand(code == case.code, f"calls it '{code}', not '{case.code}'")
    demand(case.text in response.body, f"the body has no {case.text!r}: {response.body[:200]!r}")


def check_follow_up(wire):
    """Were the framing misunderstood, this would get no answer, another's, or one too many."""
    name = f"follow-{next(numbers)}"
    wire.send(f"GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: {name}\r\nConnection: close\r\n\r\n".encode())
    response = wire.response()
    demand(response is not None, "closed instead of answering another request")
    demand(response.status == 200, f"answered a good request with {response.status} afterwards")
    demand(response.value("X-Request-Id") == name, f"gave a good request the answer of another: {response.fields}")
    demand(wire.response() is None, "answered once too often")


def named_fields(response):
    """Those that describe the resource, not the moment."""
    moment = {"date", "x-request-id", "server-timing"}
    return sorted((name.lower(), value) for name, value in response.fields if name.lower() not in moment)


def check_head(address, path):
    """HEAD gives GET's fields and no body."""
    request = f" {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
    of_get = exchange(address, b"GET" + request)
    with Wire(address) as wire:
        wire.send(b"HEAD" + request)
        of_head = wire.response(is_head=True)
        rest = wire.read_to_end()
    demand(not rest, f"HEAD was answered with a body of {len(rest)} bytes")
    fields, head_fields = named_fields(of_get), named_fields(of_head)
    if path == "/metrics":
        # Counts have changed meanwhile, and the length with them.
        fields, head_fields = (
            [field for field in some if field[0] != "content-length"] for some in (fields, head_fields)
        )
    demand(of_get.status == of_head.status and fields == head_fields, f"GET has {fields}, HEAD {head_fields}")


def check_request_ids(address):
    """A harmless name is echoed, any other replaced."""
    kept = (b"a.B_c-9", b"x" * 128)
    for given in (*kept, b"x" * 129, b"a b", b'"', b""):
        response = exchange(address, b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + given + b"\r\n\r\n")
        check_response(response)
        name = response.value("X-Request-Id").encode()
        demand((name == given) == (given in kept), f"{given!r} came back as {name!r}")


def check_encodings(address):
    """415 for an unknown coding says which are known."""
    fields = b"Content-Encoding: br\r\nContent-Length: 3\r\n"
    response = exchange(address, table.post(fields))
    check_response(response)
    known = response.value("Accept-Encoding")
    demand(response.status == 415 and "gzip" in known, f"answered {response.status}, Accept-Encoding: {known}")


def check_early_refusal(address):
    """Who sends 17 MiB before reading still gets to read the refusal."""
    size = 17 << 20
    pieces = {
        "with a length": [table.post(b"Content-Length: %d\r\n" % size, b"")] + [b"x" * 65536] * (size // 65536),
        "in chunks": [table.chunked(b"")] + [b"10000\r\n" + b"x" * 65536 + b"\r\n"] * (size // 65536),
    }
    for name, parts in pieces.items():
        with Wire(address, 30) as wire:
            demand(all(wire.send(part) for part in parts), f"17 MiB {name}: the connection broke while sending")
            response = wire.response()
            demand(response is not None and response.status == 413, f"17 MiB {name}: no 413")
            check_response(response)


def check_continue(address):
    """100 comes before the body, and not where the body is unwanted."""
    head = b"POST /v1/classify HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
    with Wire(address) as wire:
        wire.send(head + table.LENGTH + b"\r\n\r\n")
        interim = wire.response()
        demand(interim.status == 100, f"answered {interim.status} where 100 is waited for")
        check_response(interim)
        wire.send(table.UPLOAD)
        demand(wire.response().status == 200, "no 200 after 100")
    for target, status in ((b"/nothing", 404), (b"/livez", 405)):
        response = exchange(address, head.replace(b"/v1/classify", target) + b"3\r\n\r\n")
        is_final = response.status == status and response.closes
        demand(is_final, f"answered {response.status} to an expectation at {target.decode()}")


def check_full_queue(address):
    """Where more requests wait than may, 429 says when to come again. Then everybody hangs up."""
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + table.UPLOAD + b"\r\n"
    body = part * 64 + b"--b--\r\n"
    head = b"POST /v1/classify HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    request = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(address, 20)) for _ in range(200)]
        with concurrent.futures.ThreadPoolExecutor(len(wires)) as pool:
            list(pool.map(lambda wire: wire.send(request), wires))
        response = first_with(wires, 429)
    demand(response is not None, "200 large requests at once and none was answered 429")
    check_response(response)


def first_with(wires, status):
    """The first response with `status` among connections that wait for theirs."""
    waiting, deadline = list(wires), time.monotonic() + 20
    while waiting and time.monotonic() < deadline:
        for wire in list(waiting):
            wire.socket.settimeout(0.01)
            with contextlib.suppress(Silence):
                response = wire.response()
                waiting.remove(wire)
                if response is not None and response.status == status:
                    return response
    return None


def check_too_many_connections(address):
    """One connection too many is told so, and there is room again once others have left."""
    limit = 4096
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, limit + 256), hard))
    refusal = None
    with contextlib.ExitStack() as stack:
        for number in range(limit):
            wire = stack.enter_context(Wire(address))
            if number % 64:
                continue
            wire.send(table.GOOD)
            response = wire.response()
            if response is None or response.status != 200:
                refusal = response
                break
    demand(refusal is not None, f"none of {limit} connections was refused in words; start the server with fewer")
    demand(refusal.status == 503 and refusal.closes, f"one connection too many was answered {refusal.status}")
    check_response(refusal)
    demand(recovers(address), "no room though everybody has left")


def recovers(address):
    for _ in range(50):
        with contextlib.suppress(Broken, OSError):
            response = exchange(address, table.GOOD)
            if response is not None and response.status == 200:
                return True
        time.sleep(0.1)
    return False


SINGLE_CHECKS = (
    check_request_ids, check_encodings, check_early_refusal, check_continue, check_full_queue,
    check_too_many_connections,
)


def complaint_of(check):
    """What is wrong, or nothing."""
    try:
        check()
        return None
    except (Failed, Silence, Broken, OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}" if not isinstance(error, Failed) else str(error)


def complaints(address, timeout=0.5, jobs=16):
    """What is wrong with each case, in one write; nothing where it passes."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        found = pool.map(
            lambda case: complaint_of(lambda: run_case(address, case, "in one write", timeout)), table.ALL)
        return dict(zip((case.name for case in table.ALL), found, strict=True))
