#!/bin/sh
# Proves the HTTP side of the running server: every case of conformance in four ways, and a comparison with two other
# parsers. About half a minute after the build.
#   sh Deploy/reliability/http.sh          what CI runs; SEED=N and COUNT=N for other mutations and more of them
#   sh Deploy/reliability/http.sh all      also behind nginx and HAProxy, slow clients and broken ones: some minutes
set -eu
cd "$(dirname "$0")/../.."
. Deploy/reliability/server.sh
build_server
make_venv
# shellcheck disable=SC3045  # every sh of Linux has it
ulimit -n "$(ulimit -Hn)"

start_server http --log-level warning
echo "== cases"
python3 Deploy/reliability/http_cases.py --self-test
python3 Deploy/reliability/http_cases.py "$url"
echo "== comparison with h11 and llhttp"
"$venv/bin/python" Deploy/reliability/http_differential.py --self-test
"$venv/bin/python" Deploy/reliability/http_differential.py "$url" --seed "${SEED:-1}" --count "${COUNT:-20000}"
kill "$server"
wait "$server"
echo "the server ended with status 0"

if [ "${1:-}" = all ]; then
    sh Deploy/reliability/proxies.sh
    sh Deploy/reliability/slow.sh
    start_server broken --log-level warning
    python3 Deploy/reliability/broken_clients.py "$url" "$weightspace"
fi
