#!/bin/sh
# Checks the alerts and the dashboard: the rules by promtool and their unit tests; every metric and label that they name
# against what a running server says in /metrics; and that text against Prometheus' format.
#   sh Deploy/monitoring/check.sh [WEIGHTSPACE]     the program (built in release if not given)
set -eu
cd "$(dirname "$0")/../.."
. Deploy/reliability/server.sh
promtool=$(command -v promtool || echo .build/promtool/usr/bin/promtool)
if ! [ -x "$promtool" ]; then
    # Taken out of its package, which would also start a Prometheus on this machine.
    mkdir -p .build/promtool
    (cd .build/promtool && apt-get -o APT::Sandbox::User=root download -qq prometheus && dpkg -x prometheus_*.deb . && rm prometheus_*.deb)
fi
"$promtool" check rules Deploy/monitoring/alerts.yaml
"$promtool" test rules Deploy/monitoring/alerts_test.yaml
python3 Deploy/monitoring/check.py --rules >"$folder/dashboard.yaml"
"$promtool" check rules "$folder/dashboard.yaml"

weightspace=${1:-}
if [ -z "$weightspace" ]; then build_server; fi
start_server monitoring --log-level error --threads 1 --max-queue 1

# Every kind of series: answers, faults, requests that wait while /metrics is read, and refusals of a full queue.
fixtures=Tests/WeightspaceTests/Fixtures
post() { curl -s -o /dev/null --data-binary "@$fixtures/$1" "$url/v1/$2"; }
post net0.pth classify
post net0.npz encode
post net0.legacy.pth classify
clients=
for _ in 1 2 3 4 5 6 7 8; do
    curl -s -o /dev/null --data-binary "@$fixtures/net0.pth" "$url/v1/encode?timeout_ms=[10001-10100]" &
    clients="$clients $!"
done
for _ in 1 2 3 4 5 6 7 8 9 10; do curl -sf "$url/metrics" >>"$folder/metrics"; done
# shellcheck disable=SC2086  # a list of processes
wait $clients
curl -sf "$url/metrics" >"$folder/last"
"$promtool" check metrics <"$folder/last"
python3 Deploy/monitoring/check.py "$folder/metrics" "$folder/last"
