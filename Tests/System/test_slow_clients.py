"""A thousand slow clients at a time, in slowhttptest's three ways, while others ask for /livez and a classification."""

import pathlib
import re
import subprocess
import threading

import pytest

from rig.probe import Probe

pytestmark = pytest.mark.slow

CLIENTS = 1000
SECONDS = 30
WAYS = {
    "heads": ("/livez", ["-H", "-i", "3", "-x", "24"]),
    "bodies": ("/v1/classify", ["-B", "-i", "3", "-s", "8192", "-x", "10", "-t", "POST"]),
    "reading": ("/v1/models/fashion-mnist/example",
                ["-X", "-w", "1", "-y", "16", "-n", "5", "-z", "32", "-k", "3"]),
}


@pytest.mark.parametrize("way", WAYS)
def test_others_are_served(server, way: str, need, tmp_path: pathlib.Path) -> None:
    need(slowhttptest="slowhttptest")
    path, options = WAYS[way]
    before, probe = server.status("VmRSS"), Probe(server.address)
    asking = threading.Thread(target=probe.ask_for, args=(SECONDS,))
    asking.start()
    command = ["slowhttptest", *options, "-c", str(CLIENTS), "-r", "250", "-l", str(SECONDS), "-p", "3", "-u",
               server.url + path]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    asking.join()
    output = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", run.stdout)
    connected = max(map(int, re.findall(r"connected: *(\d+)", output)), default=0)
    grown = (server.status("VmRSS") - before) / 1024
    print(f"{way}: at most {connected} connected at a time, {grown:.0f} MB more memory; {probe.figures()}")
    assert probe.failures == []
    assert all(probe.worst(name) < 1000 for name in probe.latencies)
    assert not re.search(r"service available: *NO", output)
    assert connected >= CLIENTS / 2, "too few connections to prove anything"
