#!/bin/sh
# Installs the package into a fresh Debian 12, boots it with systemd as process 1 in a container (systemd-nspawn, its own
# network with nothing but loopback), and tries there what machine.sh beside this file lists: the service's life, its
# sandbox, removal and purge. As root, about three minutes.
#   sh Deploy/debian/test.sh [PACKAGE]     without it the package is built first
set -eu
cd "$(dirname "$0")/../.."
. Deploy/dependencies.sh
need debootstrap /usr/sbin/debootstrap
need systemd-container /usr/bin/systemd-nspawn
install_missing
package=${1:-$(sh Deploy/debian/build.sh)}

base=$PWD/.build/debian-base
root=$PWD/.build/debian-test
if [ ! -e "$base/complete" ]; then
    rm -rf "$base"
    nice debootstrap --variant=minbase --include=systemd,systemd-sysv,curl bookworm "$base" >&2
    touch "$base/complete"
fi
rm -rf "$root"
cp -a "$base" "$root"
trap 'rm -rf "$root"' EXIT
container() { systemd-nspawn --quiet --register=no --keep-unit --directory="$root" "$@"; }

# Only the libraries come over the network, and only now; the package itself is installed by the running machine.
mkdir "$root/test"
cp "$package" "$root/test/weightspace.deb"
cp Deploy/debian/machine.sh "$root/test/"
cp Tests/WeightspaceTests/Fixtures/net0.safetensors "$root/test/"
container sh -ec 'apt-get update -qq
    depends=$(dpkg-deb --field /test/weightspace.deb Depends)
    DEBIAN_FRONTEND=noninteractive apt-get satisfy -y -qq --no-install-recommends "$depends" >/dev/null'
cat >"$root/etc/systemd/system/package-test.service" <<'UNIT'
[Unit]
After=multi-user.target
SuccessAction=exit
FailureAction=exit
FailureActionExitStatus=1

[Service]
Type=oneshot
ExecStart=/bin/sh /test/machine.sh
StandardOutput=file:/test/log
StandardError=file:/test/log
TimeoutStartSec=300
UNIT
mkdir -p "$root/etc/systemd/system/default.target.wants"
ln -s ../package-test.service "$root/etc/systemd/system/default.target.wants/package-test.service"

status=0
container --private-network --boot >"$root/test/console" 2>&1 || status=$?
cat "$root/test/log"
if [ $status -ne 0 ]; then tail -40 "$root/test/console" >&2; fi
exit $status
