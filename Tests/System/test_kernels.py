"""Which of OpenBLAS's kernels the program computes with, whatever OpenBLAS has chosen, on the processor at hand. The
choice for other processors is tested in HostTests."""

import json
import os
import pathlib
import platform
import subprocess

import pytest

from rig.paths import FIXTURES
from rig.server import Server, request

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="core types of x86-64")

# Core types by the instructions that their kernels use at most.
SSE = (
    "Katmai Coppermine Northwood Prescott Banias Atom Core2 Penryn Dunnington Nehalem Athlon Opteron Opteron_SSE3 "
    "Barcelona Nano Bobcat"
).split()
AVX = ["Sandybridge", "Bulldozer", "Piledriver", "Steamroller"]
AVX2 = ["Excavator", "Haswell", "Zen"]
AVX512 = ["SkylakeX", "Cooperlake", "SapphireRapids"]
LEVELS = [SSE, AVX, AVX2, AVX512]
# What each level of instructions needs, as Linux names it, and the core type that every such processor runs.
NEEDED = [set(), {"avx"}, {"avx2", "fma"}, {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}]
CHOSEN = ["", "Sandybridge", "Haswell", "SkylakeX"]

# Stands before OpenBLAS and reports another core type, as a release does that does not know the processor; once
# OPENBLAS_CORETYPE is set, OpenBLAS itself is asked.
REPORTER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
char *openblas_get_corename(void) {
    if (!getenv("OPENBLAS_CORETYPE")) return getenv("REPORTED");
    return ((char *(*)(void))dlsym(RTLD_NEXT, "openblas_get_corename"))();
}
"""


def level() -> int:
    """The processor's place in LEVELS."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    flags = set(next(line for line in lines if line.startswith("flags")).partition(":")[2].split())
    return max(place for place in range(4) if all(needed <= flags for needed in NEEDED[: place + 1]))


@pytest.fixture(scope="module")
def reporter(need, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    need(cc="gcc")
    folder = tmp_path_factory.mktemp("reporter")
    source, library = folder / "reporter.c", folder / "reporter.so"
    source.write_text(REPORTER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def core_type(program: pathlib.Path, **variables: str) -> str:
    """What the program computes with when it is started with these variables."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"} | variables
    command = [program, "bench", "rates", "--in-use", "--size", "16", "--threads", "1", "--repeat", "1", "--json"]
    shown = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=30)
    return json.loads(shown.stdout)["openblas"]


@pytest.mark.parametrize("reported", [name for names in LEVELS for name in names])
def test_weaker_core_type_is_replaced(program: pathlib.Path, reporter: pathlib.Path, reported: str):
    is_weaker = reported in [name for names in LEVELS[: level()] for name in names]
    found = core_type(program, LD_PRELOAD=str(reporter), REPORTED=reported)
    assert found == (CHOSEN[level()] if is_weaker else reported)


def test_users_own_core_type_is_respected(program: pathlib.Path):
    assert core_type(program, OPENBLAS_CORETYPE="PRESCOTT") == "Prescott"


def test_version_reports_the_replacement(
    program: pathlib.Path, reporter: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    monkeypatch.setenv("LD_PRELOAD", str(reporter))
    monkeypatch.setenv("REPORTED", "Prescott")
    with Server(program, tmp_path / "server.log") as server:
        monkeypatch.delenv("LD_PRELOAD")
        _, body = request(server.port, path="/version")
        kernels = json.loads(body)["kernels"]
    assert kernels["openblas"] == (CHOSEN[level()] or "Prescott")
    first = (tmp_path / "server.log").read_text().splitlines()[0]
    assert f" INFO kernels openblas={kernels['openblas']} " in first and f" own={kernels['own']}" in first


# Of the processor's own maker or not: these run on all with the instructions.
@pytest.mark.parametrize("name", ["PRESCOTT", "CORE2", "PENRYN", "NEHALEM", "BARCELONA", *CHOSEN[1:], "ZEN"])
def test_answers_are_the_same_class_under_each_core_type(program: pathlib.Path, name: str):
    place = next(place for place, names in enumerate(LEVELS) if name.lower() in [each.lower() for each in names])
    if place > level():
        pytest.skip("the processor does not run it")
    command = [program, "classify", "--json", FIXTURES / "net0.pth"]
    shown = subprocess.run(
        command, env=os.environ | {"OPENBLAS_CORETYPE": name}, check=True, capture_output=True, text=True, timeout=60
    )
    assert '"Ankle boot"' in shown.stdout
