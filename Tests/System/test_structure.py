"""The tree keeps to its manifest (rig/structure.py), and the check finds every kind of breach."""

import pathlib
import shutil

import pytest

from rig import structure
from rig.paths import ROOT


@pytest.fixture(scope="module")
def package() -> dict:
    return structure.manifest(ROOT)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "Sources", folder / "Sources")
    return folder


def test_tree(package: dict) -> None:
    assert structure.faults(ROOT, package) == []


def test_documents_name_every_target(package: dict) -> None:
    names = [target.name for target in (structure.Target(item, ROOT) for item in package["targets"]) if target.is_shipped]
    picture = (ROOT / "Docs/architecture.svg").read_text()
    text = (ROOT / "Docs/Architecture.md").read_text()
    assert [name for name in names if f"<title>{name}</title>" not in picture] == [], "python3 Docs/architecture.py"
    assert [name for name in names if f"`{name}`" not in text] == []


def some_target(package: dict, root: pathlib.Path, accepts) -> structure.Target:
    targets = [structure.Target(described, root) for described in package["targets"]]
    return next(target for target in targets if target.is_shipped and any(target.lines()) and accepts(target))


@pytest.mark.parametrize("form", ["import {}", "@testable import {}", "package import struct {}.Name"])
def test_undeclared_import_is_found(package: dict, copy: pathlib.Path, form: str) -> None:
    target = some_target(package, copy, lambda target: target.dependencies)
    other = some_target(package, copy, lambda other: other.name not in {target.name, *target.dependencies})
    assert breach(package, copy, target, form.format(other.name))
    assert not breach(package, copy, target, form.format(next(iter(target.dependencies))))


@pytest.mark.parametrize(
    "line", ["let pointer = UnsafePointer<Float>(bitPattern: 0)", "extension A: @unchecked Sendable {}"])
def test_unsafe_code_is_found(package: dict, copy: pathlib.Path, line: str) -> None:
    assert breach(package, copy, some_target(package, copy, lambda target: target.is_memory_safe), line)
    assert not breach(package, copy, some_target(package, copy, lambda target: not target.is_memory_safe), line)


@pytest.mark.parametrize("line", ["let value = try! make()", "let value = other as! Int", 'fatalError("never")'])
def test_trap_is_found(package: dict, copy: pathlib.Path, line: str) -> None:
    assert breach(package, copy, some_target(package, copy, lambda _: True), line)


def test_dependency_on_a_target_in_tests_is_found(package: dict, copy: pathlib.Path) -> None:
    tests = next(described for described in package["targets"] if "Tests/" in (described.get("path") or ""))
    shipped = next(described for described in package["targets"] if described["type"] == "executable")
    planted = {**shipped, "dependencies": [{"byName": [tests["name"], None]}]}
    targets = [planted if described is shipped else described for described in package["targets"]]
    assert any("in Tests" in fault for fault in structure.faults(copy, {"targets": targets}))


def breach(package: dict, root: pathlib.Path, target: structure.Target, line: str) -> list[str]:
    """What is found once the line is in a file of the target."""
    file = target.path / "Breach.swift"
    file.write_text(line + "\n")
    try:
        return structure.faults(root, package)
    finally:
        file.unlink()
