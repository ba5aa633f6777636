"""nginx and HAProxy as Deploy/proxies recommends them, before the running server: one request into the proxy is one
request seen by the server, or none."""

import os
import pathlib
import re
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

from rig import smuggling
from rig.paths import DEPLOY
from rig.server import Server, free_port, wait_until

pytestmark = pytest.mark.slow

CERTIFICATE = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
               "/CN=weightspace.example", "-addext", "subjectAltName=DNS:weightspace.example"]
# Started by root, they work as somebody else; only root can.
UNPRIVILEGED = [] if os.getuid() == 0 else [(r"(?m)^ *(user|group|chroot) .*\n", "")]


@pytest.fixture
def folder(tmp_path: pathlib.Path, need) -> pathlib.Path:
    """With certificate.pem, key.pem and both.pem, open to the proxies' own users."""
    need(nginx="nginx-light", haproxy="haproxy", openssl="openssl")
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o711)
    files = ["-keyout", tmp_path / "key.pem", "-out", tmp_path / "certificate.pem"]
    subprocess.run([*CERTIFICATE, *files], check=True, capture_output=True)
    both = (tmp_path / "certificate.pem").read_text() + (tmp_path / "key.pem").read_text()
    (tmp_path / "both.pem").write_text(both)
    return tmp_path


def write(template: pathlib.Path, path: pathlib.Path, changes: list[tuple[str, str]]) -> pathlib.Path:
    text = template.read_text()
    for pattern, replacement in changes:
        assert re.search(pattern, text), f"{template} has no {pattern}: adapt this test"
        text = re.sub(pattern, replacement, text)
    path.write_text(text)
    return path


def check(server: Server, port: int, folder: pathlib.Path, command: list) -> None:
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE

    def is_ready() -> bool:
        try:
            return urllib.request.urlopen(f"https://127.0.0.1:{port}/readyz", context=unchecked).status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    path = os.environ["PATH"] + ":/usr/sbin"
    with (folder / "proxy.out").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "PATH": path})
    try:
        wait_until(is_ready, 20, "the proxy is not ready")
        proxy = smuggling.Proxy(port, folder / "certificate.pem")
        assert smuggling.smuggling(proxy, server.address, server.log) == []
        assert smuggling.ordinary(proxy, server.address, server.log) == []
    finally:
        process.terminate()
        process.wait(20)


def test_nginx(start_server, folder: pathlib.Path) -> None:
    server, port = start_server("--log-format", "json", "--log-level", "debug"), free_port()
    settings = write(DEPLOY / "proxies/nginx.conf", folder / "nginx.conf", [
        (r"(?m)^pid .*", f"pid {folder}/nginx.pid;\ndaemon off;"),
        (r"listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (r"127\.0\.0\.1:8080", f"127.0.0.1:{server.port}"),
        (r"/etc/ssl/weightspace/fullchain\.pem", f"{folder}/certificate.pem"),
        (r"/etc/ssl/weightspace/privkey\.pem", f"{folder}/key.pem"),
        (r"/var/log/nginx", f"{folder}"),
        (r"(?m)^http \{",
         f"http {{\n    client_body_temp_path {folder}/bodies;\n    proxy_temp_path {folder}/answers;"),
        *UNPRIVILEGED,
    ])
    check(server, port, folder, ["nginx", "-c", settings, "-e", folder / "nginx.err"])


def test_haproxy(start_server, folder: pathlib.Path) -> None:
    server, port = start_server("--log-format", "json", "--log-level", "debug"), free_port()
    settings = write(DEPLOY / "proxies/haproxy.cfg", folder / "haproxy.cfg", [
        (r"bind :443", f"bind 127.0.0.1:{port}"),
        (r"/etc/haproxy/weightspace\.pem", f"{folder}/both.pem"),
        (r"127\.0\.0\.1:8080", f"127.0.0.1:{server.port}"),
        *UNPRIVILEGED,
    ])
    check(server, port, folder, ["haproxy", "-db", "-f", settings])
