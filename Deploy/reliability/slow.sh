#!/bin/sh
# A thousand slow clients at a time, in slowhttptest's three ways, while a probe asks for /livez and a classification:
# the service must stay available. About two minutes.
#   sh Deploy/reliability/slow.sh [SECONDS]     for each way; 30
set -eu
cd "$(dirname "$0")/../.."
. Deploy/reliability/server.sh
need slowhttptest /usr/bin/slowhttptest
install_missing
build_server
# shellcheck disable=SC3045  # every sh of Linux has it
ulimit -n "$(ulimit -Hn)"
seconds=${1:-30}
clients=1000

# memory: the server's resident megabytes.
memory() {
    awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$server/status"
}

# slow NAME PATH OPTION…: fails where slowhttptest's own probe or ours was not answered.
slow() {
    name=$1
    path=$2
    shift 2
    echo "== $name, $clients connections, $seconds s"
    before=$(memory)
    python3 Deploy/reliability/probe.py "$url" "$seconds" >"$folder/probe.out" &
    probe=$!
    slowhttptest "$@" -c $clients -r 250 -l "$seconds" -p 3 -u "$url$path" 2>&1 |
        sed 's/\x1b\[[0-9;]*[A-Za-z]//g' >"$folder/slow.out"
    status=0
    wait "$probe" || status=$?
    cat "$folder/probe.out"
    peak=$(sed -n 's/.*connected: *\([0-9]*\).*/\1/p' "$folder/slow.out" | sort -n | tail -1)
    echo "at most ${peak:-0} connected at a time; memory $before MB before, $(memory) MB after"
    if [ "$status" != 0 ] || grep -q 'service available: *NO' "$folder/slow.out"; then
        echo "failed: the service was not available" >&2
        exit 1
    fi
    if [ "${peak:-0}" -lt $((clients / 2)) ]; then
        echo "failed: too few connections to prove anything" >&2
        exit 1
    fi
}

start_server slow --log-level warning
slow "slow heads" /livez -H -i 3 -x 24
slow "slow bodies" /v1/classify -B -i 3 -s 8192 -x 10 -t POST
slow "slow reading" /v1/models/fashion-mnist/example -X -w 1 -y 16 -n 5 -z 32 -k 3
