#!/bin/sh
# Measures Weightspace and its alternatives (PyTorch, ONNX Runtime, OpenVINO, Hummingbird, nginx) in turns, in one run with
# nothing else running. Writes this processor's section of Docs/Performance.md, its pictures and its shares of the
# machine's rate in Tests/Performance/ratios, then compares these with the file that stood there: fails where one fell by more
# than 10 %. About 20 minutes, after the first run has installed PyTorch and built Hummingbird.
#   sh Tests/Performance/benchmark.sh [PYTHON]     PYTHON has torch, nfn, einops, onnx, onnxscript, onnxruntime, openvino and
#                                       matplotlib; without it they are installed from PyPI into .build/peers
set -eu
cd "$(dirname "$0")/../.."
. Deploy/dependencies.sh
need curl /usr/bin/curl
need wrk /usr/bin/wrk
need nginx-light /usr/sbin/nginx
install_missing
swift build -c release --product weightspace
weightspace=$(swift build -c release --show-bin-path)/weightspace
python=${1:-.build/peers/bin/python}
if [ ! -x "$python" ]; then
    python3 -m venv .build/peers
    .build/peers/bin/pip install --quiet torch numpy einops nfn onnx onnxscript onnxruntime matplotlib
fi
if [ $# -eq 0 ] && ! "$python" -c 'import openvino' 2>/dev/null; then
    # Not built for every processor; without it its column stays empty.
    "$python" -m pip install --quiet openvino || echo "OpenVINO cannot be installed: left out" >&2
fi
swift build -c release --package-path Tests/Performance/peers/hello --scratch-path .build/hello
hello=$(swift build -c release --package-path Tests/Performance/peers/hello --scratch-path .build/hello --show-bin-path)/hello
cc -shared -fPIC -O2 -o .build/allocations.so Tests/Performance/allocations.c
lines=.build/benchmark.jsonl
: >"$lines"

# ours SECTION ARGUMENT…, peers SECTION ARGUMENT…: adds JSON lines, each with the member "section".
mark() { sed -n "s/^{/{\"section\":\"$1\",/p" | tee -a "$lines"; }
ours() {
    section=$1
    shift
    "$weightspace" bench "$@" --json | mark "$section"
}
peers() {
    section=$1
    shift
    # Passive waiting: threads of one library that spin would slow the other's.
    if ! OMP_WAIT_POLICY=PASSIVE "$python" Tests/Performance/peers/models.py "$@" >.build/peers.out 2>.build/peers.log; then
        tail -5 .build/peers.log >&2
        exit 1
    fi
    mark "$section" <.build/peers.out
}

for model in paper small; do
    ours $model model --model $model --batch 1,16
    peers $model $model --train --fit
    ours $model model --model $model --batch 1,16
    ours $model train --model $model --repeat 3
done
ours nft train --model nft --threads 1,2 --repeat 5
ours small fit --repeat 3
ours cores model --model paper --batch 16 --threads 1,2
ours widths model --model small --width 16,32,64,128,256,512 --batch 1 --threads 1,2 --repeat 3
ours kernels kernels
ours layers layers
ours formats formats
for model in paper small fashion-mnist; do
    LD_PRELOAD=$PWD/.build/allocations.so "$weightspace" bench allocations --model $model --json | mark allocations
done

# serve ARGUMENT…: a service in the background, ready, as $server.
serve() {
    "$weightspace" serve --host 127.0.0.1 --port $port --log-level error "$@" 2>/dev/null &
    server=$!
    until curl -sf "http://127.0.0.1:$port/readyz" >/dev/null; do kill -0 $server; done
}
# finish NAME: notes the memory of the service, which is then stopped.
finish() {
    echo "{\"what\":\"$1\",\"peak_kilobytes\":$(sed -n 's/VmHWM:[^0-9]*\([0-9]*\).*/\1/p' /proc/$server/status)}" | mark memory
    kill $server
    wait $server || true
    server=
}

# The service: its start, requests one after the other, the highest rate, then fractions of that rate.
port=18080
"$python" Tests/Performance/peers/process.py start http://127.0.0.1:$port/readyz \
    "$weightspace" serve --host 127.0.0.1 --port $port --log-level error | mark start
server=
peer=
nginx=
trap 'kill $server $peer $nginx 2>/dev/null || true' EXIT
serve
"$hello" $((port + 1)) 2>/dev/null &
peer=$!
until curl -sf "http://127.0.0.1:$((port + 1))/hello" >/dev/null; do kill -0 $peer; done
classify=http://127.0.0.1:$port/v1/classify
body=Tests/WeightspaceTests/Fixtures/net0.safetensors
ours served server $classify --body $body --connections 1 --duration 10
ours embedded model --model fashion-mnist --batch 1,16 --threads 1,2 --repeat 100
ours saturated server $classify --body $body --connections 16 --duration 10
ours embedded model --model fashion-mnist --batch 1,16 --threads 1,2 --repeat 100
ours served server $classify --body $body --connections 1 --duration 10
ours saturated server $classify --body $body --connections 16 --duration 10
rate=$(sed -n 's/.*"section":"saturated".*"answers_per_second":\([0-9.]*\).*/\1/p' "$lines" | tail -1)
for share in 25 50 75 90 100 125; do
    ours "open $share" server $classify --body $body --connections 64 --duration 8 \
        --rate "$(awk -v r="$rate" -v s=$share 'BEGIN { printf "%.1f", r * s / 100 }')"
done
# hello NAME URL: answers a second over 64 connections.
hello() {
    echo "{\"what\":\"$1\",\"answers_per_second\":$(wrk -t2 -c64 -d5 "$2" | sed -n 's/Requests\/sec: *//p')}" | mark livez
}
cat >.build/nginx.conf <<CONF
worker_processes auto;
pid $PWD/.build/nginx.pid;
error_log /dev/null;
events {}
http {
    access_log off;
    server {
        listen 127.0.0.1:$((port + 2));
        location / { return 200 "ok\n"; }
    }
}
CONF
/usr/sbin/nginx -c "$PWD/.build/nginx.conf" -g 'daemon off;' &
nginx=$!
until curl -sf "http://127.0.0.1:$((port + 2))/" >/dev/null; do kill -0 $nginx; done
for _ in 1 2 3; do
    hello Hummingbird "http://127.0.0.1:$((port + 1))/hello"
    hello Weightspace "http://127.0.0.1:$port/livez"
    hello nginx "http://127.0.0.1:$((port + 2))/"
done
kill $peer $nginx
peer=
nginx=
finish serve

# Larger models at the highest rate, in turns with the same model outside of a service.
for model in small paper; do
    "$weightspace" bench model --model $model --write .build/benchmark-models/$model
    serve --no-embedded --models .build/benchmark-models/$model
    for _ in 1 2; do
        ours "saturated $model" server "http://127.0.0.1:$port/v1/encode" --body $body --connections 16 --duration 12
        ours "unserved $model" model --model $model --batch 16
    done
    finish "serve $model"
done

ratios=Tests/Performance/ratios/$("$python" Tests/Performance/sections.py).jsonl
earlier=.build/ratios-earlier.jsonl
rm -f "$earlier"
if [ -e "$ratios" ]; then cp "$ratios" "$earlier"; fi
"$python" Tests/Performance/performance.py "$lines" Docs "$ratios"
if [ -e "$earlier" ]; then "$weightspace" bench compare "$earlier" "$ratios"; fi
