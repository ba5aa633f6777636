"""Offers a server more than it can compute, and checks that it stays in order.

    python3 Deploy/reliability/overload.py WEIGHTSPACE [--seconds 15] [--width 128] [--port 18600]

Measures the most that the server answers, then sends requests at 1, 2 and 10 times that rate, whatever it does. Checks:
what is admitted is answered (p99) in the time that a full queue takes; what is not, with 429 and Retry-After, within
5 ms (p99); /livez answers within 50 ms; answers a second stay within 5 % of the most. Networks are WIDTH neurons wide,
so that computing them and not sending them is the work. Nothing else should run. Prints a line a rate.
"""

import argparse
import http.client
import json
import math
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time

QUEUE = 64
CONNECTIONS = 512


def network(width):
    """A safetensors file of a freshly drawn SIREN."""
    shapes = {"net.0.linear.weight": [width, 2], "net.0.linear.bias": [width],
              "net.1.linear.weight": [width, width], "net.1.linear.bias": [width],
              "net.2.weight": [1, width], "net.2.bias": [1]}
    header, data = {}, b""
    for name, shape in shapes.items():
        count = math.prod(shape)
        values = struct.pack(f"<{count}f", *[random.uniform(-0.05, 0.05) for _ in range(count)])
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class Probe(threading.Thread):
    """Asks for /livez every 20 ms over one connection; keeps the longest time in milliseconds."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.longest, self.count, self.ended = port, 0, 0, threading.Event()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.ended.wait(0.02):
            began = time.monotonic()
            connection.request("GET", "/livez")
            connection.getresponse().read()
            self.longest = max(self.longest, 1000 * (time.monotonic() - began))
            self.count += 1


def bench(program, port, body, seconds, *flags):
    command = [program, "bench", "server", f"http://127.0.0.1:{port}/v1/classify", "--body", body,
               "--duration", str(seconds), "--json", *flags]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--port", type=int, default=18600)
    options = parser.parse_args()
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        body = str(pathlib.Path(folder) / "network.safetensors")
        pathlib.Path(body).write_bytes(network(options.width))
        server = subprocess.Popen(
            [options.program, "serve", "--port", str(options.port), "--max-queue", str(QUEUE), "--log-level", "error"],
            stdout=subprocess.DEVNULL)
        try:
            time.sleep(2)
            bench(options.program, options.port, body, 3, "--connections", "16")
            most = bench(options.program, options.port, body, options.seconds, "--connections", "16")["answers_per_second"]
            allowed = 1000 * (QUEUE + 2) / most
            print(f"most: {most:.1f} answers a second; a full queue takes {allowed:.0f} ms")
            for factor in (1, 2, 10):
                probe = Probe(options.port)
                probe.start()
                report = bench(options.program, options.port, body, options.seconds, "--connections",
                               str(CONNECTIONS), "--rate", str(factor * most))
                probe.ended.set()
                probe.join()
                answered, refused = report["answered"], report["refused"]
                print(f"{factor} x: {report['answers_per_second']:.1f} answers a second, p99 {answered['p99_ms']:.0f} ms; "
                      f"{refused['count']} refused, p99 {refused['p99_ms']:.2f} ms; /livez at most {probe.longest:.1f} ms "
                      f"of {probe.count}; {report['failed']} failed")
                checks = {
                    "answers in time": answered["p99_ms"] <= 1.05 * allowed,
                    "refusals in time": refused["count"] == 0 or refused["p99_ms"] <= 5,
                    "refusals say when to come back": report["refused_without_retry_after"] == 0,
                    "health in time": probe.longest <= 50,
                    "throughput kept": report["answers_per_second"] >= 0.95 * most,
                    "nothing failed": report["failed"] == 0,
                    "overload is refused": factor == 1 or refused["count"] > 0,
                }
                failures += [f"{factor} x: {name}" for name, holds in checks.items() if not holds]
        finally:
            server.terminate()
            server.wait()
    for failure in failures:
        print("FAIL", failure)
    sys.exit(1 if failures else 0)


main()
