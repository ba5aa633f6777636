"""`weightspace zoo` in small: made-up IDX files to shards, the same at any number of threads, and nothing twice."""

import pathlib
import subprocess

from rig.pictures import zoo_flags


def zoo(program: pathlib.Path, *flags: str) -> subprocess.CompletedProcess:
    return subprocess.run([program, "zoo", *flags], capture_output=True, text=True)


def test_zoo(program: pathlib.Path, tmp_path: pathlib.Path) -> None:
    flags = [*zoo_flags(tmp_path), "--count", "4", "--epochs", "3", "--snapshots", "1", "--shard-size", "2"]
    contents = []
    for threads in ("1", "2"):
        output = tmp_path / f"zoo-{threads}"
        run = zoo(program, *flags, "--threads", threads, "--output", str(output))
        assert run.returncode == 0, run.stderr
        assert "2 snapshots each" in run.stdout
        contents.append({file.name: file.read_bytes() for file in output.iterdir()})
    assert contents[0] == contents[1]
    assert any(name.endswith(".safetensors") for name in contents[0])

    times = {file.name: file.stat().st_mtime_ns for file in output.iterdir()}
    assert zoo(program, *flags, "--output", str(output)).returncode == 0
    assert times == {file.name: file.stat().st_mtime_ns for file in output.iterdir()}

    other = zoo(program, *flags, "--seed", "1", "--output", str(output))
    assert other.returncode == 1
    assert "another recipe" in other.stderr
