"""What the tests share: the program, servers on free ports, and the options of the long ones."""

import contextlib
import os
import pathlib
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

from rig.paths import DEPLOY, ROOT
from rig.server import Server


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("weightspace")
    group.addoption("--seed", type=int, default=1, help="of the mutated requests in test_http.py")
    group.addoption("--count", type=int, default=20_000, help="number of mutated requests in test_http.py")
    group.addoption("--openapi-seconds", type=int, default=30, help="how long test_clients.py makes up requests")
    group.addoption("--openapi-seed", type=int, default=1, help="of the requests that test_clients.py makes up")
    group.addoption("--minutes", type=float, default=60, help="length of test_soak.py; memory settles within ten")
    group.addoption("--seconds", type=float, default=60, help="length of each test in test_fleet.py")
    group.addoption("--rate", type=float, default=25, help="requests a second in test_fleet.py")
    group.addoption("--every", type=float, default=10, help="seconds between two kills in test_fleet.py")
    group.addoption("--stops", type=int, default=50, help="number of ends in test_stops.py")
    group.addoption("--rounds", type=int, default=4, help="number of rounds in test_overload.py")


@pytest.fixture(scope="session", autouse=True)
def all_descriptors() -> None:
    """Tests open thousands of connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(scope="session")
def program() -> pathlib.Path:
    """The program: of the environment variable WEIGHTSPACE, else built in release."""
    if given := os.environ.get("WEIGHTSPACE"):
        return pathlib.Path(given).resolve()
    build = ["swift", "build", "-c", "release", "--product", "weightspace"]
    subprocess.run(build, cwd=ROOT, check=True)
    shown = subprocess.run([*build, "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True)
    return pathlib.Path(shown.stdout.strip()) / "weightspace"


StartServer = Callable[..., Server]


@pytest.fixture
def start_server(program: pathlib.Path, tmp_path: pathlib.Path) -> Iterator[StartServer]:
    """Starts servers, `start_server(*flags)`, that end with the test."""
    with contextlib.ExitStack() as stack:
        count = 0

        def start(*flags: str, **options) -> Server:
            nonlocal count
            count += 1
            log = tmp_path / f"server-{count}.log"
            return stack.enter_context(Server(program, log, *flags, **options))

        yield start


@pytest.fixture(scope="module")
def server(program: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests of a file. At the end it must stop with the exit status 0."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with Server(program, log, "--log-level", "warning") as server:
        yield server
        assert server.end() == 0, log.read_text()[-2000:]


@pytest.fixture(scope="session")
def need() -> Callable[..., None]:
    """`need(PROGRAM=PACKAGE, …)`: installs Debian packages whose programs are missing."""

    def install(**packages: str) -> None:
        # Debian has some programs outside of an ordinary user's path.
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        missing = [package for name, package in packages.items() if not shutil.which(name.replace("_", "-"), path=path)]
        if missing:
            script = f". Deploy/dependencies.sh; missing='{' '.join(missing)}'; install_missing"
            subprocess.run(["sh", "-euc", script], cwd=DEPLOY.parent, check=True)

    return install


@pytest.fixture(scope="session")
def pytorch(need: Callable[..., None]) -> str:
    """Debian's Python, with its PyTorch."""
    python = "/usr/bin/python3"
    for module, package in {"torch": "python3-torch", "requests": "python3-requests"}.items():
        if subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode != 0:
            need(**{f"module_{module}": package})
    return python
