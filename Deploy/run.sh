#!/bin/sh
# Builds Weightspace and serves on 127.0.0.1:8080. Arguments go to `weightspace serve`.
set -eu
cd "$(dirname "$0")/.."
. Deploy/dependencies.sh
install_missing
swift build -c release --product weightspace
WEIGHTSPACE_COMMIT=${WEIGHTSPACE_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo unknown)}
export WEIGHTSPACE_COMMIT
exec "$(swift build -c release --show-bin-path)/weightspace" serve "$@"
