"""Serves an hour of good, bad and broken requests and checks that nothing grows and no answer changes.

    python3 Deploy/reliability/soak.py WEIGHTSPACE [--minutes 60] [--clients 4] [--port 18800] [--figures FILE]

Clients send uploads in every format to every operation, networks of many widths, the inputs that the fuzzers have kept,
and connections that end in mid-request; models are loaded anew every minute. What was answered once must be answered
the same again, every good request with 200, and no other with 500 (but where a network's numbers overflow). Memory and descriptors are read every five seconds:
after a warm-up of a tenth of the time, the last quarter must not hold more than the first by 5 % and 4 MB, and once
the clients are gone as many descriptors must be open as before they came. Prints a line a minute and writes the
figures, one line a sample, to FILE.
"""

import argparse
import collections
import gzip
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

from sirens import siren
from wire import Broken, Silence, Wire, exchange

TESTS = pathlib.Path(__file__).parents[2] / "Tests"
# But for the one that is there to be refused.
UPLOADS = [file for file in sorted((TESTS / "WeightspaceTests/Fixtures").glob("net[0-9].*")) if "legacy" not in file.name]
CORPUS = TESTS / "FuzzingTests/Fixtures/Corpus"
OPERATIONS = ("classify", "encode", "reconstruct", "render")
WIDTHS = (1, 3, 8, 16, 24, 32, 48, 64, 96, 128)


def request(path, body, fields=""):
    # The answer repeats the identifier, so a constant one makes answers comparable.
    head = (f"POST {path} HTTP/1.1\r\nHost: soak\r\nX-Request-Id: soak\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n{fields}\r\n")
    return head.encode() + body


def inference(upload):
    """A network of the JSON fixtures as a request of the Open Inference Protocol."""
    network = json.loads(upload.read_bytes())
    inputs = []
    for kind, arrays in (("weight", network["weights"]), ("bias", network["biases"])):
        for layer, values in enumerate(arrays):
            shape = [len(values), len(values[0])] if kind == "weight" else [len(values)]
            inputs.append({"name": f"net.{layer}.{kind}", "datatype": "FP32", "shape": [1, *shape], "data": [values]})
    return json.dumps({"id": "soak", "inputs": inputs}).encode()


def good_requests():
    """By name; each is to be answered with 200."""
    requests = {}
    for upload in UPLOADS:
        body = upload.read_bytes()
        for operation in OPERATIONS:
            requests[f"{operation} {upload.name}"] = request(f"/v1/{operation}", body)
        requests[f"gzip {upload.name}"] = request("/v1/classify", gzip.compress(body), "Content-Encoding: gzip\r\n")
        if upload.suffix == ".json":
            requests[f"infer {upload.name}"] = request("/v2/models/fashion-mnist/infer", inference(upload))
    for width in WIDTHS:
        body = siren(width)
        for operation in OPERATIONS:
            requests[f"{operation} width {width}"] = request(f"/v1/{operation}", body)
    for operation in ("render", "reconstruct"):
        requests[f"picture {operation}"] = request(
            f"/v1/{operation}", UPLOADS[0].read_bytes(), "Accept: image/png\r\n")
    for page in ("/", "/livez", "/readyz", "/v1/models", "/openapi.json", "/v2", "/v2/models/fashion-mnist/config"):
        requests[page] = f"GET {page} HTTP/1.1\r\nHost: soak\r\nX-Request-Id: soak\r\nConnection: close\r\n\r\n".encode()
    return requests


def odd_requests():
    """What the fuzzers have kept: as bodies, and what was to be HTTP as it is."""
    requests = {}
    for file in sorted(CORPUS.glob("*/*")):
        body, kind = file.read_bytes(), file.parent.name
        if kind.startswith("http-") or kind == "service":
            requests[f"{kind} {file.name}"] = body
        else:
            requests[f"{kind} {file.name}"] = request(random.choice(("/v1/classify", "/v1/encode")), body)
    return requests


class Observer:
    """What the clients have seen, together."""

    def __init__(self):
        self.lock = threading.Lock()
        self.first = {}
        self.statuses = collections.Counter()
        self.failures = collections.Counter()

    def saw(self, name, response, is_good):
        what = response and (response.status, response.body)
        with self.lock:
            self.statuses[response.status if response else "none"] += 1
            if response is None:
                # Bytes that are no request yet need no answer.
                if is_good:
                    self.failures[f"{name}: no answer"] += 1
            elif (response.status == 500 and b"non_finite_output" not in response.body) or (
                    is_good and response.status != 200):
                self.failures[f"{name}: {response.status} {response.body[:200]!r}"] += 1
            elif is_good and self.first.setdefault(name, what) != what:
                self.failures[f"{name}: not the answer of the first time"] += 1

    def failed(self, what):
        with self.lock:
            self.failures[what] += 1


class Client(threading.Thread):
    def __init__(self, address, observer, good, odd, ended):
        super().__init__(daemon=True)
        self.address, self.observer, self.good, self.odd, self.ended = address, observer, good, odd, ended

    def run(self):
        while not self.ended.is_set():
            kind = random.random()
            try:
                if kind < 0.6:
                    name, data = random.choice(self.good)
                    self.observer.saw(name, exchange(self.address, data, timeout=30), True)
                elif kind < 0.9:
                    name, data = random.choice(self.odd)
                    with Wire(self.address, 30) as wire:
                        wire.send(data)
                        wire.end_sending()
                        self.observer.saw(name, wire.response(is_head=data.startswith(b"HEAD")), False)
                else:
                    self.leave(random.choice(self.good)[1])
            except (Silence, OSError) as error:
                self.observer.failed(f"{type(error).__name__}: {error}")
            except Broken:
                # An answer to bytes that are no request may be cut by them; good requests end up here too, if cut.
                if kind < 0.6:
                    self.observer.failed(f"{name}: a broken answer")

    def leave(self, data):
        """Ends in mid-request or before the answer, with FIN or RST."""
        with Wire(self.address, 30) as wire:
            wire.send(data[: random.randrange(1, len(data) + 1)])
            time.sleep(random.choice((0, 0.001, 0.02)))
            if random.random() < 0.5:
                wire.reset()


class Process:
    """What the system says of the server."""

    def __init__(self, number):
        self.folder = pathlib.Path(f"/proc/{number}")

    def status(self, name):
        for line in (self.folder / "status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        raise KeyError(name)

    def sample(self):
        return {"resident_kb": self.status("VmRSS"), "threads": self.status("Threads"),
                "descriptors": len(os.listdir(self.folder / "fd"))}


def metrics(address):
    head = b"GET /metrics HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n"
    return len(exchange(address, head).body.splitlines())


def quiet_descriptors(process, address):
    """Open ones once nothing is under way."""
    fewest = None
    for _ in range(20):
        time.sleep(0.5)
        count = process.sample()["descriptors"]
        fewest = count if fewest is None else min(fewest, count)
    return fewest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--port", type=int, default=18800)
    parser.add_argument("--figures")
    options = parser.parse_args()
    good, odd = list(good_requests().items()), list(odd_requests().items())
    address = ("127.0.0.1", options.port)
    server = subprocess.Popen(
        [options.program, "serve", "--port", str(options.port), "--log-format", "json"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    observer, ended, failures, samples = Observer(), threading.Event(), [], []
    try:
        time.sleep(2)
        process = Process(server.pid)
        # Every thread that Dispatch will want has been wanted once.
        for name, data in good:
            observer.saw(name, exchange(address, data, timeout=30), True)
        before = quiet_descriptors(process, address)
        clients = [Client(address, observer, good, odd, ended) for _ in range(options.clients)]
        for client in clients:
            client.start()
        began = time.monotonic()
        next_minute = 60
        while time.monotonic() - began < 60 * options.minutes and server.poll() is None:
            time.sleep(5)
            elapsed = time.monotonic() - began
            sample = {"seconds": round(elapsed), **process.sample(), "metric_lines": metrics(address),
                      "answered": observer.statuses.total()}
            samples.append(sample)
            if elapsed >= next_minute:
                next_minute += 60
                server.send_signal(signal.SIGHUP)
                print(", ".join(f"{key} {value}" for key, value in sample.items()), flush=True)
        ended.set()
        for client in clients:
            client.join(timeout=60)
        if server.poll() is not None:
            failures.append(f"the server ended with {server.returncode}")
        else:
            after = quiet_descriptors(process, address)
            if after > before:
                failures.append(f"{after} descriptors are open where {before} were")
            print(f"descriptors before {before}, after {after}")
    finally:
        server.send_signal(signal.SIGTERM)
        if server.wait(timeout=60) != 0:
            failures.append(f"exit status {server.returncode}")
    settled = [sample for sample in samples if sample["seconds"] >= 6 * options.minutes]
    quarter = max(1, len(settled) // 4)
    for figure in ("resident_kb", "metric_lines", "threads"):
        first, last = (statistics.median(sample[figure] for sample in part)
                       for part in (settled[:quarter], settled[-quarter:]))
        print(f"{figure}: median of the first quarter {first:.0f}, of the last {last:.0f}, "
              f"most {max(sample[figure] for sample in settled)}")
        if last > first * 1.05 + (4096 if figure == "resident_kb" else 2):
            failures.append(f"{figure} grew from {first:.0f} to {last:.0f}")
    print("answers:", ", ".join(f"{status} {count}" for status, count in sorted(
        observer.statuses.items(), key=lambda item: str(item[0]))))
    if options.figures:
        with open(options.figures, "w") as file:
            for sample in samples:
                file.write(json.dumps(sample) + "\n")
    failures += [f"{what} ({count} times)" for what, count in observer.failures.most_common(20)]
    for failure in failures:
        print("FAIL", failure)
    sys.exit(1 if failures else 0)


main()
