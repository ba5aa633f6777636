#!/bin/sh
# Runs the tests of the running program: pytest in a virtual environment of its own (.build-venv), made when missing.
#   sh Tests/System/run.sh [PYTEST ARGUMENT]…      as in: sh Tests/System/run.sh test_http.py -k chunks
# WEIGHTSPACE names a program to test; without it one is built in release.
set -eu
cd "$(dirname "$0")/../.."
. Deploy/dependencies.sh
need python3 /usr/bin/python3 /usr/local/bin/python3 "$(command -v python3 || echo /nowhere)"
install_missing

venv=$PWD/.build-venv
if ! cmp -s Tests/System/requirements.txt "$venv/installed"; then
    if ! python3 -m venv "$venv" 2>/dev/null; then
        need python3-venv /nowhere
        install_missing
        python3 -m venv "$venv"
    fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r Tests/System/requirements.txt
    cp Tests/System/requirements.txt "$venv/installed"
fi
if [ -n "${WEIGHTSPACE:-}" ]; then
    WEIGHTSPACE=$(realpath "$WEIGHTSPACE")
    export WEIGHTSPACE
fi
cd Tests/System
exec "$venv/bin/python" -m pytest "$@"
