"""Measures a process from outside; prints one JSON object.

    python3 process.py memory COMMAND…      the most memory that it held
    python3 process.py start URL COMMAND…   how long until it answers the URL with 200: the median of seven starts
"""

import json
import resource
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request


def memory(command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {"what": "paper", "peak_kilobytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}


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


action, *arguments = sys.argv[1:]
result = memory(arguments) if action == "memory" else start(arguments[0], arguments[1:])
print(json.dumps(result, separators=(",", ":")))
