"""Writes the files that a new corpus starts from: small networks in every format, and requests.

    python3 Tests/Fuzzing/seeds.py FOLDER      from the fixtures of the tests, into FOLDER/<target>/
"""

import gzip
import io
import json
import pathlib
import struct
import sys
import zipfile
import zlib

tests = pathlib.Path(__file__).resolve().parent.parent
fixtures = tests / "WeightFormatsTests" / "Fixtures"
folder = pathlib.Path(sys.argv[1])


def seed(target, name, content):
    path = folder / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def safetensors(tensors, kind="F32", metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (shape, content) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def npy(shape, content, description="<f4", order="False", version=1):
    header = f"{{'descr': '{description}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + content


def archive(entries, method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in entries.items():
            file.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def ramp(count):
    return floats([index / 8 - 0.5 for index in range(count)])


def network(*sizes):
    tensors = {}
    for index, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        tensors[f"net.{index}.linear.weight"] = ([outputs, inputs], ramp(outputs * inputs))
        tensors[f"net.{index}.linear.bias"] = ([outputs], ramp(outputs))
    return tensors


def stacked(tensors, count):
    return {name: ([count] + shape, content * count) for name, (shape, content) in tensors.items()}


def nested(shape, content):
    values = [round(value, 4) for value in struct.unpack(f"<{len(content) // 4}f", content)]
    for extent in reversed(shape[1:]):
        values = [values[start:start + extent] for start in range(0, len(values), extent)]
    return values


small = network(2, 3, 1)
convolution = {
    "0.weight": ([2, 1, 3, 3], ramp(18)), "0.bias": ([2], ramp(2)),
    "1.weight": ([3, 2], ramp(6)), "1.bias": ([3], ramp(3)),
}
normalised = convolution | {
    "bn.weight": ([2], ramp(2)), "bn.bias": ([2], ramp(2)), "bn.running_mean": ([2], ramp(2)),
    "bn.running_var": ([2], floats([1, 2])),
}
# The same in TensorFlow's order: kernels (3, 3, 1, 2) and (2, 3).
keras = [((3, 3, 1, 2), 18), ((2,), 2), ((2, 3), 6), ((3,), 3)]
cnns = {
    "cnn.safetensors": safetensors(convolution),
    "normalised.safetensors": safetensors({name: normalised[name] for name in sorted(normalised)}),
    "keras.npz": archive({f"arr_{index}.npy": npy(shape, ramp(count)) for index, (shape, count) in enumerate(keras)}),
    "cnn-flat.npy": npy("(29,)", ramp(29)),
    "cnn-rows.npy": npy("(2, 29)", ramp(58)),
}
flat = npy("(13,)", ramp(13))
files = {
    "small.safetensors": safetensors(small, metadata={"a": "b"}),
    "stack.safetensors": safetensors(stacked(small, 2)),
    "half.safetensors": safetensors({"a.weight": ([1, 2], b"\0" * 4), "a.bias": ([1], b"\0" * 2)}, "BF16"),
    "convolution.safetensors": safetensors(convolution),
    "kernel.safetensors": safetensors({"Dense_0/kernel": ([2, 3], ramp(6)), "Dense_0/bias": ([3], ramp(3))}),
    "flat.npy": flat,
    "flats.npy": npy("(2, 13)", ramp(26)),
    "stored.npz": archive({name + ".npy": npy(tuple(shape), data) for name, (shape, data) in small.items()}),
    "deflated.npz": archive(
        {name + ".npy": npy(tuple(shape), data) for name, (shape, data) in small.items()}, zipfile.ZIP_DEFLATED),
    "named.json": json.dumps({name: nested(*tensor) for name, tensor in small.items()}).encode(),
    "lists.json": json.dumps({
        "weights": [nested(*tensor) for name, tensor in small.items() if name.endswith("weight")],
        "biases": [nested(*tensor) for name, tensor in small.items() if name.endswith("bias")],
        "top_k": 3, "label": "é\n",
    }).encode(),
}
files["batch.json"] = b"".join(
    [b'{"inputs":[', files["lists.json"], b',{"state_dict":', files["named.json"], b'}],"strict":true}'])
files["small.gz"] = gzip.compress(files["small.safetensors"], mtime=0)

for name, content in cnns.items():
    seed("upload", name, content)
    for query in ("", "?activation=relu&layout=cnn-zoo", "?batch_norm_eps=0.1"):
        seed("service", f"cnn-{name}{query}", f"POST /v1/predict{query}\n\n".encode() + content)
    seed("service", f"cnn-model-{name}", b"POST /v1/models/convolutions/predict?output=npy\n\n" + content)
for name, content in files.items():
    seed("upload", name, content)
    kind = name.rsplit(".")[-1]
    if kind in ("safetensors", "json"):
        seed(kind, name, content)
    if kind == "npz":
        seed("zip", name, content[4:])
for path in sorted(fixtures.iterdir()):
    content = path.read_bytes()
    if len(content) > 4000 or path.suffix in (".py", ".md"):
        continue
    seed("upload", path.name, content)
    if path.suffix == ".safetensors":
        seed("safetensors", path.name, content)
    elif path.suffix == ".npy":
        seed("npy", path.name, content[6:])
        seed("picture", path.name, content)
    elif path.suffix == ".pkl":
        seed("pickle", path.name, content[2:] if content[0] == 0x80 else content)
    elif path.suffix in (".npz", ".pth", ".pt"):
        seed("zip", path.name, content[4:])
    if path.suffix == ".pth":
        with zipfile.ZipFile(path) as file:
            base = next(name for name in file.namelist() if name.endswith("/data.pkl"))[:-len("data.pkl")]
            names = {name.removeprefix(base): name for name in file.namelist()}
            order = names.get("byteorder")
            parts = [file.read(names["data.pkl"])]
            parts += [file.read(names[f"data/{key}"]) for key in range(16) if f"data/{key}" in names]
        kind = 3 if order is None else 0
        seed("torch", path.name, bytes([kind]) + b"".join(struct.pack("<H", len(part)) + part for part in parts))

# One stored element seen as half as many as the limit allows.
expanded = (
    b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n("
    b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQ"
    b"K\0M\x68\x01M\x68\x01\x86K\0K\0\x86\x89ccollections\nOrderedDict\n)RtRs."
)
seed("torch", "expanded", b"\3" + struct.pack("<H", len(expanded)) + expanded + b"\4\0" + floats([0.5]))

plain = b"weights " * 40
for number, content in enumerate([
    gzip.compress(plain, mtime=0), zlib.compress(plain), gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0),
    zlib.compress(gzip.compress(plain, mtime=0)), gzip.compress(zlib.compress(plain), mtime=0),
]):
    seed("coding", f"{number}", bytes([number]) + content)
seed("coding", "bare", b"\1" + zlib.compress(plain)[2:-4])
seed("coding", "stored", b"\0" + gzip.compress(plain, 0, mtime=0))
for size in (60_000, 70_000, 2_000_000):
    seed("coding", f"zeros-{size}", b"\0" + gzip.compress(bytes(size), mtime=0))

form = b"".join([
    b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.pt"\r\n',
    b"Content-Type: application/octet-stream\r\n\r\n",
    flat, b'\r\n--xyz\r\nContent-Disposition: form-data; name="top_k"\r\n\r\n3\r\n--xyz--\r\n',
])
seed("multipart", "form", b"multipart/form-data; boundary=xyz\n" + form)
seed("multipart", "quoted", b'multipart/form-data; charset=a; boundary="x y"\npreamble\r\n--x y \r\n'
     b'content-disposition:'
     b' form-data; name="a\\"b"\r\ncontent-transfer-encoding: binary\r\n\r\n\r\n--x y--')

seed("picture", "grey", b"P5\n# a comment\n2 3\n255\n" + bytes(range(6)))
seed("picture", "colours", b"P6 1 2 255 " + bytes(range(6)))
seed("picture", "idx", bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2]) + bytes(range(4)))
seed("picture", "labels", bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
seed("picture", "stack.npy", npy("(1, 2, 2)", bytes(range(4)), "|u1"))



def chunks(*parts):
    """Chunks of PNG pictures without their checksums."""
    return b"".join(struct.pack(">I", len(content)) + kind + content for kind, content in parts)


def picture(width, height, depth, color, rows, *before, interlace=0, compresses=True):
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    data = rows if compresses else zlib.compress(rows)
    return bytes([compresses]) + chunks((b"IHDR", header), *before, (b"IDAT", data), (b"IEND", b""))


palette = (b"PLTE", bytes(range(12)))
for name, content in {
    **{f"grey{depth}": picture(3, 2, depth, 0, (b"\0" + bytes(range(40, 40 + (3 * depth + 7) // 8))) * 2)
       for depth in (1, 2, 4, 8, 16)},
    **{f"palette{depth}": picture(2, 1, depth, 3, b"\0" + bytes([16 if depth < 8 else 1]) * ((2 * depth + 7) // 8),
                                  palette if depth > 1 else (b"PLTE", bytes(6)), (b"tRNS", b"\x80"))
       for depth in (1, 2, 4, 8)},
    "rgb": picture(2, 2, 8, 2, b"\1abcdef\2abcdef", (b"tRNS", b"\0a\0b\0c")),
    "rgb16": picture(1, 1, 16, 2, b"\3abcdef"),
    "opacity": picture(2, 1, 8, 4, b"\4abcd"), "opacity16": picture(1, 1, 16, 4, b"\0abcd"),
    "colours": picture(1, 2, 8, 6, b"\3abcd\4abcd"), "colours16": picture(1, 1, 16, 6, b"\0abcdefgh"),
    "hidden": picture(2, 1, 8, 0, b"\0ab", (b"tRNS", b"\0a"), (b"gAMA", bytes(4))),
    "stored": picture(2, 1, 8, 0, b"\0ab", compresses=False),
    "interlaced": picture(2, 1, 8, 0, b"\0ab", interlace=1), "filter": picture(2, 1, 8, 0, b"\5ab"),
    "short": picture(2, 1, 8, 0, b"\0a"), "long": picture(2, 1, 8, 0, b"\0abc"), "wide": picture(65, 1, 8, 0, b"\0"),
    "colour": picture(1, 1, 8, 5, b"\0a"), "bits": picture(1, 1, 3, 0, b"\0a"), "none": picture(0, 1, 8, 0, b""),
    "entry": picture(1, 1, 8, 3, b"\0\x09", palette), "unknown": picture(1, 1, 8, 0, b"\0a", (b"CgBI", b"")),
    "headless": b"\1" + chunks((b"IEND", b"")), "endless": b"\1" + chunks((b"IHDR", bytes(13))),
    "empty": b"", "damaged": picture(2, 1, 8, 0, b"\0ab", compresses=False)[:-20] + b"\xff" * 20,
}.items():
    seed("png", name, content)

seed("manifest", "statnet.json", json.dumps({
    "name": "accuracy", "version": "2", "task": "predict_accuracy", "temperature": 1.5,
    "input": {"family": "cnn", "sizes": [1, 4, 5, 3], "filters": [[3, 3], [3, 2], None], "max_hidden_width": 64,
              "canonical_scale": False, "array_scales": None},
    "network": {"file": "network.safetensors", "model": "StatNet", "h_size": 20, "sigmoid": True},
    "card": {"text": "a", "number": 2.5},
}).encode())
for path in sorted(tests.glob("ModelStoreTests/Fixtures/*/config.json")):
    seed("manifest", path.parent.name + ".json", path.read_bytes())
for path in sorted((tests.parent / "Sources/ModelStore/Resources/Models").glob("*/config.json")):
    seed("manifest", path.parent.name + ".json", path.read_bytes())

for number, path in enumerate([
    "/v1/predict", "/v1/render?height=8&width=9", "/v1/models/small/predict?strict=1", "/v1/predict?output=npy",
    "/v1/predict?output=raw&omega0=20&convention=dws", "/v1/render?output=png", "/v1/classify?top_k=3",
]):
    for name in ("small.safetensors", "stack.safetensors", "batch.json", "stored.npz", "flat.npy"):
        seed("service", f"{number}-{name}", f"POST {path}\n\n".encode() + files[name])
for name, content in {"rows": b"[[0, 255], [255, 0]]", "grey": b"P5 2 2 255\nabcd", "set.npy": npy("(2, 2, 2)", bytes(8), "|u1")}.items():
    seed("service", "fit-" + name, b"POST /v1/fit?steps=2&hidden=2\n\n" + content)
seed("service", "fit-document", b'POST /v1/fit\n\n{"picture": [[0, 9]], "steps": 1, "hidden": 2, "output": "safetensors"}')
for name, content in {
    "document": b'{"latents": [[[0, 1, 2, 3]], [[3, 2, 1, 0]]], "size": 2}', "items": b'{"latents": [{"index": 0, "shape": [1, 4], "data": "AAAAAAAAgD8AAAAAAACAPw=="}, {"error": {"detail": "a"}}]}',
    "rows.npy": npy("(2, 4)", bytes(32), "<f4"), "nothing": b'{"latents": [{"shape": [1], "data": ""}]}',
}.items():
    seed("service", "decode-" + name, b"POST /v1/decode?model=drawer\n\n" + content)
    seed("service", "blend-" + name, b"POST /v1/decode?model=drawer&blend=0.5&output=png\n\n" + content)
for query in ("certify=1", "certify=2&seed=3&output=base64"):
    seed("service", query, b"POST /v1/predict?" + query.encode() + b"\n\n" + files["stack.safetensors"])
for number, query in enumerate(["edits=rotate:30,contrast:2", "edits=blend:0.5&output=pt", "edits=convert:dws&output=safetensors",
                               "edits=crop:0:0:0.5:1,invert&output=npz&convention=nfn", "edits=mirror:y&output=png&size=4"]):
    for name in ("small.safetensors", "stack.safetensors", "batch.json", "stored.npz", "flat.npy"):
        seed("service", f"edit-{number}-{name}", f"POST /v1/edit?{query}\n\n".encode() + files[name])
seed("service", "gzip", b"POST /v1/predict\nContent-Encoding: gzip\n\n" + files["small.gz"])
seed("service", "form", b"POST /v1/predict\nContent-Type: multipart/form-data; boundary=xyz\n\n" + form)
for path in ("/", "/v1/models", "/v1/models/small", "/v1/models/small/example", "/livez", "/metrics", "/version"):
    seed("service", path.replace("/", "-"), f"GET {path}\nAccept: text/html\n\n".encode())

requests = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /items/%41?a=b&c+d HTTP/1.0\r\nConnection: keep-alive\r\n\r\nHEAD http://a:80/ HTTP/1.1\r\nHost: a:80\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    '3;a="b\\c"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX: y\r\n\r\n',
    "\r\nOPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: close\r\nX-Request-Id: abc-1\r\nAccept: a,\tb\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n" + "x" * 300,
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 6,
]
for number, text in enumerate(requests):
    seed("http-parser", f"{number}", text.encode())
    for start in (bytes(7) + b"\1", bytes(range(8))):
        seed("http-connection", f"{number}-{start[7]}", start + text.encode())
