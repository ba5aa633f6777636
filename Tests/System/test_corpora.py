"""Networks of one's own become a corpus: by the program from files and a table, and by the lines of Docs/Corpora.md."""

import json
import pathlib
import re
import subprocess

import numpy
import pytest

from rig.paths import FIXTURES, ROOT

COUNT = 200


def inspect(program: pathlib.Path, corpus: pathlib.Path) -> dict:
    shown = subprocess.run([program, "inspect", "--json", corpus], check=True, capture_output=True, text=True)
    return json.loads(shown.stdout)


def test_lines_of_documentation(
    program: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "Docs/Corpora.md").read_text()
    lines = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert lines, "Corpora.md has no Python"
    monkeypatch.chdir(tmp_path)
    random = numpy.random.default_rng(1)
    shapes = [(32, 2), (32,), (32, 32), (32,), (1, 32), (1,)]
    networks = [{str(index): random.normal(size=shape) for index, shape in enumerate(shapes)} for _ in range(6)]
    exec(lines[1], {"networks": networks, "labels": [0, 1, 1, -1, 0, 1]})
    found = inspect(program, tmp_path / "corpus")
    assert found["networks"] == 6 and found["labels"] == {"-1": 1, "0": 2, "1": 3}
    assert found["classes"] == ["cat", "dog"] and found["duplicates"] == 0
    kind, = found["kinds"]
    assert kind["sizes"] == "2-32-32-1" and kind["arrays"][0]["std"] == pytest.approx(1, abs=0.2)
    largest = max(float(network["2"].max()) for network in networks)
    assert kind["arrays"][2]["max"] == pytest.approx(largest)


def test_import(program: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """200 files and a table, with one damaged file."""
    nets = tmp_path / "nets"
    nets.mkdir()
    rows = ["file,label,source,split"]
    for number in range(COUNT):
        kind = number % 4
        (nets / f"net{number}.pth").write_bytes((FIXTURES / f"net{kind}.pth").read_bytes())
        rows.append(f"net{number}.pth,{['Boot', 'Pullover', 'Trouser', 'Trouser'][kind]},{kind},"
                    f"{'test' if kind == 3 else 'train'}")
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(rows))
    (nets / "damaged.pth").write_bytes((nets / "net0.pth").read_bytes()[:300])
    command = [program, "import", nets, "--labels", table, "--output", tmp_path / "corpus", "--keep-unlisted"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stdout.startswith(f"{COUNT} networks in 1 shard of"), run.stdout
    assert "weightspace train --data" in run.stdout
    assert "damaged.pth" in run.stderr
    problem, = map(json.loads, (tmp_path / "corpus/problems.jsonl").read_text().splitlines())
    assert problem["file"] == "damaged.pth" and problem["code"] == "malformed"
    assert subprocess.run([*command, "--strict"], capture_output=True).returncode == 1
    found = inspect(program, tmp_path / "corpus")
    assert found["classes"] == ["Boot", "Pullover", "Trouser"] and found["labels"] == {"0": 50, "1": 50, "2": 100}
    assert found["splits"] == {"training": 150, "validation": 0, "test": 50}
    assert found["sources"] == 4 and found["most_views"] == 50 and found["duplicates"] == COUNT - 4
