"""Three servers behind haproxy; every ten seconds (--every) one is killed and started again, while requests come at a
fixed rate (--rate) for --seconds. Every request must be answered 200. Prints the counts as a line of JSON (pytest -s).
"""

import collections
import concurrent.futures
import contextlib
import csv
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest

from rig.paths import SYSTEM
from rig.server import Server, answers, free_port, request, wait_until
from rig.table import UPLOAD

pytestmark = pytest.mark.slow

NAMES = ["ONE", "TWO", "THREE"]


class Fleet:
    def __init__(self, program: pathlib.Path, folder: pathlib.Path):
        self.program = program
        self.port, *ports = (free_port() for _ in range(1 + len(NAMES)))
        self.ports = dict(zip(NAMES, ports, strict=True))
        self.stats = str(folder / "stats")
        self.folder = folder
        self.servers = {name: self.start(name) for name in NAMES}
        variables = {f"FLEET_{name}": str(at) for name, at in self.ports.items()}
        with (folder / "proxy.log").open("wb") as log:
            self.proxy = subprocess.Popen(
                ["haproxy", "-db", "-f", SYSTEM / "fleet.cfg"], stdout=log, stderr=log,
                env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin", "FLEET_PORT": str(self.port),
                     "FLEET_STATS": self.stats, **variables})
        wait_until(lambda: answers(("127.0.0.1", self.port)), 20, "haproxy is not ready")

    def start(self, name: str) -> Server:
        log = self.folder / f"{name}.log"
        return Server(self.program, log, "--threads", "1", "--log-level", "error", port=self.ports[name])

    def replace(self, name: str, number: signal.Signals) -> tuple[int, float]:
        """Ends one server and starts it again: its exit status, and the seconds until it is ready."""
        process = self.servers[name].process
        process.send_signal(number)
        status = process.wait()
        begin = time.monotonic()
        self.servers[name] = self.start(name)
        return status, time.monotonic() - begin

    def counted(self):
        """What haproxy counted over all servers."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.stats)
            connection.sendall(b"show stat\n")
            with connection.makefile() as text:
                rows = list(csv.DictReader(text.read().lstrip("# ").splitlines()))
        servers = [row for row in rows if row["pxname"] == "weightspace" and row["svname"] != "BACKEND"]
        return {
            "retries": sum(int(row["wretr"]) for row in servers),
            "redispatches": sum(int(row["wredis"]) for row in servers),
            "requests_by_server": {row["svname"]: int(row["stot"]) for row in servers},
        }

    def end(self) -> None:
        for process in [self.proxy, *(server.process for server in self.servers.values())]:
            process.terminate()
            process.wait(30)


def load(port: int, rate: float, seconds: float) -> list[tuple[int | str, float]]:
    """Requests at their times, each on a connection of its own; outcomes with their times."""
    outcomes = []

    def send(due):
        try:
            outcome = request(port, "POST", "/v1/classify?top_k=1", UPLOAD)[0]
        except Exception as error:  # whatever it is, the request was not answered
            outcome = type(error).__name__
        outcomes.append((outcome, time.monotonic() - due))

    begin = time.monotonic()
    # So many that none waits for another: a request may take as long as haproxy allows.
    with concurrent.futures.ThreadPoolExecutor(256) as pool:
        for number in range(int(rate * seconds)):
            due = begin + number / rate
            time.sleep(max(0, due - time.monotonic()))
            pool.submit(send, due)
    return outcomes


def replace_in_turn(
    fleet: Fleet, number: signal.Signals, every: float, ended: threading.Event
) -> list[tuple[int, float]]:
    """Replaces one server after the other until `ended`; what `replace` returned."""
    replaced = []
    # In the middle of each interval, so that the load goes on after the last.
    delay = every / 2
    while not ended.wait(delay):
        begin = time.monotonic()
        replaced.append(fleet.replace(NAMES[len(replaced) % len(NAMES)], number))
        delay = max(0, every - (time.monotonic() - begin))
    return replaced


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_every_request_is_answered(program, tmp_path, need, pytestconfig: pytest.Config, number) -> None:
    need(haproxy="haproxy")
    seconds, rate, every = (pytestconfig.getoption(name) for name in ("seconds", "rate", "every"))
    fleet, ended = Fleet(program, tmp_path), threading.Event()
    with contextlib.ExitStack() as stack:
        stack.callback(fleet.end)
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(1))
        stack.callback(ended.set)
        replacing = pool.submit(replace_in_turn, fleet, number, every, ended)
        outcomes = load(fleet.port, rate, seconds)
        ended.set()
        replaced = replacing.result()
        counted = fleet.counted()
    counts = collections.Counter(outcome for outcome, _ in outcomes)
    times = sorted(duration for _, duration in outcomes)
    print(json.dumps({
        "signal": number.name, "seconds": seconds, "rate": rate, "requests": len(outcomes),
        "outcomes": {str(outcome): count for outcome, count in counts.items()}, "replaced": len(replaced),
        "ready_again_seconds": round(max((duration for _, duration in replaced), default=0), 3),
        "milliseconds": {
            name: round(1000 * times[min(len(times) - 1, int(share * len(times)))], 1)
            for name, share in (("half", 0.5), ("99 %", 0.99), ("all", 1))},
        **counted,
    }))
    assert counts == {200: int(rate * seconds)}
    assert replaced
    assert {status for status, _ in replaced} == {0 if number == signal.SIGTERM else -number}
