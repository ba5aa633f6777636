"""The way from pictures to a trained model, in small: Deploy/train.sh --smoke."""

import subprocess

import pytest

from rig.paths import DEPLOY


@pytest.mark.timeout(2400)
def test_train_sh() -> None:
    command = ["sh", DEPLOY / "train.sh", "--smoke"]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert run.returncode == 0, run.stdout[-5000:]
    print(*(line for line in run.stdout.splitlines() if line.startswith("smoke")))
