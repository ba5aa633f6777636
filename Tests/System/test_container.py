#!/bin/sh
# Builds the image's last stages from Deploy/container/Containerfile and runs it as an orchestrator would: as its own user,
# the root read-only, no privileges to gain, memory and files limited. Needs no container daemon and no registry: buildah
# builds without a runtime (--isolation chroot) on a base made by debootstrap, and the program runs under chroot. The
# first stage is not built; what it runs, Deploy/stage.sh, is. As root on Debian or Ubuntu, about two minutes.
#   [BASE_IMAGE=…] [PORT=18480] sh Deploy/container/test.sh
set -eu
cd "$(dirname "$0")/../.."
. Deploy/dependencies.sh
need buildah /usr/bin/buildah
need debootstrap /usr/sbin/debootstrap
need curl /usr/bin/curl
install_missing
port=${PORT:-18480}
url=http://127.0.0.1:$port
fixture=Tests/WeightspaceTests/Fixtures/net0.safetensors
work=$PWD/.build/container
rm -rf "$work"
mkdir -p "$work/Deploy"
fail() {
    echo "FAILED: $*" >&2
    cat "$work/log" >&2 || true
    exit 1
}

base=${BASE_IMAGE:-localhost/weightspace-base:bookworm}
if [ "$base" = localhost/weightspace-base:bookworm ] && ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    nice debootstrap --variant=minbase bookworm "$work/base" >/dev/null
    rm -rf "$work"/base/var/cache/apt/* "$work"/base/var/lib/apt/lists/*
    container=$(buildah from scratch)
    buildah copy --quiet "$container" "$work/base" / >/dev/null
    buildah commit --quiet --rm "$container" "$base" >/dev/null
    rm -rf "$work/base"
fi

sh Deploy/stage.sh "$work/stage"
cp -R Deploy/container Deploy/debian "$work/Deploy/"
# The last stages, taking what the first would have made from the folder.
sed -e '/ AS builder$/,/^RUN sh Deploy.stage.sh/d' -e 's|COPY --from=builder /stage/usr|COPY stage/usr|' \
    Deploy/container/Containerfile >"$work/Containerfile"
if grep -q builder "$work/Containerfile"; then fail "the Containerfile has changed: adapt this script"; fi
nice buildah build --isolation chroot --format docker --network host --file "$work/Containerfile" \
    --build-arg BASE_IMAGE="$base" --build-arg COMMIT=test --tag localhost/weightspace:test "$work" >"$work/log" 2>&1 \
    || fail "build"
size() { buildah images --format '{{.Size}}' "$1"; }
echo "ok: built; $(size localhost/weightspace:test) on a base of $(size "$base")"

container=$(buildah from --pull-never localhost/weightspace:test)
server=
finish() {
    if [ -n "$server" ]; then kill -KILL "$server" 2>/dev/null || true; fi
    buildah rm "$container" >/dev/null
}
trap finish EXIT
root=$(buildah mount "$container")
configured() { buildah inspect --format "{{range .Docker.Config.$1}}{{println .}}{{end}}" "$container"; }
user=$(buildah inspect --format '{{.Docker.Config.User}}' "$container")
test "$user" = 65532:65532 || fail "runs as '$user'"
test "$(configured Entrypoint | head -1)" = /usr/bin/weightspace || fail "entry point"
health=$(buildah inspect --format '{{range .Docker.Config.Healthcheck.Test}}{{println .}}{{end}}' "$container" | sed 1d)
test ! -e "$root/bin/sh" || fail "there is a shell"

# inside COMMAND…: with the image's environment and user, its root read-only with an own /proc and nothing else mounted.
# (exec all along: the process that starts is the program, as process 1 of a container would be.)
inside() {
    # shellcheck disable=SC2046,SC2016  # the environment's words; the inner shell's variables
    exec env -i $(configured Env) WEIGHTSPACE_PORT="$port" unshare --mount sh -ec '
        root=$1 user=$2
        shift 2
        mount --bind "$root" "$root"
        mount -o remount,bind,ro "$root"
        mount -t proc -o ro proc "$root/proc"
        exec prlimit --nofile=512 --nproc=256 --as=2147483648 --core=0 \
            setpriv --no-new-privs chroot --userspec="$user" --groups= "$root" "$@"' inside "$root" "$user" "$@"
}
# shellcheck disable=SC2086  # the health check's words, here and below
if (inside $health) 2>/dev/null; then fail "healthy before it runs"; fi
(inside /usr/bin/weightspace serve) >"$work/log" 2>&1 &
server=$!
tries=0
until curl -sf --max-time 2 $url/readyz >/dev/null; do
    kill -0 $server 2>/dev/null || fail "ended"
    tries=$((tries + 1))
    test $tries -lt 300 || fail "not ready"
    sleep 0.1
done
test "$(sed -n 's/^Uid:[^0-9]*\([0-9]*\).*/\1/p' /proc/$server/status)" = 65532 || fail "runs as another user"
awk '$5 == "/" { print $6 }' /proc/$server/mountinfo | tail -1 | grep -q '^ro' || fail "the root can be written to"
# shellcheck disable=SC2086
(inside $health) >/dev/null || fail "the health check"
curl -sf --data-binary @$fixture "$url/v1/classify?top_k=1" | grep -q '"label":"Ankle boot"' || fail "classify"
curl -sf $url/version | grep -q '"commit":"test"' || fail "/version does not know the commit"
curl -sf $url/openapi.json | grep -q '"openapi":"3.1.0"' || fail "/openapi.json"
curl -sf $url/metrics | grep -q '^weightspace_ready 1' || fail "metrics"
echo "ok: health, classify and metrics, as user 65532 on a read-only root; resident \
$(sed -n 's/VmRSS:[^0-9]*//p' /proc/$server/status)"

# Eight connections at work when SIGTERM comes: nobody is told of an error, and the process exits 0.
for i in 1 2 3 4 5 6 7 8; do
    curl -s -o /dev/null -w "%{http_code}\n" --data-binary @$fixture \
        "$url/v1/classify?timeout_ms=[1001-1400]" >"$work/client.$i" 2>/dev/null &
    clients="${clients:-} $!"
done 2>/dev/null
sleep 0.3
kill -TERM $server
status=0
wait $server || status=$?
server=
test $status -eq 0 || fail "exit status $status after SIGTERM"
# shellcheck disable=SC2086  # a list of processes
wait $clients || true
answered=$(cat "$work"/client.* | grep -c '^200$')
others=$(cat "$work"/client.* | grep -vcE '^(200|503|000)$') || true
test "$others" -eq 0 || fail "$others answers were neither 200 nor 503"
# shellcheck disable=SC2086
if (inside $health) 2>/dev/null; then fail "healthy after its end"; fi
echo "ok: SIGTERM under load, exit status 0; $answered requests answered"
