"""Offers a server more than it can compute, and checks that it stays in order. Nothing else should run.

The server has the first half of the processors and the load generator the other, so neither takes the other's time.
Measures the most that the server answers, then sends requests at 1, 2 and 10 times that rate, whatever it does. Checks:
what is admitted is answered (p99) in the time that a full queue takes; what is not, with 429 and Retry-After, within
5 ms (p99); /livez answers within 50 ms; answers a second stay within 5 % of the most. Machines have slow moments, so
the four loads take turns, --rounds times, and the server's own metrics are read every half second: a full queue takes
as long as it would in the slowest half second, and 5 % more, and answers a second are the median. Networks are 128
neurons wide, so that computing them and not sending them is the work. Prints a line a rate (pytest -s).
"""

import http.client
import json
import os
import pathlib
import re
import statistics
import subprocess
import threading
import time

import pytest

from rig.sirens import siren

pytestmark = pytest.mark.slow

QUEUE = 64
SECONDS = 8
WIDTH = 128
CONNECTIONS = 512


class Probe(threading.Thread):
    """Asks for /livez every 20 ms over one connection, and every half second for what was computed meanwhile."""

    COMPUTED = re.compile(r'^weightspace_compute_duration_seconds_(sum|count)\{[^}]*\} (\S+)$', re.MULTILINE)

    def __init__(self, port):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.longest_ms, self.ended, self.failure = 0, threading.Event(), None
        # Of each half second.
        self.rates, self.service_ms = [], []

    def get(self, path):
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        if response.status != 200:
            raise OSError(f"{path} answered {response.status}")
        return response.read().decode()

    def computed(self):
        figures = dict(self.COMPUTED.findall(self.get("/metrics")))
        return time.monotonic(), float(figures.get("count", 0)), float(figures.get("sum", 0))

    def run(self):
        try:
            self.ask()
        except (OSError, http.client.HTTPException) as error:
            self.failure = error

    def ask(self):
        last = self.computed()
        while not self.ended.wait(0.02):
            began = time.monotonic()
            self.get("/livez")
            self.longest_ms = max(self.longest_ms, 1000 * (time.monotonic() - began))
            if began - last[0] >= 0.5:
                now = self.computed()
                seconds, count, spent = (new - old for new, old in zip(now, last, strict=True))
                if count:
                    self.rates.append(count / seconds)
                    self.service_ms.append(1000 * spent / count)
                last = now

    def stop(self):
        self.ended.set()
        self.join()
        assert self.failure is None, f"health or metrics: {self.failure}"
        return self


class Load:
    """What several runs of one load have shown: the worst of latencies, all half seconds."""

    def __init__(self):
        self.p50_ms = self.p99_ms = self.refused_p99_ms = self.live_ms = 0
        self.refused = self.refused_without_retry_after = self.failed = 0
        self.rates, self.service_ms = [], []

    def add(self, report, probe):
        answered, refused = report["answered"], report["refused"]
        self.p50_ms = max(self.p50_ms, answered["p50_ms"])
        self.p99_ms = max(self.p99_ms, answered["p99_ms"])
        self.refused_p99_ms = max(self.refused_p99_ms, refused["p99_ms"])
        self.live_ms = max(self.live_ms, probe.longest_ms)
        self.refused += refused["count"]
        self.refused_without_retry_after += report["refused_without_retry_after"]
        self.failed += report["failed"]
        self.rates += probe.rates
        self.service_ms += probe.service_ms

    @property
    def rate(self):
        return statistics.median(self.rates)


def bench(program, port, body, seconds, *flags, path="/v1/classify"):
    """The report of a load generator."""
    command = [program, "bench", "server", f"http://127.0.0.1:{port}{path}", "--body", body,
               "--duration", str(seconds), "--json", *flags]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.fixture
def own_processors():
    """Half of the processors, for the server; this process and the load generator get the others."""
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        pytest.skip("two processors are needed: one for the server, one for the load generator")
    half = len(processors) // 2
    os.sched_setaffinity(0, processors[half:])
    yield processors[:half]
    os.sched_setaffinity(0, processors)


@pytest.mark.timeout(3600)
def test_overload(program, start_server, own_processors, tmp_path: pathlib.Path, pytestconfig: pytest.Config) -> None:
    body = tmp_path / "network.safetensors"
    body.write_bytes(siren(WIDTH))
    server = start_server(
        "--max-queue", str(QUEUE), "--log-level", "error", prepare=lambda: os.sched_setaffinity(0, own_processors))
    bench(program, server.port, body, 3, "--connections", "16")
    loads = {factor: Load() for factor in (0, 1, 2, 10)}
    for _ in range(pytestconfig.getoption("rounds")):
        for factor, load in loads.items():
            probe = Probe(server.port)
            probe.start()
            pattern = ["--connections", "16"] if factor == 0 else [
                "--connections", str(CONNECTIONS), "--rate", str(factor * loads[0].rate)]
            report = bench(program, server.port, body, SECONDS, *pattern)
            load.add(report, probe.stop())
    most = loads.pop(0).rate
    print(f"most: {most:.1f} answers a second")
    failures = [failure for factor, load in loads.items() for failure in judged(factor, load, most, own_processors)]
    assert failures == []


PICTURE = b"P5 28 28 255\n" + bytes(range(196)) * 4
LATENTS = json.dumps({"latents": [[0.25] * 128] * 16}).encode()


@pytest.mark.parametrize("path, content", [("/v1/fit?steps=1000", PICTURE), ("/v1/decode?size=256", LATENTS)])
def test_overload_of_other_paths(
    program, start_server, own_processors, tmp_path: pathlib.Path, path: str, content: bytes,
) -> None:
    """More clients than may wait: some are answered, the others told when to come back, and health checks in time."""
    body = tmp_path / "body"
    body.write_bytes(content)
    server = start_server(
        "--max-queue", "16", "--log-level", "error", prepare=lambda: os.sched_setaffinity(0, own_processors))
    probe = Probe(server.port)
    probe.start()
    report = bench(program, server.port, body, SECONDS, "--connections", "64", "--rate", "100", path=path)
    probe.stop()
    answered, refused = report["answered"]["count"], report["refused"]["count"]
    print(f"{path}: {answered} answered, {refused} refused, /livez at most {probe.longest_ms:.1f} ms")
    assert answered > 0 and refused > 0 and report["failed"] == 0
    assert report["refused_without_retry_after"] == 0
    assert probe.longest_ms <= 50


def judged(factor: int, load: Load, most: float, processors: list[int]) -> list[str]:
    """Prints the figures of a load; what they fall short of."""
    full = 1.05 * (QUEUE + 1) * max(load.service_ms) / len(processors)
    usually = (QUEUE + 1) * statistics.median(load.service_ms) / len(processors)
    print(f"{factor} x: {load.rate:.1f} answers a second, {100 * load.rate / most:.1f} % of the most; p50 "
          f"{load.p50_ms:.0f} ms, p99 {load.p99_ms:.0f} ms where a full queue takes {usually:.0f} in the "
          f"median and {full:.0f} at worst; {load.refused} refused, p99 {load.refused_p99_ms:.2f} ms; /livez "
          f"at most {load.live_ms:.1f} ms; {load.failed} failed")
    checks = {
        "answers in time": load.p99_ms <= full,
        "refusals in time": load.refused_p99_ms <= 5,
        "refusals say when to come back": load.refused_without_retry_after == 0,
        "health in time": load.live_ms <= 50,
        "throughput kept": load.rate >= 0.95 * most,
        "nothing failed": load.failed == 0,
        "overload is refused": factor == 1 or load.refused > 0,
    }
    return [f"{factor} x: {name}" for name, holds in checks.items() if not holds]
