"""Writes the small files that the tests read beside net0.*. Usage: python make.py"""

import collections
import io
import os
import pickle
import struct
import warnings
import zipfile

import numpy as np
import torch
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
warnings.filterwarnings("ignore")


def path(name):
    return os.path.join(HERE, name)


# The tests know these two by formula: (i - 2) / 4 and 10 + i, in row-major order.
A = ((np.arange(6) - 2) / 4).astype(np.float32).reshape(2, 3)
B = (10 + np.arange(4)).astype(np.float32)


def tensors():
    return {"a": torch.from_numpy(A.copy()), "b": torch.from_numpy(B.copy())}


def save(value, name, **options):
    # Through a buffer, so that the folder inside the archive does not depend on the file's name.
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    with open(path(name), "wb") as file:
        file.write(buffer.getvalue())


def numpy_files():
    np.save(path("plain.npy"), A)
    np.save(path("fortran.npy"), np.asfortranarray(A))
    np.save(path("big_endian.npy"), A.astype(">f4"))
    np.save(path("fortran_big_double.npy"), np.asfortranarray(A.astype(">f8")))
    np.save(path("half.npy"), A.astype("<f2"))
    np.save(path("small_integers.npy"), np.array([[-1, 2], [3, 1 << 24]], dtype="<i8"))
    np.save(path("large_integer.npy"), np.array([1, (1 << 24) + 1], dtype="<u4"))
    np.save(path("boolean.npy"), np.array([True, False, True]))
    np.save(path("complex.npy"), np.zeros(2, np.complex64))
    np.save(path("records.npy"), np.zeros(2, [("x", "<f4")]))
    np.save(path("objects.npy"), np.array([{}, None], dtype=object), allow_pickle=True)
    np.save(path("scalar.npy"), np.float32(0.5))
    with open(path("version2.npy"), "wb") as file:
        np.lib.format.write_array(file, A, version=(2, 0))
    with open(path("version3.npy"), "wb") as file:
        np.lib.format.write_array(file, A, version=(3, 0))

    np.savez(path("stored.npz"), a=A, b=B, label=3, note="text")
    np.savez_compressed(path("deflated.npz"), a=np.asfortranarray(A), b=B.astype(">f8"))
    np.savez_compressed(path("bomb.npz"), a=np.zeros(1 << 20, np.float32))
    with zipfile.ZipFile(path("zip64_directory.npz"), "w") as archive:
        # Sizes of all ones in the directory itself, with the true ones in the extra field.
        buffer = io.BytesIO()
        np.save(buffer, A)
        archive.writestr("a.npy", buffer.getvalue())
    widen_directory(path("zip64_directory.npz"))


def widen_directory(name):
    """Rewrites a one-entry archive so that its directory and its end need their 64-bit forms."""
    data = open(name, "rb").read()
    end = data.rindex(b"PK\x05\x06")
    size, offset = struct.unpack("<II", data[end + 12:end + 20])
    entry = bytearray(data[offset:offset + size])
    compressed, plain = struct.unpack("<II", entry[20:28])
    extra = struct.pack("<HHQQQ", 1, 24, plain, compressed, 0)
    entry[20:28] = b"\xff" * 8
    entry[30:32] = struct.pack("<H", len(extra))
    entry[42:46] = b"\xff" * 4
    entry += extra
    end64 = struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, 1, 1, len(entry), offset)
    locator = struct.pack("<IIQI", 0x07064b50, 0, offset + len(entry), 1)
    last = struct.pack("<IHHHHIIH", 0x06054b50, 0xffff, 0xffff, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0)
    with open(name, "wb") as file:
        file.write(data[:offset] + bytes(entry) + end64 + locator + last)


def torch_files():
    for protocol in (2, 3, 4, 5):
        save(tensors(), f"protocol{protocol}.pth", pickle_protocol=protocol)

    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    save({"epoch": 3, "name": "x", "args": {"lr": 0.1, "sizes": [1, 2], "t": (1, None, True)}, "state_dict": tensors(),
          "optimizer": optimizer.state_dict(), "best": 1 << 70}, "checkpoint.pth")
    save({"weights": tensors(), "val_l1": np.float64(0.25), "step": np.int64(7)}, "numpy_scalar.pth")
    save({"weights": tensors(), "val_l1": np.float64(0.25)}, "numpy_scalar4.pth", pickle_protocol=4)
    save({"weights": tensors(), "curve": np.zeros(3)}, "numpy_array.pth")
    save({"weights": [tensors()["a"]], "biases": (tensors()["b"],)}, "lists.pth")
    save({"module._orig_mod." + key: value for key, value in tensors().items()}, "prefixed.pth")
    save(dict(tensors(), label=7, name="seven", count=torch.tensor(3), flags=torch.tensor([True, False])), "labelled.pth")

    flat = torch.cat([tensors()["a"].flatten(), tensors()["b"]])
    padded = torch.full((4, 8), -9.0)
    padded[1:3, 2:8:2] = tensors()["a"]
    tied = tensors()["b"]
    save({
        "view": flat[:6].view(2, 3), "tail": flat[6:], "window": padded[1:3, 2:8:2],
        "transposed": tensors()["a"].T.contiguous().T, "tied": tied, "tied_again": tied,
        "expanded": torch.tensor([[1.5], [2.5]]).expand(2, 3), "empty": torch.zeros(0, 5),
        "parameter": torch.nn.Parameter(tensors()["a"]),
    }, "views.pth")
    save({"a": torch.tensor([1.5]).expand(1 << 20, 1 << 10)}, "expanded_bomb.pth")

    state = torch.nn.BatchNorm1d(2).state_dict()
    save(state, "batch_norm.pth")
    attributed = torch.nn.Parameter(tensors()["a"])
    attributed.note = "x"
    save({"a": attributed, "b": tensors()["b"]}, "parameter_with_state.pth")
    save(model, "module.pth")
    save({"a": torch.zeros(2, dtype=torch.complex64)}, "complex.pth")
    save(tensors()["a"], "lone_tensor.pth")
    torch.jit.save(torch.jit.trace(model, torch.ones(1, 3)), path("script.pt"))
    big_endian("protocol2.pth", "big_endian.pth")


def big_endian(source, target):
    """The archive that a big-endian machine would write."""
    with zipfile.ZipFile(path(source)) as old, zipfile.ZipFile(path(target), "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.endswith("/byteorder"):
                content = b"big"
            elif "/data/" in entry.filename:
                content = np.frombuffer(content, "<f4").astype(">f4").tobytes()
            new.writestr(entry.filename, content)


def safetensors_files():
    save_file(tensors(), path("metadata.safetensors"), {"note": "caf\u00e9 \"quoted\"", "format": "pt"})
    save_file(
        dict(tensors(), f64=torch.tensor([0.1, -1e-3], dtype=torch.float64), f16=torch.tensor([0.5, -65504.0]).half(),
             bf16=torch.tensor([1.5, -3e38]).bfloat16(), i64=torch.tensor([[-5, 1 << 24]]),
             u8=torch.tensor([0, 255], dtype=torch.uint8), flag=torch.tensor([True, False]), count=torch.tensor(12),
             empty=torch.zeros(0, 3)),
        path("types.safetensors"))


def write(name, content):
    with open(path(name), "wb") as file:
        file.write(content)


def pickles():
    """Plain pickles in every protocol, of what lies beside arrays too."""
    values = {
        "a": A, "fortran": np.asfortranarray(A.astype(">f8")), 3: {"b": (B, None)}, ("x", 1): np.int64(1 << 40),
        "loss": np.float32(0.25), "curve": [0.5, 2, -1e-3], "rows": [[1, 2.5], (3, 4)], "ragged": [[1], [2, 3]],
        "mixed": [1, "é\n\\u", True], "note": np.str_("sine"), "names": np.array(["ab", "c"]),
        "set": {1}, "frozen": frozenset([2]), "counter": collections.Counter("aab"),
        "ordered": collections.OrderedDict(k=1), "default": collections.defaultdict(list, k=[1.5]),
        "complex": 1 + 2j, "array": bytearray(b"xy"), "bytes": b"\0\xff", "empty": np.zeros((0, 2), np.float32),
        "big": 1 << 70, "negative": -70_000, "none": None, "range": range(3), "large": np.array([1 << 25]),
    }
    for protocol in range(6):
        write(f"plain{protocol}.pkl", pickle.dumps(values, protocol=protocol))
    objects = np.array([A, B, None], dtype=object)
    write("objects.pkl", pickle.dumps(objects, protocol=4))
    np.save(path("dict.npy"), {"a": A, "b": B}, allow_pickle=True)
    write("several.pkl", pickle.dumps(A, protocol=4) + pickle.dumps({"b": B}, protocol=2))
    write("tensors.pkl", pickle.dumps(tensors(), protocol=4))
    write("tensors2.pkl", pickle.dumps(tensors(), protocol=2))

    import flax.core
    import jax.numpy
    import joblib
    arrays = {"a": jax.numpy.asarray(A), "b": jax.numpy.asarray(B).astype(jax.numpy.bfloat16)}
    write("jax2.pkl", pickle.dumps(arrays, protocol=2))
    write("jax4.pkl", pickle.dumps(flax.core.freeze({"params": arrays}), protocol=4))
    joblib.dump({"a": A}, path("joblib.pkl"))


def company():
    """What a checkpoint holds beside its weights."""
    noted = tensors()["b"]
    noted.note = 1
    save({
        "a": tensors()["a"], "size": torch.Size([2, 3]), "device": torch.device("cpu"), "dtype": torch.float16,
        "layout": torch.strided, "complex": 1j, "noted": noted, "buffer": torch.nn.Buffer(tensors()["b"]),
        "u16": torch.tensor([1, 65535], dtype=torch.uint16), "float8": torch.zeros(2).to(torch.float8_e4m3fn),
        "quantised": torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8), "sparse": torch.eye(2).to_sparse(),
        "meta": torch.empty(2, device="meta"), "complexes": torch.zeros(2, dtype=torch.complex64),
        "negative": torch.ones(2, dtype=torch.complex64).conj().imag, "storage": torch.FloatStorage([1, 2]),
        "text": "x" * 5000, "scalar": np.float32(0.5), "array": B.astype(np.float64),
    }, "company.pth")


def archives():
    """Archives as other programs write them."""
    with zipfile.ZipFile(path("protocol2.pth")) as old, zipfile.ZipFile(path("rezipped.pth"), "w") as new:
        for entry in old.infolist():
            new.writestr("dir/" + entry.filename, old.read(entry), zipfile.ZIP_DEFLATED)
        new.writestr("__MACOSX/dir/protocol2/._data.pkl", b"\0\5\x16\7")
    buffer = io.BytesIO()
    np.save(buffer, A)

    class Pipe(io.RawIOBase):
        """A file without positions, so that sizes follow each entry."""
        def __init__(self):
            self.content = b""

        def writable(self):
            return True

        def write(self, data):
            self.content += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inr/", b"")
        archive.writestr("inr/a.npy", buffer.getvalue())
        archive.writestr("inr/.DS_Store", b"\0")
        archive.writestr("readme.txt", b"text")
        archive.writestr("__MACOSX/inr/._a.npy", b"\0\5\x16\7")
    write("streamed.npz", pipe.content)
    np.savez_compressed(path("zeros.npz"), a=np.zeros(2048))


if __name__ == "__main__":
    torch.manual_seed(0)
    numpy_files()
    torch_files()
    safetensors_files()
    pickles()
    company()
    archives()
