#!/bin/sh
# Run by test_debian.py inside the machine that it boots, as root under systemd: every line that begins with "ok" was tried.
set -eu
url=http://127.0.0.1:8080
settings=/etc/default/weightspace
overrides=/run/systemd/system/weightspace.service.d

ok() { echo "ok: $*"; }
fail() {
    echo "FAILED: $*"
    systemctl status --no-pager weightspace.service || true
    journalctl --no-pager -n 40 -u weightspace.service || true
    exit 1
}
# eventually SECONDS COMMAND…: tries it ten times a second until it succeeds.
eventually() {
    tries=$(($1 * 10))
    shift
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        if [ $tries -le 0 ]; then return 1; fi
        sleep 0.1
    done
}
property() { systemctl show --value --property "$1" weightspace.service; }
is() { test "$(property "$1")" = "$2"; }
ready() { curl -sf --max-time 2 $url/readyz; }
classify() {
    curl -sf --max-time 10 --data-binary @/test/net0.safetensors "$url/v1/classify?top_k=1" | grep -q '"label":"Ankle boot"'
}
restarted() { ready && test "$(property MainPID)" != "$before"; }
# What is on the disk, but for logs, caches and what dpkg and systemd note in passing.
files() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /test \
        -o -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/systemd -o -path /var/lib/dpkg \
        \) -prune -o ! -name '*.dpkg-old' ! -path '/etc/*-' -print | LC_ALL=C sort
}

files >/test/before
getent passwd | sort >/test/users-before

DEBIAN_FRONTEND=noninteractive apt-get install -y -qq /test/weightspace.deb >/test/apt 2>&1 \
    || { cat /test/apt; fail "apt install"; }
systemd-analyze verify --man=no weightspace.service weightspace.socket 2>/test/verify || { cat /test/verify; fail verify; }
if grep weightspace /test/verify; then fail "systemd-analyze verify has remarks"; fi
ok "installed; systemd-analyze verify is silent"
systemctl is-enabled --quiet weightspace.service || fail "not enabled"
eventually 20 is ActiveState active || fail "not active"
eventually 10 ready || fail "not ready"
classify || fail "classify"
curl -sf $url/openapi.json | grep -q '"openapi":"3.1.0"' || fail "/openapi.json"
curl -sf -H 'Accept: text/html' $url/ | grep -q '<title>Weightspace</title>' || fail "the page of browsers"
ok "enabled, started and answering"
test "$(curl -sf $url/version | grep -c '"commit":"unknown"')" = 0 || fail "/version does not know the commit"

status=/proc/$(property MainPID)/status
test "$(stat -c %U "/proc/$(property MainPID)")" = weightspace || fail "runs as another user"
grep -q '^NoNewPrivs:[^0-9]*1' "$status" || fail "may gain privileges"
grep -q '^Seccomp:[^0-9]*2' "$status" || fail "no filter of system calls"
grep -q '^CapBnd:[^0-9]*0*$' "$status" || fail "has capabilities"
# (EACCES, 13, is no fault of the sandbox: where this container may not raise limits, LimitNICE= has no effect.)
if journalctl --no-pager -u weightspace.service | grep -E 'BUG in libdispatch|thread priority.*errno=1$'; then
    fail "the sandbox keeps the program from what it needs"
fi
ok "runs as weightspace, without privileges or capabilities, its system calls filtered"
systemd-analyze security --no-pager weightspace.service | tail -1

before=$(property MainPID)
systemctl reload weightspace.service || fail "reload"
sleep 1
classify || fail "classify after reload"
is MainPID "$before" || fail "reload replaced the process"
ok "reloads in place"

kill -KILL "$before"
eventually 20 restarted || fail "not restarted after SIGKILL"
ok "restarted after SIGKILL"

mkdir -p $overrides
printf '[Service]\nWatchdogSec=2\nTimeoutAbortSec=2\n' >$overrides/watchdog.conf
systemctl daemon-reload
systemctl restart weightspace.service
before=$(property MainPID)
sleep 5
is MainPID "$before" || fail "the watchdog bit a service that works"
kill -STOP "$before"
eventually 20 restarted || fail "a hanging service was not replaced"
journalctl --no-pager -u weightspace.service | grep -q 'Watchdog timeout' || fail "no watchdog timeout in the journal"
rm -r $overrides
systemctl daemon-reload
systemctl restart weightspace.service
ok "left alone by the watchdog while it works, replaced when it hangs"

systemctl stop weightspace.service
is Result success && is ExecMainStatus 0 || fail "did not end well: $(property Result), $(property ExecMainStatus)"
if curl -s --max-time 2 $url/livez >/dev/null; then fail "still answers after stop"; fi
ok "stopped, exit status 0"

# accepted: the next answer is 200, or 503 while models are loaded; a refused connection ends the test.
accepted() {
    code=$(curl -s -o /dev/null -w '%{http_code}' --max-time 20 --data-binary @/test/net0.safetensors $url/v1/classify) \
        || fail "no answer on the socket's port: curl exit $?"
    test "$code" = 200 || test "$code" = 503 || fail "status $code on the socket's port"
}
systemctl start weightspace.socket
accepted
eventually 20 is ActiveState active || fail "answered by something else"
# The port outlives the process.
systemctl restart --no-block weightspace.service
for _ in $(seq 50); do
    accepted
    sleep 0.05
done
classify || fail "classify after a restart on the socket's port"
systemctl stop weightspace.socket weightspace.service
ok "started by its socket, no connection refused over a restart"

cp $settings /test/settings
echo WEIGHTSPACE_PORT=none >>$settings
if systemctl start weightspace.service 2>/dev/null; then fail "started with a wrong port"; fi
is ExecMainStatus 2 && is NRestarts 0 || fail "a wrong setting: status $(property ExecMainStatus)"
cp /test/settings $settings
systemctl reset-failed weightspace.service
ok "a wrong setting fails once, with exit status 2"

echo '#WEIGHTSPACE_LOG_LEVEL=debug' >>$settings
systemctl start weightspace.service
before=$(property MainPID)
dpkg -i /test/weightspace.deb >/test/apt 2>&1 || { cat /test/apt; fail "upgrade"; }
eventually 20 restarted || fail "the upgrade did not restart the service"
tail -1 $settings | grep -q debug || fail "the upgrade lost the settings"
systemctl disable --quiet weightspace.service
dpkg -i /test/weightspace.deb >/test/apt 2>&1
if systemctl is-enabled --quiet weightspace.service; then fail "the upgrade enabled what was disabled"; fi
systemctl enable --quiet weightspace.service
ok "an upgrade restarts the service and keeps settings and choices"

DEBIAN_FRONTEND=noninteractive apt-get remove -y -qq weightspace >/test/apt 2>&1 || { cat /test/apt; fail "remove"; }
if curl -s --max-time 2 $url/livez >/dev/null; then fail "still answers after removal"; fi
test -e $settings || fail "removal took the settings"
DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq weightspace >/test/apt 2>&1 || { cat /test/apt; fail "purge"; }
files >/test/after
diff /test/before /test/after || fail "files are left"
getent passwd | sort | diff /test/users-before - || fail "a user is left"
if find /var/lib/systemd /etc/systemd /var/lib/dpkg -name '*weightspace*' | grep .; then fail "state is left"; fi
ok "removed and purged, nothing left"
