"""The batch examples as their schedulers run them: every task of the Slurm array, one of them killed on the way and
queued again, and every pod of the Kubernetes Job. The parts, joined, must be what one run over everything makes."""

import json
import os
import pathlib
import re
import signal
import struct
import subprocess

import numpy
import pytest
import yaml

from rig.paths import DEPLOY, FIXTURES
from rig.server import wait_until

# More than a part saves at a time (4096 files), so that one that is killed has something to go on from.
COUNT = 12_000
SCRIPT = DEPLOY / "batch/slurm-array.sh"


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("batch") / "networks"
    folder.mkdir()
    for number in range(4):
        (folder / f"net{number}.safetensors").write_bytes((FIXTURES / f"net{number}.safetensors").read_bytes())
    for number in range(4, COUNT):
        os.link(folder / f"net{number % 4}.safetensors", folder / f"net{number}.safetensors")
    return folder


def latents(path: pathlib.Path) -> numpy.ndarray:
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])["latents"]
    begin, end = header["data_offsets"]
    return numpy.frombuffer(data[8 + length + begin:8 + length + end], "<f4").reshape(header["shape"])


@pytest.fixture(scope="module")
def whole(program: pathlib.Path, networks: pathlib.Path) -> numpy.ndarray:
    output = networks.parent / "whole.safetensors"
    subprocess.run([program, "encode", "--output", output, networks], check=True, capture_output=True)
    return latents(output)


def assert_joined(folder: pathlib.Path, parts: int, whole: numpy.ndarray) -> None:
    files = sorted(folder.glob("latents-*.safetensors"))
    assert len(files) == parts
    assert list(folder.glob(".*")) == [], "something unfinished is left"
    joined = numpy.concatenate([latents(file) for file in files])
    assert joined.shape == whole.shape
    assert (joined == whole).all()


def test_slurm_array(program: pathlib.Path, networks: pathlib.Path, whole: numpy.ndarray) -> None:
    """With the variables that Slurm sets; test_slurm.py has a real one."""
    output = networks.parent / "slurm"

    def task(index: int) -> subprocess.Popen:
        variables = {
            "WEIGHTSPACE": str(program), "SLURM_ARRAY_TASK_ID": str(index), "SLURM_ARRAY_TASK_MIN": "0",
            "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_CPUS_PER_TASK": "2",
        }
        return subprocess.Popen(["sh", SCRIPT, networks, output], env={**os.environ, **variables},
                                stderr=subprocess.DEVNULL)

    killed = task(0)
    wait_until(lambda: list(output.glob(".latents-*.partial")), 60, "nothing was saved on the way")
    # The script has become the program.
    killed.kill()
    assert killed.wait() == -signal.SIGKILL, "it ended before it was killed"
    for index in range(2):
        assert task(index).wait() == 0
    assert_joined(output, 2, whole)


def test_kubernetes_job(program: pathlib.Path, networks: pathlib.Path, whole: numpy.ndarray) -> None:
    job = next(yaml.safe_load_all((DEPLOY / "kubernetes/encode-job.yaml").read_text()))
    output = networks.parent / "job"
    places = {"$(INDEX)": None, "/latents": output, "/networks": networks}
    container = job["spec"]["template"]["spec"]["containers"][0]
    for index in range(job["spec"]["completions"]):
        places["$(INDEX)"] = index
        arguments = [re.sub(r"\$\(INDEX\)|^/latents$|^/networks$", lambda found: str(places[found[0]]), argument)
                     for argument in container["args"]]
        subprocess.run([program, *arguments], check=True, capture_output=True)
    assert_joined(output, job["spec"]["completions"], whole)
