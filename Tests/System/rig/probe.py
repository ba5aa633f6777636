"""Asks a server for /livez and for a classification, each over a fresh connection, again and again."""

import statistics
import time

from rig import table
from rig.wire import Address, Broken, Silence, exchange

REQUESTS = {
    "/livez": b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "classify": table.post(b"Connection: close\r\nContent-Length: " + table.LENGTH + b"\r\n", table.UPLOAD),
}


class Probe:
    """Latencies in milliseconds, and what went wrong."""

    def __init__(self, address: Address):
        self.address = address
        self.latencies: dict[str, list[float]] = {name: [] for name in REQUESTS}
        self.failures: list[str] = []

    def ask(self, name: str) -> None:
        began = time.monotonic()
        try:
            response = exchange(self.address, REQUESTS[name], timeout=10)
            if response is None or response.status != 200:
                self.failures.append(f"{name}: {response.status if response else 'closed without an answer'}")
        except (Broken, Silence, OSError) as error:
            self.failures.append(f"{name}: {error}")
        self.latencies[name].append(1000 * (time.monotonic() - began))

    def ask_for(self, seconds: float, pause: float = 0.05) -> "Probe":
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for name in REQUESTS:
                self.ask(name)
            time.sleep(pause)
        return self

    def worst(self, name: str) -> float:
        return max(self.latencies[name])

    def percentile(self, name: str, share: float) -> float:
        ordered = sorted(self.latencies[name])
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def figures(self) -> str:
        return ", ".join(
            f"{name} {len(times)} times: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms"
            for name, times in self.latencies.items()
        )
