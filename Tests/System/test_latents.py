"""Latent arrays and what may be known of them: `/v1/encode` to `/v1/decode` over sockets and on the command line, blends,
and answers to equivalent weights (`certify`)."""

import json
import pathlib
import struct
import subprocess
import zlib

import numpy as np
import pytest

from rig.paths import FIXTURES, ROOT
from rig.safetensors import read_safetensors
from rig.server import Server, request

NETWORKS = [FIXTURES / f"net{index}.npz" for index in range(4)]
CNNS = ROOT / "Tests/ModelStoreTests/Fixtures/cnns.safetensors"


def post(server: Server, path: str, body: bytes) -> bytes:
    status, answer = request(server.port, "POST", path, body)
    assert status == 200, answer
    return answer


def items(server: Server, path: str, body: bytes, name: str) -> list[dict]:
    return json.loads(post(server, path, body))[name]


def latents(server: Server, index: int) -> np.ndarray:
    return np.array(items(server, "/v1/encode", NETWORKS[index].read_bytes(), "latents")[0]["data"], np.float32)


def decoded(server: Server, arrays: np.ndarray, query: str = "") -> np.ndarray:
    body = json.dumps({"latents": arrays.tolist()}).encode()
    return np.array([item["data"] for item in items(server, f"/v1/decode?{query}", body, "pictures")], np.float32)


def grey(png: bytes) -> np.ndarray:
    """The pixels of a grey PNG picture whose rows are not filtered, or by differences to the left or above."""
    width, height = struct.unpack(">II", png[16:24])
    at, content = 8, b""
    while at < len(png):
        length = struct.unpack(">I", png[at:at + 4])[0]
        if png[at + 4:at + 8] == b"IDAT":
            content += png[at + 8:at + 8 + length]
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(content), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any(), "filtered rows"
    return rows[:, 1:]


def test_decode_draws_what_reconstruct_does(server: Server) -> None:
    for network in NETWORKS:
        body = network.read_bytes()
        picture = items(server, "/v1/reconstruct", body, "reconstructions")[0]
        for output in ("json", "base64", "npy", "npz", "safetensors"):
            file = post(server, f"/v1/encode?output={output}", body)
            assert items(server, "/v1/decode", file, "pictures")[0]["data"] == picture["data"], output


def test_the_mean_of_two_is_their_blend(server: Server) -> None:
    both = np.stack([latents(server, 0), latents(server, 2)])
    first, second = decoded(server, both)
    mean = decoded(server, both.mean(axis=0, dtype=np.float64).astype(np.float32))
    assert np.abs(decoded(server, both, "blend=0.5") - mean).max() < 1e-5
    assert np.abs(mean - first).max() > 0.1 and np.abs(mean - second).max() > 0.1


def test_command_decodes_what_it_encodes(server: Server, program: pathlib.Path, tmp_path: pathlib.Path) -> None:
    file, folder = tmp_path / "latents.safetensors", tmp_path / "pictures"
    subprocess.run([program, "encode", *NETWORKS[:2], "--output", file], check=True)
    assert read_safetensors(file)["latents"].shape == (2, 16, 128)
    subprocess.run([program, "decode", file, "--output", folder, "--size", "40"], check=True)
    arrays = np.stack([latents(server, 0), latents(server, 1)])
    pictures = decoded(server, arrays, "size=40")
    for index, picture in enumerate(pictures):
        expected = np.floor(np.clip(255 * (picture[..., 0] + 1) / 2, 0, 255))
        assert np.abs(grey((folder / f"{index}.png").read_bytes()) - expected).max() <= 1
    blend = tmp_path / "blend.png"
    subprocess.run([program, "decode", file, "--output", blend, "--blend", "0.5"], check=True)
    status, answer = request(
        server.port, "POST", "/v1/decode?blend=0.5&output=png", json.dumps({"latents": arrays.tolist()}).encode())
    assert status == 200 and (grey(answer) == grey(blend.read_bytes())).all()
    wrong = subprocess.run([program, "decode", NETWORKS[0], "--output", blend], capture_output=True, text=True)
    assert wrong.returncode == 1 and "expected the member 'latents'" in wrong.stderr


@pytest.mark.parametrize("path, name", [
    ("classify", "predictions"), ("encode", "latents"), ("reconstruct", "reconstructions")])
def test_equivalent_weights_have_the_same_answer(server: Server, path: str, name: str) -> None:
    for network in NETWORKS:
        drift = items(server, f"/v1/{path}?certify=4", network.read_bytes(), name)[0]["drift"]
        assert set(drift) == {"permutations", "sign_flips", "half_turns", "trials", "seed"}
        kinds = [drift[kind] for kind in ("permutations", "sign_flips", "half_turns")]
        assert max(kinds) < 1e-4, (network.name, drift)


def test_equivalent_cnns_have_the_same_accuracy(server: Server) -> None:
    for item in items(server, "/v1/predict?certify=3", CNNS.read_bytes(), "predictions"):
        kinds = [value for kind, value in item["drift"].items() if kind not in ("trials", "seed")]
        assert len(kinds) == 2 and max(kinds) < 1e-4, item["drift"]


def test_command_prints_the_drift(program: pathlib.Path) -> None:
    run = subprocess.run(
        [program, "classify", NETWORKS[0], "--certify", "1", "--json"], check=True, capture_output=True, text=True)
    drift = json.loads(run.stdout)["drift"]
    assert drift["trials"] == 1 and max(drift["permutations"], drift["half_turns"]) < 1e-4
    text = subprocess.run(
        [program, "predict", CNNS, "--certify", "1"], check=True, capture_output=True, text=True).stdout
    assert "drift: permutations " in text and "rescalings " in text
