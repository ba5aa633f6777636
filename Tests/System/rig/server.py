"""Starts `weightspace serve` and looks at its process."""

import contextlib
import http.client
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import IO

from rig.wire import Address, Broken, Silence, exchange

READY = b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def wait_until(condition: Callable[[], object], seconds: float, complaint: str = "") -> float:
    """Waits until the condition holds and returns the seconds that took; an `AssertionError` after `seconds`."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, complaint or f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - began


def free_port() -> int:
    """A port of the loopback interface that nobody listens at, for programs that cannot choose one themselves."""
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return candidate.getsockname()[1]


def answers(address: Address, request: bytes = READY, timeout: float = 5.0) -> bool:
    """Whether the request gets the status 200."""
    with contextlib.suppress(Broken, Silence, OSError):
        response = exchange(address, request, timeout=timeout)
        return response is not None and response.status == 200
    return False


class Server:
    """A process `weightspace serve` on a port of its own choice, ready when it is made.

    `log` is the file with its standard error. Used as a context it ends with the context, by SIGTERM.
    """

    def __init__(
        self, program: pathlib.Path | str, log: pathlib.Path, *flags: str, port: int = 0,
        stderr: IO | int | None = None, prepare: Callable[[], None] | None = None,
    ):
        self.log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [program, "serve", "--port", str(port), *flags], stdout=subprocess.PIPE,
                stderr=file if stderr is None else stderr, preexec_fn=prepare,
            )
        try:
            first = self.process.stdout.readline().decode()
            # Text, or with --log-format json a JSON object.
            found = re.search(r"http://[\w.:\[\]-]+", first)
            assert found, f"the server did not start: {first}{log.read_text()[-2000:]}"
            self.url = found[0]
            host, _, port_text = self.url.removeprefix("http://").rpartition(":")
            self.address: Address = host, int(port_text)
            # Nobody waits for more of its standard output.
            threading.Thread(target=self.process.stdout.read, daemon=True).start()
            wait_until(self.is_ready, 30, "the server is not ready")
        except BaseException:
            self.process.kill()
            raise

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
        self.process.kill()
        self.process.wait()

    @property
    def port(self) -> int:
        return self.address[1]

    def is_ready(self) -> bool:
        assert self.process.poll() is None, f"the server ended: {self.log.read_text()[-2000:]}"
        return answers(self.address)

    def end(self) -> int:
        """Ends it by SIGTERM; its exit status."""
        self.process.terminate()
        return self.process.wait(60)

    def status(self, name: str) -> int:
        """A number in /proc/PID/status, such as VmRSS in KiB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(rf"^{name}:\s+(\d+)", file.read(), re.MULTILINE)[1])

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def processor_seconds(self) -> float:
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def request(
    port: int, method: str = "GET", path: str = "/readyz", body: bytes | None = None, timeout: float = 30
) -> tuple[int, bytes]:
    """Status and body of one request over a connection of its own to this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
