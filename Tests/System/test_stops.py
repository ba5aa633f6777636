"""Ends a server by SIGTERM under load, again and again (--stops), and checks that no admitted request is lost.

Clients send one request after the other over kept connections, each with an identifier of its own. A request without an
answer is lost if the server's log knows its identifier, or if it was sent whole before SIGTERM over a connection that
had carried one before; any other never reached the server and may be sent again. Every end must have exit status 0, and
the server that follows must be ready within a second.
"""

import http.client
import json
import random
import signal
import threading
import time

import pytest

from rig.server import Server
from rig.table import UPLOAD

pytestmark = pytest.mark.slow

CLIENTS = 8


class Client(threading.Thread):
    def __init__(self, port, name):
        super().__init__(daemon=True)
        self.port, self.prefix = port, name
        self.answered, self.unanswered, self.others = 0, [], []

    def run(self):
        connection, number, is_known = None, 0, False
        while True:
            number += 1
            identifier = f"{self.prefix}-{number}"
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                    connection.connect()
                    is_known = False
            except OSError:
                return
            sent = float("inf")
            try:
                connection.request("POST", "/v1/classify", UPLOAD, {"X-Request-Id": identifier})
                if is_known:
                    sent = time.monotonic()
                response = connection.getresponse()
                response.read()
                is_known = True
                if response.status == 200:
                    self.answered += 1
                else:
                    self.others.append(response.status)
                if response.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException):
                self.unanswered.append((identifier, sent))
                connection.close()
                connection = None


@pytest.mark.timeout(1800)
def test_nothing_admitted_is_lost(program, tmp_path, pytestconfig: pytest.Config) -> None:
    times = pytestconfig.getoption("stops")
    answered = unanswered = lost = 0
    starts, stops, failures = [], [], []
    for time_number in range(times):
        began = time.monotonic()
        with Server(program, tmp_path / "server.log", "--log-format", "json") as server:
            starts.append(time.monotonic() - began)
            clients = [Client(server.port, f"t{time_number}c{index}") for index in range(CLIENTS)]
            for client in clients:
                client.start()
            time.sleep(random.uniform(0.3, 0.8))
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            status = server.process.wait(timeout=60)
            stops.append(time.monotonic() - began)
            for client in clients:
                client.join(timeout=60)
        known = {json.loads(line).get("request_id") for line in server.log.read_text().splitlines()}
        if status != 0:
            failures.append(f"end {time_number}: exit status {status}")
        for client in clients:
            answered += client.answered
            unanswered += len(client.unanswered)
            admitted = [identifier for identifier, sent in client.unanswered if identifier in known or sent < began]
            lost += len(admitted)
            failures += [f"end {time_number}: {identifier} was admitted and not answered" for identifier in admitted]
            failures += [f"end {time_number}: status {other}" for other in client.others if other != 503]
    print(f"{times} ends under load: {answered} answered, {unanswered} never reached the server, {lost} lost; "
          f"ended within {max(stops):.2f} s, ready within {max(starts):.2f} s")
    assert failures == []
    assert max(starts) <= 1
