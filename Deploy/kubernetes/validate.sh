#!/bin/sh
# Checks the manifests beside it: against Kubernetes' own schemas, strictly, and against each other and the program. First
# that the check finds planted mistakes.
#   sh Deploy/kubernetes/validate.sh
set -eu
cd "$(dirname "$0")/../.."
python=.build/venv-kubernetes/bin/python
if ! [ -x $python ] || ! cmp -s Deploy/kubernetes/requirements.txt .build/venv-kubernetes/installed; then
    python3 -m venv .build/venv-kubernetes
    $python -m pip install --quiet --disable-pip-version-check -r Deploy/kubernetes/requirements.txt
    cp Deploy/kubernetes/requirements.txt .build/venv-kubernetes/installed
fi
$python Deploy/kubernetes/validate.py --self-test
$python Deploy/kubernetes/validate.py
