"""Three servers behind haproxy; every ten seconds one is killed and started again, while requests come at a fixed rate
whatever happens. Fails unless every request is answered 200. Prints the counts as one line of JSON.

    python3 Deploy/reliability/fleet.py WEIGHTSPACE [--seconds 60] [--rate 25] [--signal KILL] [--port 18500]

Needs haproxy. Uses PORT to PORT + 3 of the loopback interface.
"""

import argparse
import collections
import concurrent.futures
import csv
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

FOLDER = pathlib.Path(__file__).parent
BODY = FOLDER.parent.parent / "Tests/WeightspaceTests/Fixtures/net0.safetensors"
NAMES = ["ONE", "TWO", "THREE"]


def answers(port, method="GET", path="/readyz", body=None, timeout=30):
    """The status of one request over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def wait_ready(port, process, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answers(port, timeout=1) == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        if process.poll() is not None:
            raise RuntimeError(f"the process at port {port} ended with {process.returncode}")
        time.sleep(0.02)
    raise RuntimeError(f"nothing ready at port {port}")


class Fleet:
    def __init__(self, program, port, folder):
        self.program = program
        self.ports = {name: port + 1 + place for place, name in enumerate(NAMES)}
        self.stats = str(pathlib.Path(folder) / "stats")
        self.log = open(pathlib.Path(folder) / "log", "wb")
        self.processes = {}
        for name in NAMES:
            self.start(name)
        for name, process in self.processes.items():
            wait_ready(self.ports[name], process)
        variables = {f"FLEET_{name}": str(at) for name, at in self.ports.items()}
        self.proxy = subprocess.Popen(
            ["haproxy", "-db", "-f", FOLDER / "fleet.cfg"], stdout=self.log, stderr=self.log,
            env={**os.environ, "FLEET_PORT": str(port), "FLEET_STATS": self.stats, **variables})
        wait_ready(port, self.proxy)

    def start(self, name):
        self.processes[name] = subprocess.Popen(
            [self.program, "serve", "--port", str(self.ports[name]), "--threads", "1", "--log-level", "error"],
            stdout=self.log, stderr=self.log)

    def replace(self, name, number):
        """Ends one server and starts it again; the time until it is ready."""
        process = self.processes[name]
        process.send_signal(number)
        status = process.wait()
        begin = time.monotonic()
        self.start(name)
        wait_ready(self.ports[name], self.processes[name])
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

    def end(self):
        for process in [self.proxy, *self.processes.values()]:
            process.terminate()
        for process in [self.proxy, *self.processes.values()]:
            process.wait(30)


def load(port, rate, seconds):
    """Requests at their times, each on a connection of its own; outcomes with their times."""
    body = BODY.read_bytes()
    outcomes = []

    def request(due):
        try:
            outcome = answers(port, "POST", "/v1/classify?top_k=1", body)
        except Exception as error:  # whatever it is, the request was not answered
            outcome = type(error).__name__
        outcomes.append((outcome, time.monotonic() - due))

    begin = time.monotonic()
    # So many that none waits for another: a request may take as long as haproxy allows.
    with concurrent.futures.ThreadPoolExecutor(256) as pool:
        for number in range(int(rate * seconds)):
            due = begin + number / rate
            time.sleep(max(0, due - time.monotonic()))
            pool.submit(request, due)
    return outcomes


def main():
    parser = argparse.ArgumentParser(description="Three servers behind haproxy, one of them killed every ten seconds.")
    parser.add_argument("weightspace")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=25)
    parser.add_argument("--every", type=float, default=10)
    parser.add_argument("--signal", choices=["KILL", "TERM"], default="KILL")
    parser.add_argument("--port", type=int, default=18500)
    options = parser.parse_args()
    number = getattr(signal, "SIG" + options.signal)
    with tempfile.TemporaryDirectory() as folder:
        fleet = Fleet(options.weightspace, options.port, folder)
        ended = threading.Event()
        replaced, failures = [], []

        def replace_in_turn():
            try:
                replace_until_ended()
            except (RuntimeError, OSError) as error:
                failures.append(str(error))

        def replace_until_ended():
            turn = 0
            # In the middle of each interval, so that the load goes on after the last.
            delay = options.every / 2
            while not ended.wait(delay):
                begin = time.monotonic()
                replaced.append(fleet.replace(NAMES[turn % len(NAMES)], number))
                turn += 1
                delay = max(0, options.every - (time.monotonic() - begin))

        replacing = threading.Thread(target=replace_in_turn)
        try:
            replacing.start()
            outcomes = load(options.port, options.rate, options.seconds)
            ended.set()
            replacing.join()
            counted = fleet.counted()
        finally:
            ended.set()
            replacing.join()
            fleet.end()
    counts = collections.Counter(str(outcome) for outcome, _ in outcomes)
    times = sorted(duration for _, duration in outcomes)
    report = {
        "signal": options.signal, "seconds": options.seconds, "rate": options.rate, "requests": len(outcomes),
        "outcomes": dict(counts), "replaced": len(replaced),
        "exit_statuses": sorted({status for status, _ in replaced}),
        "ready_again_seconds": round(max((duration for _, duration in replaced), default=0), 3),
        "milliseconds": {
            name: round(1000 * times[min(len(times) - 1, int(share * len(times)))], 1)
            for name, share in (("half", 0.5), ("99 %", 0.99), ("all", 1))},
        **counted,
    }
    print(json.dumps(report))
    if failures:
        sys.exit(failures[0])
    if counts["200"] != int(options.rate * options.seconds) or not replaced:
        sys.exit("not every request was answered")
    if options.signal == "TERM" and report["exit_statuses"] != [0]:
        sys.exit("a server did not end well")


main()
