#!/bin/sh
# Makes the Debian package weightspace_VERSION_ARCH.deb, with service, manual and copyright, by debhelper and checks it
# with lintian. On Debian or Ubuntu; the package needs a release as new as the one it was built on.
#   sh Deploy/debian/build.sh [FOLDER]     FOLDER takes the package (.build/debian)
set -eu
cd "$(dirname "$0")/../.."
output=${1:-.build/debian}
. Deploy/dependencies.sh
need debhelper /usr/bin/dh
need binutils /usr/bin/strip
need lintian /usr/bin/lintian
install_missing

# debhelper wants a folder of its own with the folder "debian" in it.
work=.build/debian-work/weightspace
rm -rf "$work"
mkdir -p "$work" "$output"
cp -R Deploy/debian "$work/debian"
rm "$work/debian/build.sh"
sh Deploy/stage.sh "$work/stage"
program=$work/stage/usr/bin/weightspace
version=$("$program" --version)
if ! head -1 Deploy/debian/changelog | grep -q "^weightspace ($version) "; then
    echo "Deploy/debian/changelog does not begin with version $version" >&2
    exit 1
fi
for file in service socket sysusers default; do
    cp "Deploy/systemd/weightspace.$file" "$work/debian/weightspace.$file"
done
# What /version and weightspace_build_info say was built.
commit=${WEIGHTSPACE_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo unknown)}
sed -i "s/^ExecStart=/Environment=WEIGHTSPACE_COMMIT=$commit\n&/" "$work/debian/weightspace.service"

# The manual is the program's own help.
nice swift build -c release --static-swift-stdlib --scratch-path .build/static --product generate-manual >&2
tools=$(swift build -c release --static-swift-stdlib --scratch-path .build/static --show-bin-path)
"$tools/generate-manual" "$program" --section 1 --date "$(date -u +%Y-%m-%d -d "$(sed -n 's/^ -- .*>  //p' \
    Deploy/debian/changelog | head -1)")" -o "$work"

(cd "$work" && debian/rules binary) >&2
package=$output/weightspace_${version}_$(dpkg --print-architecture).deb
mv "$work/../$(basename "$package")" "$package"
lintian --fail-on error,warning --tag-display-limit 0 "$package" >&2
echo "$package"
