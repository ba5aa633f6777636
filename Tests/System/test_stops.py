"""Ends a server by SIGTERM under load, again and again, and checks that no admitted request is lost.

    python3 Deploy/reliability/stops.py WEIGHTSPACE [--times 50] [--clients 8] [--port 18700]

Clients send one request after the other over kept connections, each with an identifier of its own. A request without an
answer is lost if the server's log knows its identifier, or if it was sent whole before SIGTERM over a connection that had
carried one before; any other never reached the server and may be sent again. Every end must have exit status 0, and the server that follows must be ready within a second.
"""

import argparse
import http.client
import json
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time

BODY = (pathlib.Path(__file__).parents[2] / "Tests/WeightspaceTests/Fixtures/net0.safetensors").read_bytes()


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
                connection.request("POST", "/v1/classify", BODY, {"X-Request-Id": identifier})
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


def start(program, port):
    began = time.monotonic()
    server = subprocess.Popen(
        [program, "serve", "--port", str(port), "--log-format", "json"], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE)
    log = []
    reader = threading.Thread(target=lambda: log.extend(server.stderr), daemon=True)
    reader.start()
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return server, log, reader, time.monotonic() - began
        except OSError:
            pass
        if server.poll() is not None or time.monotonic() - began > 20:
            sys.exit(f"the server does not start: {log[-1:]}")
        time.sleep(0.005)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--port", type=int, default=18700)
    options = parser.parse_args()
    answered = unanswered = lost = 0
    starts, stops, failures = [], [], []
    for time_number in range(options.times):
        server, log, reader, ready = start(options.program, options.port)
        starts.append(ready)
        clients = [Client(options.port, f"t{time_number}c{index}") for index in range(options.clients)]
        for client in clients:
            client.start()
        time.sleep(random.uniform(0.3, 0.8))
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        status = server.wait(timeout=60)
        stops.append(time.monotonic() - began)
        for client in clients:
            client.join(timeout=60)
        reader.join(timeout=60)
        known = {json.loads(line).get("request_id") for line in log}
        if status != 0:
            failures.append(f"end {time_number}: exit status {status}")
        for client in clients:
            answered += client.answered
            unanswered += len(client.unanswered)
            admitted = [
                identifier for identifier, sent in client.unanswered if identifier in known or sent < began]
            lost += len(admitted)
            failures += [f"end {time_number}: {identifier} was admitted and not answered" for identifier in admitted]
            failures += [f"end {time_number}: status {other}" for other in client.others if other != 503]
    if max(starts) > 1:
        failures.append(f"ready after {max(starts):.2f} s")
    print(f"{options.times} ends under load: {answered} answered, {unanswered} never reached the server, {lost} lost; "
          f"ended within {max(stops):.2f} s, ready within {max(starts):.2f} s")
    for failure in failures:
        print("FAIL", failure)
    sys.exit(1 if failures else 0)


main()
