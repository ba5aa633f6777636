"""Requests as proxies, browsers and scripts send them: forms, Accept, keys beside a proxy's password, origins, proxies'
addresses, settings in the environment."""

import hashlib
import json

import numpy as np
import pytest

from rig.paths import FIXTURES
from rig.server import Server
from rig.wire import Response, exchange

NETWORK = (FIXTURES / "net0.npz").read_bytes()


def send(server: Server, target: bytes, body: bytes | None = None, *fields: bytes) -> Response:
    """GET, or POST of the body, on a connection of its own."""
    method = b"GET" if body is None else b"POST"
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: a", b"Connection: close", *fields]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    answer = exchange(server.address, b"\r\n".join(lines) + b"\r\n\r\n" + (body or b""), timeout=30)
    assert answer is not None
    return answer


def form(*parts: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """The body and the field of a form of (parameters of Content-Disposition, content)."""
    pieces = [b"--B\r\nContent-Disposition: form-data; " + parameters + b"\r\n\r\n" + content + b"\r\n"
              for parameters, content in parts]
    return b"".join(pieces) + b"--B--\r\n", b"Content-Type: multipart/form-data; boundary=B"


@pytest.mark.parametrize("name", [
    b"filename*=UTF-8''na%C3%AFve.npz", b"filename*=iso-8859-1''na%EFve.npz", b'filename="na\xefve.npz"',
    b'filename="\x83l\x83b\x83g.npz"', 'filename="\u0301net.npz"'.encode(), b"filename*=broken%2",
])
def test_file_names(server: Server, name: bytes) -> None:
    body, field = form((b'name="weights"; ' + name, NETWORK))
    answer = send(server, b"/v1/classify", body, field)
    assert answer.status == 200, answer.body
    assert len(json.loads(answer.body)["predictions"]) == 1


def test_page_left_unfilled(server: Server) -> None:
    unfilled = (b'name="second"; filename=""', b"")
    body, field = form(unfilled, (b'name="top_k"', b""), (b'name="file"; filename="a"', NETWORK))
    answer = send(server, b"/v1/classify", body, field)
    assert answer.status == 200 and len(json.loads(answer.body)["predictions"]) == 1, answer.body
    body, field = form(unfilled)
    answer = send(server, b"/v1/classify", body, field)
    assert answer.status == 400 and b"'second' is empty" in answer.body


@pytest.mark.parametrize(("accept", "kind"), [
    (b"image/png", "image/png"), (b"image/*", "image/png"), (b"image/avif,image/*,*/*;q=0.8", "image/png"),
    (b"image/png;q=0", "application/json"), (b"image/*, image/png;q=0", "application/json"),
    (b"image/png;q=0.1, application/json", "application/json"), (b"*/*", "application/json"),
])
def test_accept(server: Server, accept: bytes, kind: str) -> None:
    answer = send(server, b"/v1/render", NETWORK, b"Accept: " + accept)
    assert answer.status == 200 and answer.value("Content-Type") == kind


def test_flags_and_null(server: Server) -> None:
    assert send(server, b"/v1/classify?strict=True", NETWORK).status == 200
    with np.load(FIXTURES / "net0.npz") as network:
        inputs = [{"name": name, "shape": [1, *network[name].shape], "datatype": "FP32", "parameters": None,
                   "data": network[name].ravel().tolist()} for name in network.files if network[name].ndim > 0]
    document = {"id": None, "parameters": None, "outputs": None, "inputs": inputs}
    answer = send(server, b"/v2/models/fashion-mnist/infer", json.dumps(document).encode())
    assert answer.status == 200, answer.body
    assert "id" not in json.loads(answer.body)


def test_key_beside_a_password(start_server, tmp_path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"alice sha256:{hashlib.sha256(b'secret').hexdigest()}\n")
    server = start_server("--keys", str(keys))
    password = b"Authorization: Basic cHJveHk6cGFzcw=="
    assert send(server, b"/v1/classify", NETWORK, password, b"X-Api-Key: secret").status == 200
    assert send(server, b"/v1/classify", NETWORK, b"X-Api-Key: secret", password).status == 200
    assert send(server, b"/v1/classify", NETWORK, password, b"X-Api-Key: wrong").status == 401
    assert send(server, b"/v1/classify", NETWORK, password).status == 401


def test_origin_however_it_is_written(start_server) -> None:
    server = start_server("--cors-origin", "HTTPS://Page.Example:443")
    answer = send(server, b"/livez", None, b"Origin: https://page.example")
    assert answer.value("Access-Control-Allow-Origin") == "https://page.example"
    assert send(server, b"/livez", None, b"Origin: https://other.example").value("Access-Control-Allow-Origin") == ""


def test_network_of_proxies(start_server) -> None:
    server = start_server("--rate-limit", "0.001", "--rate-burst", "1", "--trusted-proxy", "127.0.0.0/8")
    for client, status in [(b"192.0.2.1", 200), (b"192.0.2.1, 127.0.0.9", 429), (b"192.0.2.2", 200)]:
        assert send(server, b"/v1/classify", NETWORK, b"X-Forwarded-For: " + client).status == status, client


def test_empty_variables_are_unset(start_server, monkeypatch) -> None:
    for name in ("MAX_QUEUE", "KEYS", "CORS_ORIGIN", "TRUSTED_PROXY", "LOG_FORMAT", "PROTECT_HEALTH", "COMMIT", "HOST"):
        monkeypatch.setenv(f"WEIGHTSPACE_{name}", "")
    server = start_server()
    assert send(server, b"/v1/classify", NETWORK).status == 200
    assert json.loads(send(server, b"/version").body)["commit"] == "unknown"
