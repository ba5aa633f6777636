#!/bin/sh
# Builds Weightspace and serves on 127.0.0.1:8080. Arguments go to `weightspace serve`.
set -eu
cd "$(dirname "$0")/.."
. Deploy/dependencies.sh
install_missing

if [ ! -e .build/release ]; then echo "building; the first time takes about two minutes on two cores" >&2; fi
# The product alone, without tests. Its steps are shown on standard error, as they end; fetching packages is the first.
swift build -c release --product weightspace >&2
program=$(swift build -c release --show-bin-path)/weightspace
WEIGHTSPACE_COMMIT=${WEIGHTSPACE_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo unknown)}
export WEIGHTSPACE_COMMIT

# Where it will listen, unless a file of settings says otherwise.
port=${WEIGHTSPACE_PORT:-8080}
previous=
for argument in "$@"; do
    case "$previous $argument" in
        "--port "*) port=$argument ;;
        *" --port="*) port=${argument#--port=} ;;
    esac
    previous=$argument
done
cat >&2 <<END_OF_TEXT
Try it, from another terminal in $PWD:
    curl --data-binary @Tests/WeightspaceTests/Fixtures/net0.pth 'http://127.0.0.1:$port/v1/classify?top_k=1'
END_OF_TEXT
exec "$program" serve "$@"
