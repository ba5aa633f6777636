"""Clients that misbehave and a server in need: what others notice of them.

    python3 broken_clients.py URL PROGRAM [--only NAME]

URL is a running server; checks that need one of their own start PROGRAM (weightspace). Every check prints its figure.
Exits 1 where one failed.
"""

import argparse
import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

import cases
from probe import Probe
from wire import Broken, Silence, Wire, address_of, exchange

POST = cases.post(b"Content-Length: " + cases.LENGTH + b"\r\n", cases.UPLOAD)
IN_FLIGHT = "weightspace_requests_in_flight"
OPEN = r'weightspace_connections\{state="open"\}'
# Answers of 860 KB, which a client that does not read leaves with the server.
DRAW = POST.replace(b"/v1/classify?top_k=1", b"/v1/render?height=256&width=256&output=json")


class Failed(Exception):
    pass


def demand(condition, complaint):
    if not condition:
        raise Failed(complaint)


def answers(address, timeout=5.0):
    """Whether a good request gets its answer."""
    with contextlib.suppress(Broken, Silence, OSError):
        response = exchange(address, cases.GOOD, timeout=timeout)
        return response is not None and response.status == 200
    return False


def wait_until(condition, seconds):
    """How long it took, or `Failed`."""
    began = time.monotonic()
    while not condition():
        demand(time.monotonic() - began < seconds, f"not within {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - began


def metric(address, pattern):
    """The value of the first metric that matches."""
    text = exchange(address, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").body.decode()
    found = re.search(rf"^{pattern} ([0-9.e+]+)$", text, re.MULTILINE)
    demand(found, f"no metric {pattern}")
    return float(found[1])


class Server:
    """A server of its own for one check."""

    def __init__(self, program, *flags, stderr=subprocess.DEVNULL, prepare=None):
        self.process = subprocess.Popen(
            [program, "serve", "--port", str(free_port()), "--log-level", "info", *flags],
            stdout=subprocess.PIPE, stderr=stderr, preexec_fn=prepare,
        )
        self.address = address_of(self.process.stdout.readline().decode().split()[-1])

    def __enter__(self):
        wait_until(self.is_ready, 20)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()
        self.process.stdout.close()

    def is_ready(self):
        with contextlib.suppress(Broken, Silence, OSError):
            return exchange(self.address, b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
        return False

    def status(self, name):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(rf"^{name}:\s+(\d+)", file.read(), re.MULTILINE)[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def processor_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        """Ends it as its operator would."""
        self.process.terminate()
        return self.process.wait(30)


def free_port():
    """The first one from FIRST_PORT on at which nobody listens."""
    for port in range(int(os.environ.get("FIRST_PORT", 19100)), 65536):
        with socket.socket() as candidate, contextlib.suppress(OSError):
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            candidate.bind(("127.0.0.1", port))
            candidate.listen()
            return port
    raise SystemExit("no free port")


def reset_everywhere(address, _):
    """RST in every phase"""
    phases = {
        "before a byte": (b"", 0),
        "inside the head": (POST[:40], 0),
        "after the head": (POST[: POST.index(b"\r\n\r\n") + 4], 0),
        "inside the body": (POST[:-2000], 0),
        "before the answer": (POST, 0),
        "inside the answer": (DRAW, 1000),
        "between requests": (cases.GOOD, 10**6),
        "while it lingers": (cases.get(b"/%00"), 10**6),
    }
    rounds = 50
    for data, read in phases.values():
        for _ in range(rounds):
            wire = Wire(address, 10)
            wire.send(data)
            with contextlib.suppress(Silence, Broken):
                if read == 10**6:
                    wire.response()
                elif read:
                    wire.socket.recv(read)
            wire.reset()
    demand(answers(address), "no answer afterwards")
    took = wait_until(lambda: metric(address, OPEN) <= 1 and metric(address, IN_FLIGHT) <= 1, 10)
    return f"{len(phases)} phases, {rounds} times each; all connections gone {1000 * took:.0f} ms later"


def half_closed(address, _):
    """Sending side closed in every phase"""
    last = b"Connection: close\r\n"
    phases = (
        ("a head that ends early", POST[:40], 400),
        ("a body that ends early", POST[:-2000], 400),
        ("a chunk that ends early", cases.chunked(b"5\r\nab"), 400),
        ("the last request", cases.post(last + b"Content-Length: " + cases.LENGTH + b"\r\n", cases.UPLOAD), 200),
        ("HTTP/1.0", b"GET /livez HTTP/1.0\r\n\r\n", 200),
        ("nothing at all", b"", None),
    )
    worst = 0
    for name, data, status in phases:
        began = time.monotonic()
        with Wire(address) as wire:
            wire.send(data)
            wire.end_sending()
            response = wire.response()
            got = response and response.status
            demand(got == status, f"{name}: {got}, not {status}")
            demand(wire.read_to_end() == b"", f"{name}: more than one answer")
        worst = max(worst, time.monotonic() - began)
    return f"{len(phases)} phases, each answered and closed within {1000 * worst:.0f} ms"


def never_reads(_, program):
    """Clients that never read"""
    clients = 10
    # Those whose drawings are refused, which are more than may wait, have their answers and are idle then.
    with Server(program, "--write-timeout", "3", "--idle-timeout", "5") as server:
        before = server.status("VmRSS")
        wires = [Wire(server.address, 1) for _ in range(clients)]
        for wire in wires:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            threading.Thread(target=wire.send, args=(DRAW * 64,), daemon=True).start()
        probe = Probe(server.address).ask_for(4)
        peak = (server.status("VmHWM") - before) / 1024
        demand(not probe.failures, f"others noticed: {probe.failures[:1]}")
        demand(peak < 300, f"{peak:.0f} MB more memory")
        took = wait_until(lambda: metric(server.address, OPEN) <= 1, 40)
        for wire in wires:
            wire.socket.close()
        return (
            f"{clients} clients with 64 requests each: {peak:.0f} MB more, closed {took:.0f} s after the probes; "
            f"{probe.figures()}"
        )


def hoarders(_, program):
    """Bodies of 16 MiB that are never finished"""
    clients, size = 100, 16 << 20
    with Server(program) as server, contextlib.ExitStack() as stack:
        for _ in range(clients):
            wire = stack.enter_context(Wire(server.address))
            wire.send(cases.post(b"Content-Length: %d\r\n" % size, b"x" * (size - 1)))
        probe = Probe(server.address).ask_for(3)
        peak = server.status("VmHWM") / 1024
        demand(not probe.failures, f"others noticed: {probe.failures[:1]}")
        demand(peak < 800, f"{peak:.0f} MB of memory")
        return f"{clients} clients: at most {peak:.0f} MB of memory; {probe.figures()}"


def idle_connections(_, program):
    """5,000 idle connections"""
    count = 5000
    flags = "--max-connections", "6000", "--header-timeout", "60"
    with Server(program, *flags) as server, contextlib.ExitStack() as stack:
        before = server.status("VmRSS")
        for number in range(count):
            wire = stack.enter_context(Wire(server.address))
            if number % 2:
                wire.send(cases.GOOD)
                wire.response()
        grown = server.status("VmRSS") - before
        cost = server.processor_seconds()
        probe = Probe(server.address).ask_for(5)
        cost = server.processor_seconds() - cost
        demand(not probe.failures, f"a probe failed: {probe.failures[:1]}")
        late = probe.percentile("/livez", 0.99)
        demand(late < 50, f"99 % of /livez within {late:.0f} ms")
        return (
            f"99 % of /livez within {late:.1f} ms; {grown / count:.1f} KB a connection, {20 * cost:.0f} % of a core; "
            f"{probe.figures()}"
        )


def few_descriptors(_, program):
    """ulimit -n 64"""
    limit = 64

    def prepare():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    with Server(program, prepare=prepare) as server, contextlib.ExitStack() as stack:
        kept = stack.enter_context(Wire(server.address))
        kept.send(cases.GOOD)
        demand(kept.response().status == 200, "no answer before")
        crowd = [Wire(server.address) for _ in range(200)]
        wait_until(lambda: server.descriptors() >= limit, 5)
        cost, began = server.processor_seconds(), time.monotonic()
        slowest = 0
        while time.monotonic() - began < 3:
            sent = time.monotonic()
            kept.send(POST)
            response = kept.response()
            demand(response is not None and response.status == 200, "no answer while there are no descriptors")
            slowest = max(slowest, time.monotonic() - sent)
            time.sleep(0.1)
        share = (server.processor_seconds() - cost) / (time.monotonic() - began)
        demand(share < 0.5, f"it spins: {100 * share:.0f} % of a core")
        for wire in crowd:
            wire.socket.close()
        took = wait_until(lambda: answers(server.address, 1), 10)
        demand(server.process.poll() is None, "it ended")
        return (
            f"200 connections wait for a descriptor; a kept one is answered within {1000 * slowest:.0f} ms, "
            f"{100 * share:.0f} % of a core; new ones {1000 * took:.0f} ms after the crowd has gone"
        )


def stopped(_, program):
    """SIGSTOP for 5 s, then SIGCONT"""
    size = 8 << 20
    with Server(program) as server, contextlib.ExitStack() as stack:
        idle, half, whole, upload = (stack.enter_context(Wire(server.address, 20)) for _ in range(4))
        idle.send(cases.GOOD)
        idle.response()
        half.send(POST[:-2000])
        upload.send(cases.post(b"Content-Length: %d\r\n" % size, b""))
        sender = threading.Thread(target=upload.send, args=(b"x" * size,))
        time.sleep(0.2)
        server.process.send_signal(signal.SIGSTOP)
        sender.start()
        whole.send(POST)
        half.send(POST[-2000:])
        fresh = stack.enter_context(Wire(server.address, 20))
        fresh.send(cases.GOOD)
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
            demand(response is not None and response.status == status, f"{name}: {response and response.status}")
        idle.send(cases.GOOD)
        response = idle.response()
        demand(response is not None and response.status == 200, "the idle connection is gone")
        sender.join()
        return f"{len(expected) + 1} connections all answered within {1000 * (time.monotonic() - began):.0f} ms"


def full_disk(_, program):
    """Logs on a full disk"""
    with open("/dev/full", "wb") as full:
        return log_trouble(program, full)


def clogged_log(_, program):
    """A log that nobody reads"""
    reading, writing = os.pipe()
    try:
        return log_trouble(program, writing)
    finally:
        os.close(reading)
        os.close(writing)


def broken_log(_, program):
    """A log whose reader is gone"""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return log_trouble(program, writing)
    finally:
        os.close(writing)


def log_trouble(program, stderr):
    requests = 5000
    with Server(program, stderr=stderr) as server:
        before = server.status("VmRSS")
        began = time.monotonic()
        with Wire(server.address) as wire:
            for _ in range(requests):
                wire.send(cases.get(b"/version"))
                demand(wire.response().status == 200, "a request was not answered")
        rate = requests / (time.monotonic() - began)
        grown = (server.status("VmRSS") - before) / 1024
        demand(grown < 20, f"{grown:.0f} MB more memory")
        status = server.end()
        demand(status == 0, f"it ended with {status}")
        return f"{requests} requests answered, {rate:.0f} a second; {grown:.1f} MB more memory; ended with 0"


CHECKS = (
    reset_everywhere, half_closed, never_reads, hoarders, idle_connections, few_descriptors, stopped, full_disk,
    clogged_log, broken_log,
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("program")
    parser.add_argument("--only", choices=[check.__name__ for check in CHECKS])
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    failed = 0
    for check in CHECKS:
        if options.only not in (None, check.__name__):
            continue
        try:
            print(f"{check.__doc__}: {check(address_of(options.url), options.program)}", flush=True)
        except (Failed, Broken, Silence, OSError) as error:
            failed += 1
            print(f"failed: {check.__doc__}: {error}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
