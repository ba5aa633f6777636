"""Asks a server for /livez and for a classification, each over a fresh connection, again and again.

    python3 probe.py URL SECONDS [LIMIT]

Prints counts and latencies. Exits 1 where an answer failed or took LIMIT seconds, by default 1.
"""

import statistics
import sys
import time

import cases
from wire import Broken, Silence, address_of, exchange

REQUESTS = {
    "/livez": b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "classify": cases.post(b"Connection: close\r\nContent-Length: " + cases.LENGTH + b"\r\n", cases.UPLOAD),
}


class Probe:
    """Latencies in milliseconds, and what went wrong."""

    def __init__(self, address):
        self.address = address
        self.latencies = {name: [] for name in REQUESTS}
        self.failures = []

    def ask(self, name):
        began = time.monotonic()
        try:
            response = exchange(self.address, REQUESTS[name], timeout=10)
            if response is None or response.status != 200:
                self.failures.append(f"{name}: {response.status if response else 'closed without an answer'}")
        except (Broken, Silence, OSError) as error:
            self.failures.append(f"{name}: {error}")
        self.latencies[name].append(1000 * (time.monotonic() - began))

    def ask_for(self, seconds, pause=0.05):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for name in REQUESTS:
                self.ask(name)
            time.sleep(pause)
        return self

    def worst(self, name):
        return max(self.latencies[name])

    def percentile(self, name, share):
        ordered = sorted(self.latencies[name])
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def figures(self):
        return ", ".join(
            f"{name} {len(times)} times: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms"
            for name, times in self.latencies.items()
        )


def main():
    address, seconds = address_of(sys.argv[1]), float(sys.argv[2])
    limit = float(sys.argv[3]) if len(sys.argv) > 3 else 1.0
    probe = Probe(address).ask_for(seconds)
    print(probe.figures())
    for failure in probe.failures:
        print(f"failed: {failure}")
    slow = [name for name in REQUESTS if probe.worst(name) >= 1000 * limit]
    for name in slow:
        print(f"failed: {name} took {limit:g} s or longer")
    sys.exit(1 if probe.failures or slow else 0)


if __name__ == "__main__":
    main()
