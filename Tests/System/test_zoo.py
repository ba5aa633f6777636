"""`weightspace zoo` in small: made-up IDX files to shards, the same at any number of threads, and nothing twice."""

import pathlib
import random
import struct
import subprocess


def idx(path: pathlib.Path, extents: list[int], values: bytes) -> pathlib.Path:
    path.write_bytes(bytes([0, 0, 8, len(extents)]) + struct.pack(f">{len(extents)}I", *extents) + values)
    return path


def options(folder: pathlib.Path) -> list[str]:
    """Pictures of 16 x 16 pixels of two classes, dark and light."""
    numbers, result = random.Random(1), []
    for name, count in (("", 64), ("test-", 32)):
        labels = bytes(index % 2 for index in range(count))
        pixels = bytes(numbers.randrange(100) + 150 * label for label in labels for _ in range(256))
        result += [f"--{name}images", idx(folder / f"{name}images", [count, 16, 16], pixels)]
        result += [f"--{name}labels", idx(folder / f"{name}labels", [count], labels)]
    return [str(part) for part in result]


def zoo(program: pathlib.Path, *flags: str) -> subprocess.CompletedProcess:
    return subprocess.run([program, "zoo", *flags], capture_output=True, text=True)


def test_zoo(program: pathlib.Path, tmp_path: pathlib.Path) -> None:
    flags = [*options(tmp_path), "--count", "4", "--epochs", "3", "--snapshots", "1", "--shard-size", "2"]
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
