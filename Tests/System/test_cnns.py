"""The embedded predictor of CNNs' accuracies, asked over HTTP: one network as PyTorch, Keras and the Small CNN Zoo have it,
and networks that it does not read."""

import io
import json
import pathlib
import urllib.error
import urllib.request

import numpy
import pytest

from rig.paths import TESTS
from rig.safetensors import read_safetensors
from rig.server import Server

NETWORKS = TESTS / "ModelStoreTests/Fixtures/cnns.safetensors"
PTH = TESTS / "ModelStoreTests/Fixtures/cnn0.pth"
# As measured on the 10,000 test pictures.
ACCURACY = 0.8625


def state(number: int = 0) -> dict[str, numpy.ndarray]:
    """A network's arrays by their names in PyTorch."""
    return {name: array[number] for name, array in read_safetensors(NETWORKS).items()}


def npz(arrays: dict[str, numpy.ndarray] | list[numpy.ndarray]) -> bytes:
    written = io.BytesIO()
    if isinstance(arrays, dict):
        numpy.savez(written, **arrays)
    else:
        numpy.savez(written, *arrays)
    return written.getvalue()


def npy(array: numpy.ndarray) -> bytes:
    written = io.BytesIO()
    numpy.save(written, array)
    return written.getvalue()


def keras(arrays: dict[str, numpy.ndarray]) -> list[numpy.ndarray]:
    """What `get_weights()` of Keras gives: kernels (height, width, inputs, outputs), dense (inputs, outputs)."""
    return [array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T for array in arrays.values()]


def zoo_row(arrays: dict[str, numpy.ndarray]) -> numpy.ndarray:
    """A row of the Small CNN Zoo's weights.npy: the bias of each layer before its kernel, in Keras' order."""
    own = keras(arrays)
    return numpy.concatenate([own[index ^ 1].ravel() for index in range(len(own))]).astype(numpy.float32)


def post(url: str, body: bytes) -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def predict(server: Server, body: bytes, query: str = "") -> dict:
    status, answer = post(f"{server.url}/v1/predict{query}", body)
    assert status == 200, answer
    assert answer["model"]["name"] == "cnn-accuracy"
    return answer["predictions"][0]


FORMS = {
    "state_dict": lambda: PTH.read_bytes(),
    "npz": lambda: npz(state()),
    "keras": lambda: npz(keras(state())),
    "zoo": lambda: npy(zoo_row(state())),
    "json": lambda: json.dumps({"inputs": [{k: v.tolist() for k, v in state().items()}]}).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(server: Server, form: str) -> None:
    """Nobody says model, activation or layout: all are found."""
    answer = predict(server, FORMS[form]())
    assert answer["accuracy"] == pytest.approx(predict(server, npz(state()))["accuracy"], abs=2e-6)
    assert answer["accuracy"] == pytest.approx(ACCURACY, abs=0.01)
    reading = answer["reading"]
    assert reading["activation"] == "relu" and reading["confident"], reading
    assert reading.get("layout") == ("cnn-zoo" if form == "zoo" else None)


def infer(server: Server, arrays: dict[str, numpy.ndarray], **parameters: str) -> dict:
    inputs = [
        {"name": name, "shape": [1, *array.shape], "datatype": "FP32", "data": array.ravel().tolist()}
        for name, array in arrays.items()
    ]
    body = json.dumps({"inputs": inputs, "parameters": parameters}).encode()
    status, answer = post(f"{server.url}/v2/models/cnn-accuracy/infer", body)
    assert status == 200, answer
    return answer


def test_open_inference_protocol(server: Server) -> None:
    expected = predict(server, npz(state()))["accuracy"]
    named = {f"layer_{index}": array for index, array in enumerate(keras(state()))}
    for arrays in (state(), named, {"weights": zoo_row(state())}):
        output, = infer(server, arrays)["outputs"]
        assert output["data"] == pytest.approx([expected], abs=2e-6)
    constant = infer(server, state(3))
    assert "activation=relu" in constant["parameters"]["warnings"]
    assert "parameters" not in infer(server, state(3), activation="relu")


def test_predict_protocol(server: Server) -> None:
    """KServe's V1 protocol."""
    instance = {name: array.tolist() for name, array in state().items()}
    status, answer = post(
        f"{server.url}/v1/models/cnn-accuracy:predict", json.dumps({"instances": [instance]}).encode()
    )
    assert status == 200, answer
    assert answer["predictions"][0]["accuracy"] == pytest.approx(ACCURACY, abs=0.01)


def test_symmetries(server: Server) -> None:
    """Permuted and rescaled channels of a ReLU network: the same answer."""
    arrays = state()
    expected = predict(server, npz(arrays), "?activation=relu")["accuracy"]
    random = numpy.random.default_rng(3)
    names = list(arrays)
    for layer in range(3):
        order, factors = random.permutation(16), random.uniform(0.1, 10, 16).astype(numpy.float32)
        weight, bias, following = names[2 * layer], names[2 * layer + 1], names[2 * layer + 2]
        arrays[weight] = arrays[weight][order] * factors[:, None, None, None]
        arrays[bias] = arrays[bias][order] * factors
        shape = (1, 16, 1, 1) if arrays[following].ndim == 4 else (1, 16)
        arrays[following] = arrays[following][:, order] / factors.reshape(shape)
    assert predict(server, npz(arrays), "?activation=relu")["accuracy"] == pytest.approx(expected, abs=1e-4)


def test_batch_normalization(server: Server) -> None:
    """A normalisation after a convolution is folded; here one that changes nothing that the network computes."""
    arrays, scale = state(), numpy.float32(2)
    expected = predict(server, npz(arrays))["accuracy"]
    changed: dict[str, numpy.ndarray] = {}
    for name, array in arrays.items():
        changed[name] = array * scale if name in ("0.weight", "0.bias") else array
        if name == "0.bias":
            ones = numpy.ones(16, numpy.float32)
            changed |= {
                "1.weight": ones, "1.bias": 0 * ones, "1.running_mean": 0 * ones,
                "1.running_var": scale * scale * ones - numpy.float32(1e-5),
            }
    answer = predict(server, npz(changed))
    assert answer["accuracy"] == pytest.approx(expected, abs=1e-5)
    assert answer["reading"]["folded"], answer


def refusal(server: Server, arrays: dict[str, numpy.ndarray]) -> str:
    status, answer = post(f"{server.url}/v1/predict", npz(arrays))
    assert status == 422, answer
    return json.dumps(answer)


def test_networks_that_it_does_not_read(server: Server) -> None:
    random = numpy.random.default_rng(4)
    def layer(*shape: int) -> numpy.ndarray:
        return random.normal(size=shape).astype(numpy.float32) / 10
    deep = {}
    for index, inputs in enumerate((1, 16, 16, 16)):
        deep |= {f"conv{index}.weight": layer(16, inputs, 3, 3), f"conv{index}.bias": layer(16)}
    deep |= {"fc.weight": layer(10, 16), "fc.bias": layer(10)}
    text = refusal(server, deep)
    assert "cnn-accuracy" in text and "1-*-*-*-10" in text, text

    residual = {"conv1.weight": layer(16, 1, 3, 3), "conv1.bias": layer(16)}
    for block in range(2):
        for part in ("conv1", "conv2"):
            residual |= {f"layer1.{block}.{part}.weight": layer(16, 16, 3, 3), f"layer1.{block}.{part}.bias": layer(16)}
    residual |= {f"layer2.0.{part}.weight": layer(*shape) for part, shape in (
        ("conv1", (32, 16, 3, 3)), ("conv2", (32, 32, 3, 3)), ("downsample.0", (32, 16, 1, 1)))}
    residual |= {f"layer2.0.{part}.bias": layer(32) for part in ("conv1", "conv2", "downsample.0")}
    residual |= {"fc.weight": layer(10, 32), "fc.bias": layer(10)}
    assert "1-*-*-*-10" in refusal(server, residual)

    colours = state() | {"0.weight": layer(16, 3, 3, 3)}
    assert "3" in refusal(server, colours)
    sine = post(f"{server.url}/v1/predict?activation=sine", npz(state()))
    assert sine[0] == 422 and "relu or tanh" in json.dumps(sine[1])


def test_choice_of_model(server: Server) -> None:
    """The operation and the network choose the model; where none fits, the error says which do what."""
    status, answer = post(f"{server.url}/v1/classify", PTH.read_bytes())
    assert status == 422 and "fashion-mnist" in json.dumps(answer), answer
    inr = (TESTS / "WeightspaceTests/Fixtures/net0.pth").read_bytes()
    status, answer = post(f"{server.url}/v1/classify", inr)
    assert status == 200 and answer["model"]["name"] == "fashion-mnist"
    status, answer = post(f"{server.url}/v1/predict", inr)
    assert status == 422 and "cnn-accuracy" in json.dumps(answer), answer
    with urllib.request.urlopen(f"{server.url}/v1/models") as listed:
        models = {model["name"]: model for model in json.load(listed)["models"]}
    assert models["fashion-mnist"]["operations"][:2] == ["classify", "encode"]
    assert models["cnn-accuracy"]["operations"] == ["predict"]
    assert "28 × 28 × 1" in models["cnn-accuracy"]["input"]["reads"]
    for name, path in (("fashion-mnist", "classify"), ("cnn-accuracy", "predict")):
        with urllib.request.urlopen(f"{server.url}/v1/models/{name}/example") as example:
            status, answer = post(f"{server.url}/v1/{path}", example.read())
        assert status == 200 and answer["model"]["name"] == name, answer
