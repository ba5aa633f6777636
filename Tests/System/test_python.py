"""The blocks of Docs/Python.md, as they stand, against a running server: those of PyTorch one after the other in Debian's
Python, that of tritonclient in these tests' own."""

import pathlib
import subprocess
import sys

from conftest import StartServer
from rig.paths import ROOT
from rig.server import Server, request


def blocks() -> dict[str, str]:
    """The code below each heading; that before the first one is 'start'."""
    found: dict[str, list[str]] = {}
    heading = "start"
    for line in (ROOT / "Docs/Python.md").read_text().splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif line.startswith("    ") or not line:
            found.setdefault(heading, []).append(line[4:])
    return {heading: "\n".join(lines).strip() + "\n" for heading, lines in found.items()}


def run(python: str, source: str, server: Server, path: pathlib.Path) -> str:
    """What the code prints; it must end well."""
    path.write_text(source.replace("127.0.0.1:8080", f"127.0.0.1:{server.port}"))
    result = subprocess.run([python, path], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def test_blocks_of_pytorch(server: Server, pytorch: str, tmp_path: pathlib.Path) -> None:
    parts = [source for heading, source in blocks().items() if "tritonclient" not in heading]
    assert len(parts) >= 6
    shown = run(pytorch, "\n".join(parts), server, tmp_path / "blocks.py")
    assert "agreement:" in shown


def test_block_of_tritonclient(server: Server, tmp_path: pathlib.Path) -> None:
    run(sys.executable, blocks()["The same with tritonclient"], server, tmp_path / "triton.py")


def test_key_and_retry(start_server: StartServer, pytorch: str, tmp_path: pathlib.Path, program: pathlib.Path) -> None:
    made = subprocess.run([program, "key", "demo"], capture_output=True, text=True, check=True).stdout
    secret, line = (row.split(":", 1)[1].strip() for row in made.splitlines())
    (tmp_path / "keys").write_text(line + "\n")
    (tmp_path / "keys").chmod(0o600)
    server = start_server("--keys", str(tmp_path / "keys"), "--rate-limit", "2", "--rate-burst", "1")
    code = blocks()
    keys = code["Keys, and a server that is busy"]
    placeholder = "the key that weightspace key printed"
    assert placeholder in keys
    again = "for _ in range(3): post('/v1/classify', file_of(siren.state_dict()))\n"
    source = code["start"] + "siren = Siren()\n" + keys.replace(placeholder, secret) + again
    run(pytorch, source, server, tmp_path / "keys.py")
    _, metrics = request(server.port, "GET", "/metrics", b"")
    refused = [line for line in metrics.decode().splitlines() if 'status="429"' in line or 'code="429"' in line]
    assert refused, "some requests were refused, and tried again"
