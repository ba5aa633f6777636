"""Serves an hour of good, bad and broken requests (--minutes) and checks that nothing grows and no answer changes.

Clients send uploads in every format to every operation, networks of many widths, the inputs that the fuzzers have kept,
and connections that end in mid-request; models are loaded anew every minute. What was answered once must be answered
the same again, every good request with 200, and no other with 500 (but where a network's numbers overflow). Memory and
descriptors are read every five seconds: after a warm-up of a tenth of the time, the last quarter must not hold more
than the first by 5 % and 4 MB, and once the clients are gone as many descriptors must be open as before they came.
Prints a line a minute (pytest -s) and writes the samples to .build/soak.jsonl.
"""

import collections
import gzip
import json
import random
import signal
import statistics
import sys
import threading
import time

import pytest

from rig.paths import BUILD, FIXTURES, TESTS
from rig.server import Server
from rig.sirens import siren
from rig.wire import Broken, Silence, Wire, exchange

sys.path.append(str(TESTS / "Fuzzing"))
import corpus

pytestmark = pytest.mark.slow

# But for the one that is there to be refused.
UPLOADS = [file for file in sorted(FIXTURES.glob("net[0-9].*")) if "legacy" not in file.name]
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
        head = f"GET {page} HTTP/1.1\r\nHost: soak\r\nX-Request-Id: soak\r\nConnection: close\r\n\r\n"
        requests[page] = head.encode()
    return requests


def odd_requests():
    """What the fuzzers have kept: as bodies, and what was to be HTTP as it is."""
    requests = {}
    for archive in sorted(corpus.CORPUS.glob("*.zip")):
        kind = archive.stem
        for name, data in corpus.inputs(kind).items():
            if kind.startswith("http-") or kind == "service":
                requests[f"{kind} {name}"] = data
            else:
                requests[f"{kind} {name}"] = request(random.choice(("/v1/classify", "/v1/encode")), data)
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


def metrics(address):
    head = b"GET /metrics HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n"
    return len(exchange(address, head).body.splitlines())


def quiet_descriptors(server: Server) -> int:
    """The number of open ones once nothing is under way."""
    fewest = server.descriptors()
    for _ in range(20):
        time.sleep(0.5)
        fewest = min(fewest, server.descriptors())
    return fewest


def sample(server: Server, seconds: float, observer: Observer) -> dict[str, int]:
    return {
        "seconds": round(seconds), "resident_kb": server.status("VmRSS"), "threads": server.status("Threads"),
        "descriptors": server.descriptors(), "metric_lines": metrics(server.address),
        "answered": observer.statuses.total(),
    }


def growth(samples: list[dict[str, int]], minutes: float) -> list[str]:
    """What has grown from the first to the last quarter of the time after the warm-up."""
    settled = [sample for sample in samples if sample["seconds"] >= 6 * minutes]
    quarter = max(1, len(settled) // 4)
    grown = []
    for figure in ("resident_kb", "metric_lines", "threads"):
        first, last = (statistics.median(sample[figure] for sample in part)
                       for part in (settled[:quarter], settled[-quarter:]))
        print(f"{figure}: median of the first quarter {first:.0f}, of the last {last:.0f}, "
              f"most {max(sample[figure] for sample in settled)}")
        if last > first * 1.05 + (4096 if figure == "resident_kb" else 2):
            grown.append(f"{figure} grew from {first:.0f} to {last:.0f}")
    return grown


@pytest.mark.timeout(0)
def test_nothing_grows(start_server, pytestconfig: pytest.Config) -> None:
    minutes = pytestconfig.getoption("minutes")
    good, odd = list(good_requests().items()), list(odd_requests().items())
    observer, ended, samples = Observer(), threading.Event(), []
    with open("/dev/null", "wb") as nowhere:
        server = start_server("--log-format", "json", stderr=nowhere)
    # Every thread that Dispatch will want has been wanted once.
    for name, data in good:
        observer.saw(name, exchange(server.address, data, timeout=30), True)
    before = quiet_descriptors(server)
    clients = [Client(server.address, observer, good, odd, ended) for _ in range(4)]
    for client in clients:
        client.start()
    began, next_minute = time.monotonic(), 60
    while (elapsed := time.monotonic() - began) < 60 * minutes and server.process.poll() is None:
        time.sleep(5)
        samples.append(sample(server, elapsed, observer))
        if elapsed >= next_minute:
            next_minute += 60
            server.process.send_signal(signal.SIGHUP)
            print(", ".join(f"{key} {value}" for key, value in samples[-1].items()), flush=True)
    ended.set()
    for client in clients:
        client.join(timeout=60)
    assert server.process.poll() is None, f"the server ended with {server.process.returncode}"
    after = quiet_descriptors(server)
    print(f"descriptors before {before}, after {after}")
    (BUILD / "soak.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    print("answers:", ", ".join(f"{status} {count}" for status, count in sorted(
        observer.statuses.items(), key=lambda item: str(item[0]))))
    failures = growth(samples, minutes)
    failures += [f"{what} ({count} times)" for what, count in observer.failures.most_common(20)]
    assert failures == []
    assert after <= before
    assert server.end() == 0
