#!/bin/sh
# Everything that must hold before a change lands: format, structure, a build without warnings, all tests, the way from
# pictures to a trained model, and the running server under clients and requests that are not its own.
set -eu
cd "$(dirname "$0")/.."
. Deploy/dependencies.sh
command -v curl >/dev/null 2>&1 || missing="${missing:-} curl"
install_missing

echo "== format"
swift format lint --strict --recursive Package.swift Sources Tests
echo "== structure"
sh Deploy/check-structure.sh
sh Deploy/check-structure.sh --self-test
echo "== build and tests"
# Its own build folder: the settings differ from those of an ordinary build.
WEIGHTSPACE_STRICT=1 swift test --scratch-path .build-test "$@"
if [ $# -eq 0 ]; then
    echo "== training, from pictures to a model, in small"
    sh Deploy/train.sh --smoke
    echo "== the running server: conformance, standard clients, OpenAPI"
    sh Deploy/reliability/http.sh
    sh Deploy/reliability/clients.sh
    echo "== metrics, alerts and manifests"
    sh Deploy/monitoring/check.sh
    sh Deploy/kubernetes/validate.sh
    echo "== batch jobs"
    sh Deploy/batch/test.sh
fi
