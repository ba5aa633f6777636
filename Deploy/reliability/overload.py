"""Offers a server more than it can compute, and checks that it stays in order.

    python3 Deploy/reliability/overload.py WEIGHTSPACE [--seconds 15] [--width 128] [--port 18600]

Measures the most that the server answers, then sends requests at 1, 2 and 10 times that rate, whatever it does. Checks:
what is admitted is answered (p99) in the time that a full queue takes; what is not, with 429 and Retry-After, within
5 ms (p99); /livez answers within 50 ms; answers a second stay within 5 % of the most, of the processor time that the
load generator beside it leaves. Networks are WIDTH neurons wide, so that computing them and not sending them is the
work. Nothing else should run. Prints a line a rate.
"""

import argparse
import http.client
import json
import math
import os
import pathlib
import random
import resource
import struct
import subprocess
import sys
import tempfile
import threading
import time

QUEUE = 64
CONNECTIONS = 512


def network(width):
    """A safetensors file of a freshly drawn SIREN, in float16 to send little."""
    shapes = {"net.0.linear.weight": [width, 2], "net.0.linear.bias": [width],
              "net.1.linear.weight": [width, width], "net.1.linear.bias": [width],
              "net.2.weight": [1, width], "net.2.bias": [1]}
    header, data = {}, b""
    for name, shape in shapes.items():
        count = math.prod(shape)
        values = struct.pack(f"<{count}e", *[random.uniform(-0.05, 0.05) for _ in range(count)])
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
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
    """The report of a load generator, and `left`: the share of the processors that it did not take itself."""
    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    command = [program, "bench", "server", f"http://127.0.0.1:{port}/v1/classify", "--body", body,
               "--duration", str(seconds), "--json", *flags]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    report["left"] = 1 - (spent() - before) / (report["seconds"] * os.cpu_count())
    return report


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
            closed = bench(options.program, options.port, body, options.seconds, "--connections", "16")
            most = closed["answers_per_second"]
            print(f"most: {most:.1f} answers a second")
            for factor in (1, 2, 10):
                probe = Probe(options.port)
                probe.start()
                report = bench(options.program, options.port, body, options.seconds, "--connections",
                               str(CONNECTIONS), "--rate", str(factor * most))
                probe.ended.set()
                probe.join()
                answered, refused = report["answered"], report["refused"]
                rate = report["answers_per_second"]
                allowed = 1000 * (QUEUE + os.cpu_count()) / rate
                kept = rate / report["left"] / (most / closed["left"])
                print(f"{factor} x: {rate:.1f} answers a second, {100 * kept:.0f} % of the most in the time left to it, "
                      f"p99 {answered['p99_ms']:.0f} ms where a full queue takes {allowed:.0f}; "
                      f"{refused['count']} refused, p99 {refused['p99_ms']:.2f} ms; /livez at most {probe.longest:.1f} ms "
                      f"of {probe.count}; {report['failed']} failed")
                checks = {
                    "answers in time": answered["p99_ms"] <= allowed,
                    "refusals in time": refused["count"] == 0 or refused["p99_ms"] <= 5,
                    "refusals say when to come back": report["refused_without_retry_after"] == 0,
                    "health in time": probe.longest <= 50,
                    "throughput kept": kept >= 0.95,
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
