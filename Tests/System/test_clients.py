"""Standard clients of the Open Inference Protocol, tritonclient (sync and aio) and KServe's, the latter also by its V1
protocol, ask the running server; what it says of itself in /openapi.json is checked with made-up requests. Answers are
compared with those of /v1."""

import asyncio
import json
import pathlib
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
import tritonclient.http as triton
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from tritonclient.http.aio import InferenceServerClient as AsyncClient
from tritonclient.utils import InferenceServerException

from rig.paths import FIXTURES, SYSTEM
from rig.server import Server, wait_until
from rig.wire import exchange

MODEL = "fashion-mnist"
VECTORS = ["logits", "probabilities", "latent"]


def native(url, path, body):
    with urllib.request.urlopen(f"{url}/v1/models/{MODEL}/{path}", data=body) as answer:
        return json.load(answer)


class Expected:
    """What the native interface says of the networks."""

    def __init__(self, url: str, files: list[pathlib.Path]):
        self.networks = [dict(np.load(file)) for file in files]
        bodies = [file.read_bytes() for file in files]
        predictions = [native(url, "classify?top_k=10", body)["predictions"][0] for body in bodies]
        self.class_ids = [prediction["class_id"] for prediction in predictions]
        self.labels = [prediction["label"] for prediction in predictions]
        self.probabilities = np.zeros((len(files), 10), np.float32)
        for row, prediction in enumerate(predictions):
            for entry in prediction["top_k"]:
                self.probabilities[row, entry["class_id"]] = entry["score"]
        latents = [native(url, "encode", body)["latents"][0]["data"] for body in bodies]
        self.latent = np.array(latents, np.float32)
        self.version = native(url, "classify", bodies[0])["model"]["version"]

    def stacked(self, dtype=np.float32):
        names = [name for name, value in self.networks[0].items() if value.ndim > 0 and value.dtype.kind == "f"]
        return {name: np.stack([network[name] for network in self.networks]).astype(dtype) for name in names}

    def flat(self):
        rows = []
        for network in self.networks:
            layers = sorted({name.rsplit(".", 1)[0] for name in network if name.endswith("weight")})
            parts = [network[f"{layer}.{kind}"].ravel() for layer in layers for kind in ("weight", "bias")]
            rows.append(np.concatenate(parts))
        return {"weights": np.stack(rows).astype(np.float32)}

    def check(self, read):
        """`read` gives an output by name."""
        assert read("class_id").tolist() == self.class_ids, read("class_id")
        assert [text_of(label) for label in read("label").ravel()] == self.labels, read("label")
        assert np.allclose(read("probabilities"), self.probabilities, atol=1e-5)
        assert np.allclose(read("latent"), self.latent, atol=1e-5), np.abs(read("latent") - self.latent).max()
        assert read("logits").shape == self.probabilities.shape
        assert (read("logits").argmax(axis=1) == self.class_ids).all()


def text_of(value):
    return value.decode() if isinstance(value, bytes) else value


def inputs_of(tensors, datatype="FP32", binary=True):
    inputs = []
    for name, value in tensors.items():
        tensor = triton.InferInput(name, value.shape, datatype)
        tensor.set_data_from_numpy(value, binary_data=binary)
        inputs.append(tensor)
    return inputs


def outputs_of(binary):
    return [triton.InferRequestedOutput(name, binary_data=binary)
            for name in ["logits", "probabilities", "class_id", "label", "latent"]]


@pytest.fixture(scope="module")
def url(server: Server) -> str:
    return server.url


@pytest.fixture(scope="module")
def expected(url: str) -> Expected:
    return Expected(url, [FIXTURES / "net0.npz", FIXTURES / "net2.npz"])


def test_triton_health_and_pages(url: str, expected: Expected) -> None:
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, expected.version) and not client.is_model_ready("another")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata(MODEL)
    assert metadata["versions"] == [expected.version]
    assert {"name": "class_id", "datatype": "INT64", "shape": [-1]} in metadata["outputs"]
    assert [tensor["name"] for tensor in metadata["inputs"]] == list(expected.stacked())
    configuration = client.get_model_config(MODEL, expected.version)
    assert configuration["name"] == MODEL and configuration["input"][0]["data_type"] == "TYPE_FP32"
    index = client.get_model_repository_index()
    names = [MODEL, "cnn-accuracy", "inr-editor"]
    assert [(model["name"], model["state"]) for model in index] == [(name, "READY") for name in names]


def test_triton_statistics_count(url: str, expected: Expected) -> None:
    client = triton.InferenceServerClient(url.removeprefix("http://"))

    def count():
        return client.get_inference_statistics(MODEL)["model_stats"][0]["inference_count"]

    before = count()
    client.infer(MODEL, inputs_of(expected.stacked()), outputs=outputs_of(True)[:1])
    assert count() == before + len(expected.networks)
    assert client.get_inference_statistics()["model_stats"][0]["name"] == MODEL


def test_triton_tensor_by_name(url: str, expected: Expected) -> None:
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    for binary_in in (True, False):
        for binary_out in (True, False):
            result = client.infer(
                MODEL, inputs_of(expected.stacked(), binary=binary_in), outputs=outputs_of(binary_out),
                request_id="seven")
            assert result.get_response()["id"] == "seven"
            expected.check(result.as_numpy)


def test_triton_flat_tensor_and_all_outputs(url: str, expected: Expected) -> None:
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    result = client.infer(MODEL, inputs_of(expected.flat()))
    expected.check(result.as_numpy)
    assert result.as_numpy("reconstruction").shape == (len(expected.networks), 28, 28, 1)


def test_triton_other_element_types(url: str, expected: Expected) -> None:
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    result = client.infer(MODEL, inputs_of(expected.stacked(np.float64), "FP64"), outputs=outputs_of(True))
    expected.check(result.as_numpy)
    half = client.infer(MODEL, inputs_of(expected.stacked(np.float16), "FP16"), outputs=outputs_of(True))
    assert half.as_numpy("class_id").tolist() == expected.class_ids


def test_triton_compression(url: str, expected: Expected) -> None:
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    for coding in ("gzip", "deflate"):
        for binary in (True, False):
            result = client.infer(
                MODEL, inputs_of(expected.stacked(), binary=binary), outputs=outputs_of(binary),
                request_compression_algorithm=coding, response_compression_algorithm=coding)
            expected.check(result.as_numpy)


def test_triton_classification(url: str, expected: Expected) -> None:
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    for binary in (True, False):
        output = triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=3)
        result = client.infer(MODEL, inputs_of(expected.stacked()), outputs=[output])
        classes = result.as_numpy("probabilities")
        assert classes.shape == (len(expected.networks), 3)
        value, index, label = text_of(classes[0][0]).split(":")
        assert int(index) == expected.class_ids[0] and label == expected.labels[0]
        assert abs(float(value) - expected.probabilities[0].max()) < 1e-5


def test_triton_errors_are_told(url: str, expected: Expected) -> None:
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    tensors = expected.stacked()
    bad = {name: value for index, (name, value) in enumerate(tensors.items()) if index > 0}
    nan = {name: value.copy() for name, value in tensors.items()}
    next(iter(nan.values())).flat[0] = np.nan
    cases = [
        (MODEL, bad, None, "net.0.linear.weight"),
        ("another", tensors, None, "no model is named"),
        (MODEL, nan, None, "finite"),
        (MODEL, tensors, [triton.InferRequestedOutput("speed")], "no output 'speed'"),
    ]
    for model, inputs, outputs, words in cases:
        with pytest.raises(InferenceServerException, match=words):
            client.infer(model, inputs_of(inputs), outputs=outputs)


def test_triton_async(url: str, expected: Expected) -> None:
    client = triton.InferenceServerClient(url.removeprefix("http://"), concurrency=4)
    requests = [client.async_infer(MODEL, inputs_of(expected.stacked()), outputs=outputs_of(True)) for _ in range(8)]
    for request in requests:
        expected.check(request.get_result().as_numpy)


def test_triton_aio(url: str, expected: Expected) -> None:
    async def run():
        async with AsyncClient(url.removeprefix("http://")) as client:
            assert await client.is_server_live() and await client.is_server_ready()
            assert await client.is_model_ready(MODEL)
            assert (await client.get_server_metadata())["name"] == "weightspace"
            assert (await client.get_model_metadata(MODEL))["name"] == MODEL
            assert (await client.get_model_config(MODEL))["name"] == MODEL
            assert (await client.get_model_repository_index())[0]["name"] == MODEL
            assert (await client.get_inference_statistics(MODEL))["model_stats"]
            for binary in (True, False):
                results = await asyncio.gather(*[
                    client.infer(MODEL, inputs_of(expected.stacked(), binary=binary), outputs=outputs_of(binary))
                    for _ in range(4)])
                for result in results:
                    expected.check(result.as_numpy)
            with pytest.raises(InferenceServerException, match="no model is named"):
                await client.infer("another", inputs_of(expected.stacked()))

    asyncio.run(run())


def test_kserve_client(url: str, expected: Expected) -> None:
    async def run():
        client = InferenceRESTClient(RESTConfig(protocol="v2"))
        assert await client.is_server_live(url) and await client.is_server_ready(url)
        assert await client.is_model_ready(url, MODEL)
        for binary in (True, False):
            inputs = []
            for name, value in expected.stacked().items():
                tensor = InferInput(name, list(value.shape), "FP32")
                tensor.set_data_from_numpy(value, binary_data=binary)
                inputs.append(tensor)
            response = await client.infer(url, InferRequest(MODEL, inputs), model_name=MODEL)
            outputs = {output.name: output for output in response.outputs}
            expected.check(lambda name, outputs=outputs: outputs[name].as_numpy())
        with pytest.raises(Exception, match="no model is named"):
            await client.infer(url, InferRequest("another", inputs), model_name="another")
        await client.close()

    asyncio.run(run())



def test_kserve_client_of_v1(url: str, expected: Expected) -> None:
    async def run():
        client = InferenceRESTClient(RESTConfig(protocol="v1"))
        assert await client.is_server_live(url) and await client.is_model_ready(url, MODEL)
        rows = [{name: value.tolist() for name, value in network.items()} for network in expected.networks]
        answer = await client.infer(url, {"instances": rows}, model_name=MODEL)
        assert list(answer) == ["predictions"]
        assert [prediction["class_id"] for prediction in answer["predictions"]] == expected.class_ids
        with pytest.raises(Exception, match="no model is named"):
            await client.infer(url, {"instances": rows}, model_name="another")
        with pytest.raises(Exception, match=r"instances\.1"):
            await client.infer(url, {"instances": [rows[0], 3]}, model_name=MODEL)
        await client.close()

    asyncio.run(run())


def test_probes_by_options_while_the_server_drains(start_server) -> None:
    server = start_server("--drain-delay", "30")
    options = b"OPTIONS /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    preflight = b"Origin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n"
    assert exchange(server.address, options + b"\r\n").status == 204
    server.process.terminate()
    wait_until(lambda: exchange(server.address, options + b"\r\n").status == 503, 10)
    assert "GET" in exchange(server.address, options + b"\r\n").value("Allow")
    assert exchange(server.address, options + preflight + b"\r\n").status == 204


def test_openapi(url: str, tmp_path: pathlib.Path, pytestconfig: pytest.Config) -> None:
    """Schemathesis makes requests up from /openapi.json; answers must be as it says. They come in
    the same order every time, in another with another --openapi-seed."""
    program = pathlib.Path(sys.executable).parent / "st"
    command = [
        program, "--config-file", SYSTEM / "schemathesis.toml", "run", f"{url}/openapi.json", "-c", "all",
        "--max-time", str(pytestconfig.getoption("openapi_seconds")), "--continue-on-failure",
        "--seed", str(pytestconfig.getoption("openapi_seed")),
    ]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    print(*(line for line in run.stdout.splitlines() if "generated" in line))
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
