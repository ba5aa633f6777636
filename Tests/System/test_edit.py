"""Edits of what networks draw: `/v1/edit` over sockets, checked with NumPy, Python's own unpickler and PyTorch."""

import collections
import io
import json
import pathlib
import pickle
import struct
import subprocess
import urllib.request
import zipfile

import numpy as np
import pytest

from rig.paths import FIXTURES
from rig.server import Server, request

SIDE = 15
NAMES = ["net.0.linear.weight", "net.0.linear.bias", "net.1.linear.weight", "net.1.linear.bias", "net.2.weight", "net.2.bias"]


def arrays(file: str) -> dict[str, np.ndarray]:
    """A SIREN of 2, 32, 32 and 1 neurons, rows first and values from -1 to 1."""
    with np.load(FIXTURES / file) as archive:
        return {name: archive[name] for name in archive.files}


def edit(server: Server, query: str, body: bytes, status: int = 200) -> dict:
    """The JSON answer."""
    code, answer = request(server.port, "POST", f"/v1/edit?{query}", body)
    assert code == status, answer[:500]
    return json.loads(answer)


def file_of(server: Server, query: str, body: bytes) -> bytes:
    code, answer = request(server.port, "POST", f"/v1/edit?{query}", body)
    assert code == 200, answer[:500]
    return answer


def draw(network: dict, points: np.ndarray, omega: float = 30) -> np.ndarray:
    """The values at points (…, 2) of (row, column) in [-1, 1]."""
    values = np.asarray(points, dtype=np.float64)
    layers = [np.asarray(array, dtype=np.float64) for array in network.values()]
    for index in range(0, len(layers), 2):
        values = values @ layers[index].T + layers[index + 1]
        if index + 2 < len(layers):
            values = np.sin(omega * values)
    return values[..., 0]


def grid() -> np.ndarray:
    axis = np.linspace(-1, 1, SIDE)
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)


NETWORK = arrays("net0.npz")
BODY = (FIXTURES / "net0.npz").read_bytes()
PICTURE = draw(NETWORK, grid())


def turned(degrees: float) -> np.ndarray:
    """Where a picture turned counter-clockwise looks at the old one."""
    rows, columns = grid()[..., 0], grid()[..., 1]
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.stack([cosine * rows + sine * columns, cosine * columns - sine * rows], axis=-1)


@pytest.mark.parametrize("steps, wanted", [
    ("rotate:90", np.rot90(PICTURE)), ("rotate:180", PICTURE[::-1, ::-1]), ("mirror:x", PICTURE[:, ::-1]),
    ("mirror:y", PICTURE[::-1]), ("rotate:33", draw(NETWORK, turned(33))), ("zoom:2", draw(NETWORK, grid() / 2)),
    ("zoom:0.8", draw(NETWORK, grid() / 0.8)),
    ("translate:0.25:-0.1", draw(NETWORK, grid() - np.array([-0.2, 0.5]))),
    ("crop:0.5:0:0.25:0.5", draw(NETWORK, grid() * np.array([0.5, 0.25]) + np.array([-0.5, 0.25]))),
    ("brightness:0.2", PICTURE + 0.4), ("contrast:1.6", 1.6 * PICTURE), ("invert", -PICTURE),
    ("mirror:x,invert,contrast:0.5", -0.5 * PICTURE[:, ::-1]),
])
def test_the_edited_network_draws_the_edited_picture(server: Server, steps: str, wanted: np.ndarray) -> None:
    answer = edit(server, f"edits={steps}&convention=nfn&size={SIDE}", BODY)
    result = answer["results"][0]
    assert list(result["weights"]) == list(NETWORK) and answer["model"] is None
    assert all(step["exact"] for step in result["edits"])
    assert np.abs(draw(result["weights"], grid()) - wanted).max() < 1e-5
    assert np.abs(np.array(result["picture"]["data"])[..., 0] - wanted).max() < 1e-5


def test_two_networks_become_one(server: Server) -> None:
    other = arrays("net1.npz") if (FIXTURES / "net1.npz").exists() else {n: a[::-1].copy() for n, a in NETWORK.items()}
    document = {"inputs": [{n: a.tolist() for n, a in network.items()} for network in (NETWORK, other)],
                "edits": ["blend:0.3"], "convention": "nfn"}
    results = edit(server, "", json.dumps(document).encode())["results"]
    assert len(results) == 1 and np.array(results[0]["weights"][NAMES[2]]).shape == (64, 64)
    wanted = 0.7 * PICTURE + 0.3 * draw(other, grid())
    assert np.abs(draw(results[0]["weights"], grid()) - wanted).max() < 1e-5


def test_many_networks_are_edited_in_their_places(server: Server) -> None:
    stack = {name: np.stack([array, -array, array]) for name, array in NETWORK.items()}
    file = io.BytesIO()
    np.savez(file, **stack)
    results = edit(server, "edits=invert&convention=nfn", file.getvalue())["results"]
    assert len(results) == 3
    with np.load(io.BytesIO(file_of(server, "edits=invert&convention=nfn&output=npz", file.getvalue()))) as archive:
        assert archive.files == list(stack)
        for name in archive.files:
            assert archive[name].shape == stack[name].shape
            assert np.array_equal(archive[name][1], np.array(results[1]["weights"][name], dtype=np.float32))


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_files_keep_names_shapes_and_types(server: Server, kind: str) -> None:
    network = {name: array.astype(kind) for name, array in NETWORK.items()}
    file = io.BytesIO()
    np.savez(file, **network)
    wanted = {name: array.copy() for name, array in network.items()}
    wanted[NAMES[0]][:, 1] *= -1
    with np.load(io.BytesIO(file_of(server, "edits=mirror:x&output=npz", file.getvalue()))) as archive:
        for name, array in wanted.items():
            assert archive[name].dtype == kind and np.array_equal(archive[name], array)
    safetensors = file_of(server, "edits=mirror:x&output=safetensors", file.getvalue())
    size, = struct.unpack("<Q", safetensors[:8])
    header = json.loads(safetensors[8:8 + size])
    for name, array in wanted.items():
        begin, end = header[name]["data_offsets"]
        read = np.frombuffer(safetensors[8 + size:][begin:end], kind).reshape(header[name]["shape"])
        assert np.array_equal(read, array)
    for name, array in unpickled(file_of(server, "edits=mirror:x&output=pt", file.getvalue())).items():
        assert array.dtype == kind and np.array_equal(array, wanted[name])


class Unpickler(pickle.Unpickler):
    """Reads what `torch.save` writes, with arrays for tensors and nothing else that is not plain."""

    TYPES = {"HalfStorage": "<f2", "FloatStorage": "<f4", "DoubleStorage": "<f8", "LongStorage": "<i8"}

    def __init__(self, archive: zipfile.ZipFile):
        super().__init__(io.BytesIO(archive.read("archive/data.pkl")))
        self.archive = archive

    def find_class(self, module: str, name: str):
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self.tensor
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        assert module == "torch" and name in self.TYPES, (module, name)
        return name

    def persistent_load(self, identifier: tuple):
        kind, storage, key, place, count = identifier
        assert (kind, place) == ("storage", "cpu")
        values = np.frombuffer(self.archive.read(f"archive/data/{key}"), self.TYPES[storage])
        assert len(values) == count
        return values

    @staticmethod
    def tensor(storage, offset, size, stride, requires_grad, hooks):
        steps = [step * storage.itemsize for step in stride]
        assert not requires_grad and not hooks
        return np.lib.stride_tricks.as_strided(storage[offset:], size, steps)


def unpickled(content: bytes) -> dict:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("archive/version") == b"3\n"
        for entry in archive.infolist():
            # The lengths of name and extra field in the local header.
            name, extra = struct.unpack("<HH", content[entry.header_offset + 26:entry.header_offset + 30])
            assert (entry.header_offset + 30 + name + extra) % 64 == 0 and entry.compress_type == zipfile.ZIP_STORED
        return Unpickler(archive).load()


def test_pytorch_loads_the_weights(server: Server, pytorch: str, tmp_path: pathlib.Path) -> None:
    for name in ("net0.nested.pth", "net0.bfloat16.pth"):
        (tmp_path / name).write_bytes(file_of(server, "edits=rotate:20&output=pt", (FIXTURES / name).read_bytes()))
    code = """if True:
        import torch
        # Before PyTorch 2 weights_only refuses any file with a float beside the tensors, as this one was uploaded.
        state = torch.load("net0.nested.pth", weights_only=not torch.__version__.startswith("1."))
        module = torch.nn.Module()
        module.net = torch.nn.ModuleList([torch.nn.Module(), torch.nn.Module(), torch.nn.Linear(32, 1)])
        module.net[0].linear, module.net[1].linear = torch.nn.Linear(2, 32), torch.nn.Linear(32, 32)
        module.load_state_dict(state["state_dict"])
        half = torch.load("net0.bfloat16.pth", weights_only=True)
        assert {tensor.dtype for tensor in half.values()} == {torch.bfloat16}
    """
    result = subprocess.run([pytorch, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_conversion_is_read_back_as_the_same_picture(server: Server) -> None:
    file = file_of(server, "edits=convert:siren-pytorch&convention=nfn&output=safetensors", BODY)
    status, answer = request(server.port, "POST", f"/v1/render?height={SIDE}&width={SIDE}", file)
    picture = json.loads(answer)["pictures"][0]
    assert status == 200 and picture["convention"]["name"] == "siren-pytorch"
    assert np.abs(np.array(picture["data"])[..., 0] - PICTURE).max() < 1e-5
    warnings = edit(server, "edits=convert:siren-pytorch&convention=nfn", BODY)["warnings"]
    assert any("convention=siren-pytorch" in warning for warning in warnings)
    # Npz has no place for the name of the notation.
    url = f"http://127.0.0.1:{server.port}/v1/edit?edits=convert:siren-pytorch&convention=nfn&output=npz"
    with urllib.request.urlopen(urllib.request.Request(url, BODY)) as response:
        assert "convention=siren-pytorch" in response.headers["X-Warning"]


def test_the_picture_is_that_of_render(server: Server) -> None:
    edited = json.dumps({"inputs": [edit(server, "edits=rotate:10&convention=nfn", BODY)["results"][0]["weights"]]})
    status, png = request(server.port, "POST", "/v1/render?output=png&height=40&width=40&convention=nfn", edited.encode())
    assert status == 200 and png == file_of(server, "edits=rotate:10&convention=nfn&output=png&size=40", BODY)


@pytest.mark.parametrize("query, status, code", [
    ("", 400, "bad_request"), ("edits=rotate:north", 400, "bad_request"), ("edits=invert&output=gif", 400, "bad_request"),
    ("edits=invert,blend:0.5", 400, "bad_request"), ("edits=blend:0.5", 400, "bad_request"),
    ("edits=convert:relu&convention=nfn", 422, "not_editable"), ("edits=no-such-edit", 404, "no_such_operation"),
    ("edits=invert&model=nobody", 404, "no_such_model"), ("edits=invert&size=99999", 400, "bad_request"),
])
def test_errors_say_what_is_expected(server: Server, query: str, status: int, code: str) -> None:
    problem = edit(server, query, BODY, status)
    assert problem["code"] == code and len(problem["detail"]) > 20


def test_damaged_files_are_refused(server: Server) -> None:
    assert edit(server, "edits=invert", BODY[:-30], 400)["code"] == "bad_request"
    assert edit(server, "edits=invert", b"not a network", 415)["code"] == "unknown_format"
