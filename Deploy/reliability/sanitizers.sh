#!/bin/sh
# Runs the tests with a sanitizer: address finds uses of memory that is not theirs, thread finds races. Some ten minutes.
#   sh Deploy/reliability/sanitizers.sh address|thread [swift test's options]
set -eu
cd "$(dirname "$0")/../.."
. Deploy/dependencies.sh
install_missing
sanitizer=${1:?usage: sh Deploy/reliability/sanitizers.sh address|thread}
shift
# Models live until the process ends, by references that the leak detector does not follow.
export ASAN_OPTIONS=detect_leaks=0
exec swift test --sanitize="$sanitizer" --scratch-path ".build-$sanitizer" "$@"
