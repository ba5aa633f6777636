#!/bin/sh
# Makes the Debian package weightspace_VERSION_ARCH.deb, complete with service, manual and copyright, and checks it with
# lintian. On Debian or Ubuntu; the package needs a release as new as the one it was built on.
#   sh Deploy/debian/build.sh [FOLDER]     FOLDER takes the package (.build/debian)
set -eu
cd "$(dirname "$0")/../.."
output=${1:-.build/debian}
. Deploy/dependencies.sh
need dpkg-dev /usr/bin/dpkg-shlibdeps
need binutils /usr/bin/strip
need lintian /usr/bin/lintian
install_missing

work=.build/debian-work
rm -rf "$work"
mkdir -p "$work/debian" "$output"
tree=$work/tree
sh Deploy/stage.sh "$tree"
program=$tree/usr/bin/weightspace
version=$("$program" --version)
architecture=$(dpkg --print-architecture)
if ! head -1 Deploy/debian/changelog | grep -q "^weightspace ($version) "; then
    echo "Deploy/debian/changelog does not begin with version $version" >&2
    exit 1
fi

# file MODE SOURCE PATH; compressed MODE SOURCE PATH.gz: into the tree, the same bytes at each run.
file() { install -D -m "$1" "$2" "$tree/$3"; }
compressed() {
    mkdir -p "$tree/$(dirname "$3")"
    gzip -9n <"$2" >"$tree/$3"
    chmod "$1" "$tree/$3"
}
file 644 Deploy/systemd/weightspace.service usr/lib/systemd/system/weightspace.service
file 644 Deploy/systemd/weightspace.socket usr/lib/systemd/system/weightspace.socket
file 644 Deploy/systemd/weightspace.sysusers usr/lib/sysusers.d/weightspace.conf
file 644 Deploy/systemd/weightspace.default etc/default/weightspace
file 644 Deploy/debian/copyright usr/share/doc/weightspace/copyright
file 644 Deploy/debian/overrides usr/share/lintian/overrides/weightspace
compressed 644 Deploy/debian/changelog usr/share/doc/weightspace/changelog.gz
# What /version and weightspace_build_info say was built.
commit=${WEIGHTSPACE_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo unknown)}
printf '[Service]\nEnvironment=WEIGHTSPACE_COMMIT=%s\n' "$commit" >"$work/commit.conf"
file 644 "$work/commit.conf" usr/lib/systemd/system/weightspace.service.d/commit.conf

# The manual is the program's own help.
nice swift build -c release --static-swift-stdlib --scratch-path .build/static --product generate-manual >&2
tools=$(swift build -c release --static-swift-stdlib --scratch-path .build/static --show-bin-path)
"$tools/generate-manual" "$program" --section 1 --date "$(date -u +%Y-%m-%d -d "$(sed -n 's/^ -- .*>  //p' \
    Deploy/debian/changelog | head -1)")" -o "$work"
compressed 644 "$work/weightspace.1" usr/share/man/man1/weightspace.1.gz

# What it links against, in the versions that it needs.
printf 'Source: weightspace\n\nPackage: weightspace\nArchitecture: any\n' >"$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O tree/usr/bin/weightspace | sed 's/^shlibs:Depends=//')
mkdir -p "$tree/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@LIBRARIES@/$libraries/" \
    -e "s/@SIZE@/$(du -sk --exclude=DEBIAN "$tree" | cut -f1)/" Deploy/debian/control >"$tree/DEBIAN/control"
echo /etc/default/weightspace >"$tree/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 "Deploy/debian/$script" "$tree/DEBIAN/$script"; done
(cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
chmod 644 "$tree/DEBIAN/control" "$tree/DEBIAN/conffiles" "$tree/DEBIAN/md5sums"
find "$tree" -type d -exec chmod 755 {} +

package=$output/weightspace_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$tree" "$package" >&2
lintian --fail-on error,warning --tag-display-limit 0 "$package" >&2
echo "$package"
