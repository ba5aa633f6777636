"""The Debian package in a fresh Debian 12, booted with systemd as process 1 in a container (systemd-nspawn, its own
network with nothing but loopback): what debian_machine.sh lists, which is the service's life, its sandbox, removal and
purge. As root, about three minutes; PACKAGE in the environment names a package, else it is built first."""

import os
import pathlib
import shutil
import subprocess

import pytest

from rig.paths import BUILD, DEPLOY, FIXTURES, SYSTEM

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

UNIT = """[Unit]
After=multi-user.target
SuccessAction=exit
FailureAction=exit
FailureActionExitStatus=1

[Service]
Type=oneshot
ExecStart=/bin/sh /test/machine.sh
StandardOutput=file:/test/log
StandardError=file:/test/log
TimeoutStartSec=300
"""


@pytest.fixture
def package() -> pathlib.Path:
    if given := os.environ.get("PACKAGE"):
        return pathlib.Path(given)
    build = ["sh", DEPLOY / "debian/build.sh", BUILD / "debian"]
    return pathlib.Path(subprocess.run(build, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


@pytest.fixture
def machine(need) -> pathlib.Path:
    """The root of a fresh Debian with systemd."""
    if os.getuid() != 0:
        pytest.skip("needs root")
    need(debootstrap="debootstrap", systemd_nspawn="systemd-container")
    base, root = BUILD / "debian-base", BUILD / "debian-test"
    if not (base / "complete").exists():
        shutil.rmtree(base, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,curl", "bookworm", base]
        subprocess.run(command, check=True, capture_output=True)
        (base / "complete").touch()
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["cp", "-a", base, root], check=True)
    yield root
    shutil.rmtree(root)


def test_package_lives_and_leaves(package: pathlib.Path, machine: pathlib.Path) -> None:
    nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--directory={machine}"]
    test = machine / "test"
    test.mkdir()
    shutil.copy(package, test / "weightspace.deb")
    shutil.copy(SYSTEM / "debian_machine.sh", test / "machine.sh")
    shutil.copy(FIXTURES / "net0.safetensors", test)
    # Only the libraries come over the network, and only now; the package itself is installed by the running machine.
    install = """apt-get update -qq
        depends=$(dpkg-deb --field /test/weightspace.deb Depends)
        DEBIAN_FRONTEND=noninteractive apt-get satisfy -y -qq --no-install-recommends "$depends" >/dev/null"""
    subprocess.run([*nspawn, "sh", "-ec", install], check=True)
    units = machine / "etc/systemd/system"
    (units / "package-test.service").write_text(UNIT)
    (units / "default.target.wants").mkdir(exist_ok=True)
    (units / "default.target.wants/package-test.service").symlink_to("../package-test.service")
    boot = subprocess.run([*nspawn, "--private-network", "--boot"], capture_output=True, text=True)
    log = (test / "log").read_text() if (test / "log").exists() else ""
    print(log)
    assert boot.returncode == 0, f"{log[-3000:]}{boot.stdout[-3000:]}"
    assert "removed and purged, nothing left" in log
