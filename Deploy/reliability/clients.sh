#!/bin/sh
# Asks the running server through the clients that people have, checks what it says of itself in /openapi.json with
# generated requests. About a minute after the build; TIME=SECONDS for more of them.
#   sh Deploy/reliability/clients.sh
set -eu
cd "$(dirname "$0")/../.."
. Deploy/reliability/server.sh
build_server
make_venv
fixtures=Tests/WeightspaceTests/Fixtures

start_server clients --log-level warning
echo "== clients of the Open Inference Protocol"
"$venv/bin/python" Deploy/reliability/clients.py "$url" "$fixtures/net0.npz" "$fixtures/net2.npz"
echo "== OpenAPI"
if ! "$venv/bin/st" --config-file Deploy/reliability/schemathesis.toml run "$url/openapi.json" -c all \
    --max-time "${TIME:-30}" --continue-on-failure >"$folder/openapi.log" 2>&1; then
    cat "$folder/openapi.log" >&2
    exit 1
fi
grep -E "generated" "$folder/openapi.log"
kill "$server"
wait "$server"
echo "the server ended with status 0"
