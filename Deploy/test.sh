#!/bin/sh
# Everything that must hold before a change lands: format, a build without warnings, all unit tests, then Tests/System:
# structure, the running server under clients and requests that are not its own, metrics, alerts and manifests, batch
# jobs, and the way from pictures to a trained model.
#   sh Deploy/test.sh                       all of it, about ten minutes on two cores
#   sh Deploy/test.sh --filter NAME         arguments go to `swift test`, and nothing else is run
set -eu
cd "$(dirname "$0")/.."
. Deploy/dependencies.sh
need curl /usr/bin/curl /usr/local/bin/curl "$(command -v curl || echo /nowhere)"
install_missing

echo "== format"
swift format lint --strict --recursive Package.swift Sources Tests
echo "== build and unit tests"
# Its own build folder: the settings differ from those of an ordinary build.
WEIGHTSPACE_STRICT=1 swift test --scratch-path .build-test "$@"
if [ $# -eq 0 ]; then
    echo "== steps access memory as they declare"
    # The tests that record plans once more, with checks that make them five times slower (Sources/Engine/StepChecks.swift).
    WEIGHTSPACE_STRICT=1 WEIGHTSPACE_CHECK_STEPS=1 swift test --scratch-path .build-test --skip-build \
        --filter 'EngineTests|NeuralFunctionalsTests|ModelStoreTests|TrainingTests'
    echo "== tests of the running program"
    sh Tests/System/run.sh
fi
