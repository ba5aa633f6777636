"""The image of Deploy/container, built and run by podman as an orchestrator would: as its own user, the root read-only,
without capabilities, memory, processes and files limited. As root on Debian or Ubuntu; about five minutes.

No registry is needed: the base is made by debootstrap, and the first stage of the Containerfile, which compiles, is
replaced by Deploy/stage.sh. BASE_IMAGE in the environment names another base.
"""

import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest

from rig.paths import BUILD, DEPLOY, FIXTURES
from rig.server import answers, free_port, request, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

IMAGE = "localhost/weightspace:test"
BASE = "localhost/weightspace-base:bookworm"
CLASSIFY = "/v1/classify?top_k=1"
UPLOAD = (FIXTURES / "net0.safetensors").read_bytes()
# A runtime and a storage that work inside of other containers too.
PODMAN = ["podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--storage-driver", "vfs",
          "--root", BUILD / "podman/root", "--runroot", BUILD / "podman/run"]

Podman = Callable[..., subprocess.CompletedProcess]


@pytest.fixture(scope="module")
def podman(need) -> Podman:
    if os.getuid() != 0:
        pytest.skip("needs root")
    need(podman="podman", runc="runc", debootstrap="debootstrap")

    def run(*arguments: object, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run([*PODMAN, *arguments], capture_output=True, text=True)
        assert done.returncode == 0 or not check, f"podman {arguments}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    return run


@pytest.fixture(scope="module")
def base(podman: Podman) -> str:
    if given := os.environ.get("BASE_IMAGE"):
        return given
    if podman("image", "exists", BASE, check=False).returncode != 0:
        folder = BUILD / "container/base"
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", folder], check=True, capture_output=True)
        shutil.rmtree(folder / "var/cache/apt")
        archive = folder.parent / "base.tar"
        subprocess.run(["tar", "-C", folder, "-cf", archive, "."], check=True)
        podman("import", archive, BASE)
        archive.unlink()
        shutil.rmtree(folder)
    return BASE


@pytest.fixture(scope="module")
def image(podman: Podman, base: str) -> str:
    context = BUILD / "container/context"
    shutil.rmtree(context, ignore_errors=True)
    (context / "Deploy").mkdir(parents=True)
    subprocess.run(["sh", DEPLOY / "stage.sh", context / "stage"], check=True)
    for name in ("container", "debian"):
        shutil.copytree(DEPLOY / name, context / "Deploy" / name)
    containerfile = (DEPLOY / "container/Containerfile").read_text()
    # The last stages, taking what the first would have made from the folder.
    last = re.sub(r"(?ms)^FROM \S+ AS builder$.*?^RUN sh Deploy/stage\.sh /stage$", "", containerfile)
    last = last.replace("COPY --from=builder /stage/usr", "COPY stage/usr")
    assert "builder" not in last, "the Containerfile has changed: adapt this test"
    (context / "Containerfile").write_text(last)
    podman("build", "--layers=false", "--isolation", "chroot", "--format", "docker", "--network", "host",
           "--build-arg", f"BASE_IMAGE={base}", "--build-arg", "COMMIT=test", "--tag", IMAGE, context)
    # What an earlier run has made.
    podman("image", "prune", "--force")
    return IMAGE


@pytest.fixture
def container(podman: Podman, image: str) -> Iterator["Container"]:
    container = Container(podman, image)
    yield container
    podman("rm", "--force", container.name)


class Container:
    def __init__(self, podman: Podman, image: str):
        self.podman, self.name, self.port = podman, "weightspace-test", free_port()
        podman("rm", "--force", "--ignore", self.name)
        podman("run", "--detach", "--name", self.name, "--network", "host", "--read-only", "--cap-drop=ALL",
               "--security-opt", "no-new-privileges", "--memory", "2g", "--pids-limit", "256",
               "--ulimit", "nofile=512:512", "--ulimit", "nproc=256:256",
               "--env", f"WEIGHTSPACE_PORT={self.port}", image)
        self.process = int(self.inspected("{{.State.Pid}}"))
        wait_until(lambda: answers(("127.0.0.1", self.port)), 30, "not ready")

    def inspected(self, format: str) -> str:
        return self.podman("inspect", self.name, "--format", format).stdout.strip()

    def status(self, name: str) -> str:
        text = pathlib.Path(f"/proc/{self.process}/status").read_text()
        return re.search(rf"^{name}:\s*(.*)$", text, re.MULTILINE)[1]

    def is_healthy(self) -> bool:
        """By the image's own health check."""
        return self.podman("healthcheck", "run", self.name, check=False).returncode == 0

    def get(self, path: str) -> str:
        status, body = request(self.port, path=path)
        assert status == 200
        return body.decode()


def test_image_holds_nothing_but_the_program(podman: Podman, image: str) -> None:
    described = json.loads(podman("inspect", image).stdout)[0]
    settings = described["Config"]
    assert settings["User"] == "65532:65532"
    assert settings["Entrypoint"] == ["/usr/bin/weightspace"]
    assert settings["Cmd"] == ["serve"]
    root = pathlib.Path(podman("image", "mount", image).stdout.strip())
    files = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
    podman("image", "unmount", image)
    assert not any(path.name in ("sh", "bash", "dpkg", "apt") for path in files)
    print(f"{described['Size'] >> 20} MB, {len(files)} files")


def test_runs_unprivileged_on_a_read_only_root(container: Container) -> None:
    assert container.status("Uid").split() == ["65532"] * 4
    assert int(container.status("CapEff"), 16) == int(container.status("CapBnd"), 16) == 0
    assert container.status("NoNewPrivs") == "1"
    assert container.status("Seccomp") == "2"
    mounts = pathlib.Path(f"/proc/{container.process}/mountinfo").read_text().splitlines()
    options = next(line.split()[5] for line in mounts if line.split()[4] == "/")
    assert options.split(",")[0] == "ro"
    assert container.is_healthy()
    status, body = request(container.port, "POST", CLASSIFY, UPLOAD)
    assert status == 200 and b'"label":"Ankle boot"' in body
    assert '"commit":"test"' in container.get("/version")
    assert '"openapi":"3.1.0"' in container.get("/openapi.json")
    assert "\nweightspace_ready 1" in container.get("/metrics")
    print("resident", container.status("VmRSS"))


def test_sigterm_under_load(podman: Podman, container: Container) -> None:
    """Every request is answered with 200 or 503 or never admitted, and the exit status is 0."""
    answered = threading.Event()

    def ask_until_refused(_: int) -> list[int]:
        statuses = []
        while not statuses or statuses[-1] == 200:
            try:
                statuses.append(request(container.port, "POST", CLASSIFY, UPLOAD)[0])
            except (OSError, http.client.HTTPException):
                statuses.append(0)
            answered.set()
        return statuses

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(ask_until_refused, number) for number in range(8)]
        assert answered.wait(10)
        podman("stop", "--time", "40", container.name)
        statuses = [status for client in clients for status in client.result()]
    assert container.inspected("{{.State.ExitCode}}") == "0"
    assert set(statuses) <= {200, 503, 0}
    assert statuses.count(200) > 0
    assert not container.is_healthy()
    print(f"{statuses.count(200)} requests answered")
