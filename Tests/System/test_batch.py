"""The batch examples as their schedulers run them: every task of the Slurm array, one of them killed on the way and
queued again, and every pod of the Kubernetes Job. The parts, joined, must be what one run over everything makes. The
slow test starts a Slurm of one node for it, as root, in about two minutes."""

import json
import os
import pathlib
import re
import secrets
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator

import numpy
import pytest
import yaml

from rig.paths import DEPLOY, FIXTURES
from rig.server import free_port, wait_until

# More than a part saves at a time (4096 files), so that one that is killed has something to go on from.
COUNT = 12_000
SCRIPT = DEPLOY / "batch/slurm-array.sh"
SETTINGS = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
MinJobAge=3600
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} RealMemory=2048 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


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
    """With the variables that Slurm sets; test_real_slurm has a real one."""
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


Slurm = Callable[..., str]


@pytest.fixture
def slurm(need, tmp_path: pathlib.Path) -> Iterator[Slurm]:
    """Runs a command of Slurm's, such as `slurm("squeue")`, in a cluster of this machine alone."""
    if os.getuid() != 0:
        pytest.skip("needs root")
    need(slurmctld="slurm-wlm", munged="munge")
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o711)
    host = socket.gethostname().partition(".")[0]
    processors = len(os.sched_getaffinity(0))
    settings = tmp_path / "slurm.conf"
    settings.write_text(SETTINGS.format(
        host=host, control_port=free_port(), node_port=free_port(), folder=tmp_path, processors=processors))
    key = tmp_path / "munge.key"
    key.touch(0o600)
    key.write_bytes(secrets.token_bytes(1024))
    munge = [f"--{name}={tmp_path}/munge.{kind}" for name, kind in {
        "key-file": "key", "socket": "socket", "log-file": "log", "pid-file": "pid", "seed-file": "seed"}.items()]
    path = os.environ["PATH"] + ":/usr/sbin"
    environment = {**os.environ, "SLURM_CONF": str(settings), "PATH": path}
    started = []

    def start(*command: object) -> None:
        with (tmp_path / f"{command[0]}.out").open("wb") as output:
            started.append(subprocess.Popen(command, env=environment, stdout=output, stderr=output))

    def run(*command: object) -> str:
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    def is_idle() -> bool:
        shown = subprocess.run(["sinfo", "--noheader", "--format=%T"], env=environment, capture_output=True, text=True)
        return shown.stdout.strip() == "idle"

    try:
        start("munged", "--foreground", "--force", *munge)
        wait_until((tmp_path / "munge.socket").exists, 10, "munged did not start")
        start("slurmctld", "-D")
        start("slurmd", "-D")
        wait_until(is_idle, 60, "the node is not idle")
        yield run
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_real_slurm(
    program: pathlib.Path, slurm: Slurm, networks: pathlib.Path, whole: numpy.ndarray, tmp_path: pathlib.Path
) -> None:
    output = tmp_path / "latents"
    job = slurm(
        "sbatch", "--parsable", "--array=0-1", f"--export=ALL,WEIGHTSPACE={program}",
        f"--output={tmp_path}/task-%a.log", f"--chdir={tmp_path}", SCRIPT, networks, output).strip()

    def states() -> dict[str, str]:
        shown = slurm("squeue", "--noheader", "--array", "--states=all", f"--jobs={job}", "--format=%K %T")
        return dict(line.split() for line in shown.splitlines())

    wait_until(lambda: list(output.glob(".latents-*.partial")), 120, "nothing was saved on the way")
    running = next(index for index, state in states().items() if state == "RUNNING")
    # As preemption would.
    slurm("scontrol", "requeue", f"{job}_{running}")
    wait_until(lambda: states()[running] == "PENDING", 60, f"task {running} was not queued again")
    # Slurm waits two minutes before it starts such a task again; its administrator need not.
    slurm("scontrol", "update", f"JobId={job}_{running}", "StartTime=now")
    wait_until(lambda: set(states().values()) <= {"COMPLETED", "FAILED"}, 600, "the array does not end")
    logs = {path.name: path.read_text()[-500:] for path in tmp_path.glob("task-*.log")}
    assert states() == {str(index): "COMPLETED" for index in range(2)}, logs
    assert_joined(output, 2, whole)
