"""Measures a process from outside; prints one JSON object.

    python3 process.py start URL COMMAND…   how long until it answers the URL with 200: the median of seven starts
"""

import json
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request


def start(url, command):
    seconds = []
    for _ in range(7):
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                if process.poll() is not None:
                    sys.exit(f"{command[0]} ended with {process.returncode}")
                time.sleep(0.001)
        seconds.append(time.perf_counter() - began)
        process.terminate()
        process.wait()
    return {"what": "ready", "milliseconds": 1000 * statistics.median(seconds)}


if sys.argv[1] != "start":
    sys.exit(__doc__)
print(json.dumps(start(sys.argv[2], sys.argv[3:]), separators=(",", ":")))
