"""Networks of one's own, from files to an answered request: import, train, evaluate, serve, curl; and a zoo of CNNs from
pictures to a predicted accuracy."""

import io
import json
import pathlib
import re
import subprocess
import zipfile

import numpy
import pytest

from rig.paths import FIXTURES
from rig.pictures import bars, zoo_flags
from rig.safetensors import read_safetensors

COUNT = 200


def run(program: pathlib.Path, *command: object) -> str:
    """The command's standard output and standard error; it must succeed."""
    result = subprocess.run(
        [program, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert result.returncode == 0, f"{command}: {result.stdout[-3000:]}"
    return result.stdout


def curl(url: str, file: pathlib.Path) -> dict:
    """What `curl --data-binary @file url` prints, a JSON document."""
    command = ["curl", "--silent", "--show-error", "--fail-with-body", "--data-binary", f"@{file}", url]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


def pth(arrays: dict[str, numpy.ndarray]) -> bytes:
    """A state_dict of a network 2-32-32-1 as `torch.save` writes it: net0.pth with other values."""
    old = zipfile.ZipFile(FIXTURES / "net0.pth")
    values = iter(arrays.values())
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            if re.search(r"/data/\d+$", entry.filename):
                content, size = next(values).astype("<f4").tobytes(), len(content)
                assert len(content) == size, "the arrays of net0.pth in its order"
            new.writestr(entry, content)
    return written.getvalue()


def test_files_and_table(program: pathlib.Path, tmp_path: pathlib.Path, start_server) -> None:
    """200 .pth files and a CSV: import, train, evaluate, serve, curl."""
    run(program, "fit", *bars(tmp_path, COUNT), "--output", tmp_path / "shards", "--export", tmp_path / "made")
    nets = tmp_path / "nets"
    nets.mkdir()
    rows = ["file,label"]
    for file in sorted((tmp_path / "made").iterdir()):
        number, label = map(int, re.search(r"net(\d+)-.*label(\d+)", file.name).groups())
        (nets / f"net{number}.pth").write_bytes(pth(read_safetensors(file)))
        rows.append(f"net{number}.pth,{['dark', 'light'][label]}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    corpus, model = tmp_path / "corpus", tmp_path / "run"
    table = tmp_path / "labels.csv"
    imported = run(program, "import", nets, "--labels", table, "--image", "12x12x1", "--output", corpus)
    assert "200 networks" in imported, imported
    trained = run(
        program, "train", "--data", corpus, "--output", model, "--set", "test_share=0.25", "--set",
        "optimization.epochs=12",
    )
    assert "classes: dark, light" in trained and "recipe " in trained
    report = json.loads(run(program, "evaluate", model, corpus, "--json"))
    assert report["networks"] < COUNT and report["accuracy"] > 0.8, report
    server = start_server("--models", str(model))
    name = json.loads((model / "model/config.json").read_text())["name"]
    answer = curl(f"{server.url}/v1/classify?model={name}", nets / "net1.pth")
    assert answer["predictions"][0]["label"] in ("dark", "light")
    described = curl_models(server.url, name)
    assert "2-*-*-1" in described["input"]["reads"], described


def curl_models(url: str, name: str) -> dict:
    """What `GET /v1/models` says of a model."""
    shown = subprocess.run(["curl", "-sf", f"{url}/v1/models"], capture_output=True, text=True, check=True)
    return next(model for model in json.loads(shown.stdout)["models"] if model["name"] == name)


@pytest.mark.parametrize(
    ("channels", "hidden", "layers", "epochs"), [(3, 32, 2, 4), (1, 64, 3, 1)], ids=["rgb", "deep"]
)
def test_other_shapes(
    program: pathlib.Path, tmp_path: pathlib.Path, start_server, channels: int, hidden: int, layers: int, epochs: int
) -> None:
    """RGB SIRENs 2-32-32-3 and SIRENs 2-64-64-64-1, from single files to an answered request."""
    count = 96
    bars(tmp_path, count)
    grey = numpy.frombuffer((tmp_path / "images").read_bytes()[16:], numpy.uint8).reshape(count, 12, 12, 1)
    tints = numpy.random.default_rng(1).uniform(0.4, 1, (count, 1, 1, channels))
    numpy.save(tmp_path / "pictures.npy", (grey * tints).astype(numpy.uint8))
    run(
        program, "fit", "--images", tmp_path / "pictures.npy", "--labels", tmp_path / "labels", "--hidden", hidden,
        "--layers", layers, "--output", tmp_path / "shards", "--export", tmp_path / "nets", "--export-format", "npz",
    )
    files = sorted((tmp_path / "nets").iterdir())
    table = [f"{file.name},{re.search(r'label(.)', file.name)[1]}" for file in files]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *table]))
    corpus, model = tmp_path / "corpus", tmp_path / "run"
    run(program, "import", tmp_path / "nets", "--labels", tmp_path / "labels.csv", "--output", corpus)
    run(
        program, "train", "nfn-hnp", "--data", corpus, "--output", model, "--set", f"optimization.epochs={epochs}",
        "--set", "model.model.hchannels=[8]", "--set", "model.model.h_size=32",
    )
    server = start_server("--models", str(model), "--no-embedded")
    prediction = curl(f"{server.url}/v1/classify", files[0])["predictions"][0]
    assert prediction["label"] in ("0", "1") and 0 <= prediction["score"] <= 1
    assert prediction["notation"]["activation"] == "sine"


def test_zoo_to_prediction(program: pathlib.Path, tmp_path: pathlib.Path, start_server) -> None:
    """A zoo of CNNs, predictors of their accuracy from what they answer and from their weights, and requests with single
    files of ReLU CNNs."""
    flags = zoo_flags(tmp_path, count=96, tested=256, spread=150)
    zoo = tmp_path / "zoo"
    run(program, "zoo", *flags, "--count", 60, "--epochs", 40, "--snapshots", "10,20", "--output", zoo)
    probe = tmp_path / "probe"
    trained = run(
        program, "train", "cnn-probe", "--data", zoo, "--output", probe, "--probe-images", flags[1], "--probe-labels",
        flags[3], "--set", "model.model.picture=[16,16]", "--set", "model.model.n_probes=64", "--set",
        "model.model.hidden=[]", "--set", "optimization.epochs=20",
    )
    assert "predicted: test_accuracy" in trained
    report = json.loads(run(program, "evaluate", probe, zoo, "--where", "final", "--rescale", "--json"))
    tau, rescaled = (
        part["targets"][0]["tau"] for part in report["regression"] if part["networks"] in ("final", "rescaled")
    )
    assert tau > 0.5 and abs(rescaled - tau) < 0.02, report

    # The ReLU networks as files of their own with a table, as a researcher has them.
    nets, rows = tmp_path / "nets", ["file,accuracy"]
    nets.mkdir()
    layers = [((16, 1, 3, 3), 16), ((16, 16, 3, 3), 16), ((16, 16, 3, 3), 16), ((2, 16), 2)]
    for shard in sorted(zoo.glob("zoo-relu-*.safetensors")):
        arrays = read_safetensors(shard)
        for number, (weights, accuracy) in enumerate(zip(arrays["weights"], arrays["column.test_accuracy"])):
            state, place = {}, 0
            for layer, (shape, biases) in enumerate(layers):
                for name, own in (("weight", shape), ("bias", (biases,))):
                    size = int(numpy.prod(own))
                    state[f"layers.{layer}.{name}"] = weights[place:place + size].reshape(own)
                    place += size
            numpy.savez(nets / f"{shard.stem}-{number}.npz", **state)
            rows.append(f"{shard.stem}-{number}.npz,{accuracy}")
    (tmp_path / "accuracies.csv").write_text("\n".join(rows))
    corpus, own = tmp_path / "corpus", tmp_path / "own"
    run(program, "import", nets, "--labels", tmp_path / "accuracies.csv", "--activation", "relu", "--output", corpus)
    chosen = run(
        program, "train", "--data", corpus, "--output", own, "--set", "optimization.epochs=1", "--set",
        "model.model.hchannels=[8]", "--set", "name=weights",
    )
    assert "recipe cnn-hnp" in chosen and "predicted: accuracy" in chosen
    file = next(nets.iterdir())
    server = start_server("--models", str(probe), "--models", str(own), "--no-embedded")
    for model in ("cnn-probe", "weights"):
        answer = curl(f"{server.url}/v1/predict?model={model}&activation=relu", file)["predictions"][0]
        assert 0 <= answer["accuracy"] <= 1 and answer["reading"]["activation"] == "relu"
    printed = run(program, "predict", file, "--models", probe, "--no-embedded", "--activation", "relu")
    assert "test_accuracy 0." in printed or "test_accuracy 1." in printed, printed
