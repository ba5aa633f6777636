"""Holds the tree to its manifest: what a target imports, where unsafe code and traps may be. Needs no build.

    python3 Tests/System/rig/structure.py [FOLDER]

The rules, with all names from `swift package dump-package`:
1. A target imports no module of this package or of its products that it does not declare as a dependency, and nothing
   in Sources depends on a target in Tests.
2. Targets in Sources with strict memory safety have no raw memory and no unchecked promises. (The compiler reports only
   what is not marked `unsafe`.)
3. Sources have no traps that input could reach: `try!`, `as!`, `fatalError`.
"""

import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

IMPORT = re.compile(r"^\s*(?:@\w+\s+|(?:public|package|internal|private|fileprivate)\s+)*import\s+(?:\w+\s+)?(\w+)")
UNSAFE = re.compile(r"Unsafe[A-Z]|withUnsafe|@unchecked Sendable|unsafeBitCast|nonisolated\(unsafe\)")
TRAP = re.compile(r"\btry!|\bas!|\bfatalError\(")


class Target:
    def __init__(self, described: dict, root: pathlib.Path):
        self.name: str = described["name"]
        parent = "Tests" if described["type"] == "test" else "Sources"
        self.path = root / (described.get("path") or f"{parent}/{self.name}")
        self.is_shipped = self.path.is_relative_to(root / "Sources")
        # Each is {"byName": [name, …]}, {"product": [name, …]} or {"target": [name, …]}.
        self.dependencies = {name for entry in described["dependencies"] for name, *_ in entry.values()}
        self.is_memory_safe = any("strictMemorySafety" in setting["kind"] for setting in described["settings"])

    def lines(self) -> Iterator[tuple[str, str]]:
        """Place and text of every line of Swift."""
        for file in sorted(self.path.rglob("*.swift")):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                yield f"{file}:{number}", line


def manifest(root: pathlib.Path) -> dict:
    command = ["swift", "package", "dump-package", "--package-path", str(root)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def faults(root: pathlib.Path, package: dict | None = None) -> list[str]:
    """What breaks the rules in the tree; `package` is its manifest, where that is known already."""
    targets = [Target(described, root) for described in (package or manifest(root))["targets"]]
    # Modules of other packages are known by the products that some target declares.
    modules = {target.name for target in targets}.union(*(target.dependencies for target in targets))
    in_tests = {target.name for target in targets if not target.is_shipped}
    found = []
    for target in targets:
        if target.is_shipped:
            found += [f"{target.name} depends on {name}, a target in Tests"
                      for name in sorted(target.dependencies & in_tests)]
        for place, line in target.lines():
            imported = IMPORT.match(line)
            if imported and imported[1] in modules - target.dependencies - {target.name}:
                found.append(f"{place}: {target.name} imports {imported[1]}, which it does not declare")
            if target.is_shipped and target.is_memory_safe and UNSAFE.search(line):
                found.append(f"{place}: unsafe code in {target.name}, which is memory-safe: {line.strip()}")
            if target.is_shipped and TRAP.search(line):
                found.append(f"{place}: a trap: {line.strip()}")
    return found


if __name__ == "__main__":
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[3]
    found = faults(root.resolve())
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
