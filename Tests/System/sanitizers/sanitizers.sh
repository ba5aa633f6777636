#!/bin/sh
# Runs the tests with a sanitizer: address finds accesses out of bounds and after free, thread finds races. Some ten minutes.
#   sh Tests/System/sanitizers/sanitizers.sh address|thread [swift test's options]
set -eu
cd "$(dirname "$0")/../../.."
. Deploy/dependencies.sh
install_missing
sanitizer=${1:?usage: sh Tests/System/sanitizers/sanitizers.sh address|thread}
shift
folder=.build-$sanitizer
swift build --build-tests --sanitize="$sanitizer" --scratch-path "$folder"
# Models live until the process ends, referenced in ways that the leak detector does not follow.
export ASAN_OPTIONS=detect_leaks=0
if [ "$sanitizer" = thread ]; then
    "$(dirname "$(realpath "$(command -v swift)")")/clang" -shared -fPIC -O1 -Wall -Wextra -o "$folder/tsan_mutex.so" \
        Tests/System/sanitizers/tsan_mutex.c
    # A race that it must find, and the same program without one.
    swiftc -sanitize=thread Tests/System/sanitizers/race.swift -o "$folder/race"
    export LD_PRELOAD="$PWD/$folder/tsan_mutex.so"
    if "$folder/race" racing >/dev/null 2>&1; then
        echo "the sanitizer does not see a race" >&2
        exit 1
    fi
    "$folder/race" >/dev/null
fi
exec swift test --skip-build --sanitize="$sanitizer" --scratch-path "$folder" "$@"
