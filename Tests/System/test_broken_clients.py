"""Clients that misbehave, and a server that lacks resources: how others are served. Prints figures (pytest -s)."""

import contextlib
import os
import re
import resource
import signal
import socket
import threading
import time

import pytest

from rig import table
from rig.probe import Probe
from rig.server import Server, answers, wait_until
from rig.wire import Broken, Silence, Wire, exchange

pytestmark = pytest.mark.slow

POST = table.post(b"Content-Length: " + table.LENGTH + b"\r\n", table.UPLOAD)
IN_FLIGHT = "weightspace_requests_in_flight"
OPEN = r'weightspace_connections\{state="open"\}'
# Answers of 860 KB, which a client that does not read leaves with the server.
DRAW = POST.replace(b"/v1/classify?top_k=1", b"/v1/render?height=256&width=256&output=json")


def metric(server, pattern):
    """The value of the first metric that matches."""
    request = b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    text = exchange(server.address, request).body.decode()
    found = re.search(rf"^{pattern} ([0-9.e+]+)$", text, re.MULTILINE)
    assert found, f"no metric {pattern}"
    return float(found[1])


def test_reset_in_every_phase(server: Server) -> None:
    phases = {
        "before a byte": (b"", 0),
        "inside the head": (POST[:40], 0),
        "after the head": (POST[: POST.index(b"\r\n\r\n") + 4], 0),
        "inside the body": (POST[:-2000], 0),
        "before the answer": (POST, 0),
        "inside the answer": (DRAW, 1000),
        "between requests": (table.GOOD, 10**6),
        "while it lingers": (table.get(b"/%00"), 10**6),
    }
    rounds = 50
    for data, read in phases.values():
        for _ in range(rounds):
            wire = Wire(server.address, 10)
            wire.send(data)
            with contextlib.suppress(Silence, Broken):
                if read == 10**6:
                    wire.response()
                elif read:
                    wire.socket.recv(read)
            wire.reset()
    assert answers(server.address, table.GOOD), "no answer afterwards"
    took = wait_until(lambda: metric(server, OPEN) <= 1 and metric(server, IN_FLIGHT) <= 1, 10)
    print(f"{len(phases)} phases, {rounds} times each; all connections gone {1000 * took:.0f} ms later")


def test_sending_side_closed_in_every_phase(server: Server) -> None:
    last = b"Connection: close\r\n"
    phases = (
        ("a head that ends early", POST[:40], 400),
        ("a body that ends early", POST[:-2000], 400),
        ("a chunk that ends early", table.chunked(b"5\r\nab"), 400),
        ("the last request", table.post(last + b"Content-Length: " + table.LENGTH + b"\r\n", table.UPLOAD), 200),
        ("HTTP/1.0", b"GET /livez HTTP/1.0\r\n\r\n", 200),
        ("nothing at all", b"", None),
    )
    worst = 0
    for name, data, status in phases:
        began = time.monotonic()
        with Wire(server.address) as wire:
            wire.send(data)
            wire.end_sending()
            response = wire.response()
            got = response and response.status
            assert got == status, f"{name}: {got}, not {status}"
            assert wire.read_to_end() == b"", f"{name}: more than one answer"
        worst = max(worst, time.monotonic() - began)
    print(f"{len(phases)} phases, each answered and closed within {1000 * worst:.0f} ms")


def test_clients_that_never_read(start_server) -> None:
    clients = 10
    # Those whose drawings are refused, which are more than may wait, have their answers and are idle then.
    server = start_server("--write-timeout", "3", "--idle-timeout", "5")
    before = server.status("VmRSS")
    wires = [Wire(server.address, 1) for _ in range(clients)]
    for wire in wires:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        threading.Thread(target=wire.send, args=(DRAW * 64,), daemon=True).start()
    probe = Probe(server.address).ask_for(4)
    peak = (server.status("VmHWM") - before) / 1024
    assert not probe.failures, f"others noticed: {probe.failures[:1]}"
    assert peak < 300, f"{peak:.0f} MB more memory"
    took = wait_until(lambda: metric(server, OPEN) <= 1, 40)
    for wire in wires:
        wire.socket.close()
    print(
        f"{clients} clients with 64 requests each: {peak:.0f} MB more, closed {took:.0f} s after the probes; "
        f"{probe.figures()}"
    )


def test_bodies_of_16_mib_that_are_never_finished(start_server) -> None:
    clients, size = 100, 16 << 20
    server = start_server()
    with contextlib.ExitStack() as stack:
        for _ in range(clients):
            wire = stack.enter_context(Wire(server.address))
            wire.send(table.post(b"Content-Length: %d\r\n" % size, b"x" * (size - 1)))
        probe = Probe(server.address).ask_for(3)
        peak = server.status("VmHWM") / 1024
        assert not probe.failures, f"others noticed: {probe.failures[:1]}"
        assert peak < 800, f"{peak:.0f} MB of memory"
        print(f"{clients} clients: at most {peak:.0f} MB of memory; {probe.figures()}")


def test_5000_idle_connections(start_server) -> None:
    count = 5000
    flags = "--max-connections", "6000", "--header-timeout", "60"
    server = start_server(*flags)
    with contextlib.ExitStack() as stack:
        before = server.status("VmRSS")
        for number in range(count):
            wire = stack.enter_context(Wire(server.address))
            if number % 2:
                wire.send(table.GOOD)
                wire.response()
        grown = server.status("VmRSS") - before
        cost = server.processor_seconds()
        probe = Probe(server.address).ask_for(5)
        cost = server.processor_seconds() - cost
        assert not probe.failures, f"a probe failed: {probe.failures[:1]}"
        late = probe.percentile("/livez", 0.99)
        assert late < 50, f"99 % of /livez within {late:.0f} ms"
        print(
            f"99 % of /livez within {late:.1f} ms; {grown / count:.1f} KB a connection, {20 * cost:.0f} % of a core; "
            f"{probe.figures()}"
        )


def test_64_descriptors(start_server) -> None:
    limit = 64

    def prepare():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    server = start_server(prepare=prepare)
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(Wire(server.address))
        kept.send(table.GOOD)
        assert kept.response().status == 200, "no answer before"
        crowd = [Wire(server.address) for _ in range(200)]
        wait_until(lambda: server.descriptors() >= limit, 5)
        cost, began = server.processor_seconds(), time.monotonic()
        slowest = 0
        while time.monotonic() - began < 3:
            sent = time.monotonic()
            kept.send(POST)
            response = kept.response()
            assert response is not None and response.status == 200, "no answer while there are no descriptors"
            slowest = max(slowest, time.monotonic() - sent)
            time.sleep(0.1)
        share = (server.processor_seconds() - cost) / (time.monotonic() - began)
        assert share < 0.5, f"it spins: {100 * share:.0f} % of a core"
        for wire in crowd:
            wire.socket.close()
        took = wait_until(lambda: answers(server.address, table.GOOD, 1), 10)
        assert server.process.poll() is None, "it ended"
        print(
            f"200 connections wait for a descriptor; a kept one is answered within {1000 * slowest:.0f} ms, "
            f"{100 * share:.0f} % of a core; new ones {1000 * took:.0f} ms after the crowd has gone"
        )


def test_sigstop_for_5_seconds(start_server) -> None:
    size = 8 << 20
    server = start_server()
    with contextlib.ExitStack() as stack:
        idle, half, whole, upload = (stack.enter_context(Wire(server.address, 20)) for _ in range(4))
        idle.send(table.GOOD)
        idle.response()
        half.send(POST[:-2000])
        upload.send(table.post(b"Content-Length: %d\r\n" % size, b""))
        sender = threading.Thread(target=upload.send, args=(b"x" * size,))
        time.sleep(0.2)
        server.process.send_signal(signal.SIGSTOP)
        sender.start()
        whole.send(POST)
        half.send(POST[-2000:])
        fresh = stack.enter_context(Wire(server.address, 20))
        fresh.send(table.GOOD)
        time.sleep(5)
        server.process.send_signal(signal.SIGCONT)
        began = time.monotonic()
        expected = {
            "arrived meanwhile": (whole, 200),
            "completed meanwhile": (half, 200),
            "connected meanwhile": (fresh, 200),
            "8 MiB that were on their way": (upload, 415),
        }
        for name, (wire, status) in expected.items():
            response = wire.response()
            assert response is not None and response.status == status, f"{name}: {response and response.status}"
        idle.send(table.GOOD)
        response = idle.response()
        assert response is not None and response.status == 200, "the idle connection is gone"
        sender.join()
        print(f"{len(expected) + 1} connections all answered within {1000 * (time.monotonic() - began):.0f} ms")


def test_logs_on_a_full_disk(start_server) -> None:
    with open("/dev/full", "wb") as full:
        answers_without_log(start_server, full)


def test_log_that_nobody_reads(start_server) -> None:
    reading, writing = os.pipe()
    try:
        answers_without_log(start_server, writing)
    finally:
        os.close(reading)
        os.close(writing)


def test_log_whose_reader_is_gone(start_server) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        answers_without_log(start_server, writing)
    finally:
        os.close(writing)


def answers_without_log(start_server, stderr) -> None:
    requests = 5000
    server = start_server(stderr=stderr)
    before = server.status("VmRSS")
    began = time.monotonic()
    with Wire(server.address) as wire:
        for _ in range(requests):
            wire.send(table.get(b"/version"))
            assert wire.response().status == 200, "a request was not answered"
    rate = requests / (time.monotonic() - began)
    grown = (server.status("VmRSS") - before) / 1024
    assert grown < 20, f"{grown:.0f} MB more memory"
    status = server.end()
    assert status == 0, f"it ended with {status}"
    print(f"{requests} requests answered, {rate:.0f} a second; {grown:.1f} MB more memory; ended with 0")

