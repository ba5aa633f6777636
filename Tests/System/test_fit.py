"""Pictures in, networks out: `/v1/fit` over sockets, what the networks draw, what a fit costs others, and clients that leave."""

import contextlib
import http.client
import json
import socket
import statistics
import struct
import time
import zlib

import numpy as np

from rig.paths import FIXTURES
from rig.server import Server, request

SIDE = 28
ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE]
DISC = np.where(np.hypot(ROWS - 13.5, COLUMNS - 11.5) < 8, 220, 30).astype(np.uint8)
NETWORK = (FIXTURES / "net0.npz").read_bytes()


def png(pixels: np.ndarray) -> bytes:
    """A grey PNG picture whose rows are stored as differences from the row above."""
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    above = np.vstack([np.zeros_like(pixels[:1]), pixels[:-1]])
    rows = b"".join(b"\2" + row.tobytes() for row in pixels - above)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def fit(server: Server, query: str, body: bytes) -> dict:
    """The first network of the answer."""
    status, answer = request(server.port, "POST", f"/v1/fit?{query}", body)
    assert status == 200, answer
    return json.loads(answer)["networks"][0]


def draw(weights: dict, side: int) -> np.ndarray:
    """What a SIREN of the nfn notation draws: rows first, coordinates and values from -1 to 1."""
    axis = np.linspace(-1, 1, side)
    values = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    arrays = [np.array(array, dtype=np.float64) for array in weights.values()]
    for index in range(0, len(arrays), 2):
        values = values @ arrays[index].T + arrays[index + 1]
        if index + 2 < len(arrays):
            values = np.sin(30 * values)
    return values.reshape(side, side)


def test_networks_draw_the_picture(server: Server) -> None:
    network = fit(server, "steps=80&seed=3", png(DISC))
    error = np.mean((draw(network["weights"], SIDE) - (2 * (DISC / 255) - 1)) ** 2)
    assert abs(10 * np.log10(4 / error) - network["psnr"]) < 0.05, "the PSNR is that of the picture drawn"
    assert network["psnr"] > 20
    pgm = f"P5 {SIDE} {SIDE} 255\n".encode() + DISC.tobytes()
    for body in (png(DISC), pgm, json.dumps(DISC.tolist()).encode()):
        assert fit(server, "steps=80&seed=3", body)["weights"] == network["weights"], "the same bits"
    assert fit(server, "steps=80&seed=4", pgm)["weights"] != network["weights"]


def test_files_are_read_again(server: Server) -> None:
    answer = fit(server, "classify=1", png(DISC))
    for output in ("safetensors", "npz"):
        status, file = request(server.port, "POST", f"/v1/fit?output={output}", png(DISC))
        assert status == 200
        status, read = request(server.port, "POST", "/v1/classify?convention=nfn", file)
        assert status == 200 and json.loads(read)["predictions"][0]["top_k"] == answer["prediction"]["top_k"]


def test_damage_is_refused(server: Server) -> None:
    whole = png(DISC)
    for body in (whole[:-20], whole[:60] + b"\0" + whole[61:], b"\x89PNG\r\n\x1a\n"):
        status, answer = request(server.port, "POST", "/v1/fit", body)
        assert status == 400 and json.loads(answer)["detail"].startswith("PNG: "), answer


def latencies(connection: http.client.HTTPConnection, count: int) -> list[float]:
    """Seconds that each of so many classifications took."""
    result = []
    for _ in range(count):
        began = time.monotonic()
        connection.request("POST", "/v1/classify", NETWORK)
        response = connection.getresponse()
        response.read()
        assert response.status == 200
        result.append(time.monotonic() - began)
    return result


def test_others_are_answered_during_fits_and_clients_may_leave(start_server) -> None:
    server = start_server("--threads", "1", "--log-level", "warning")
    large = np.tile(DISC, (4, 4))
    target = "/v1/fit?steps=600&hidden=32&layers=2&timeout_ms=600000"
    head = f"POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(png(large))}\r\n\r\n".encode()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        alone = statistics.median(latencies(connection, 30))
        clients = [socket.create_connection(server.address) for _ in range(3)]
        for client in clients:
            client.sendall(head + png(large))
        # The fits have begun where the server computes without being asked by others.
        before = server.processor_seconds()
        while server.processor_seconds() < before + 0.2:
            time.sleep(0.01)
        beside = statistics.median(latencies(connection, 30))
        print(f"classification: {1000 * alone:.1f} ms alone, {1000 * beside:.1f} ms beside three fits")
        assert beside < alone + 0.15, "a request waits for a slice, not for a fit"
        for client in clients:
            client.close()
        # After the last slice the server is idle.
        deadline = time.monotonic() + 20
        while True:
            before = server.processor_seconds()
            time.sleep(0.3)
            if server.processor_seconds() - before < 0.1:
                break
            assert time.monotonic() < deadline, "the fits go on without their clients"
        assert len(latencies(connection, 1)) == 1
