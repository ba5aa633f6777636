#!/bin/sh
# Lays out the image's root: the installed program with its data, the libraries that it loads, and their licences.
#   sh root.sh ROOT
set -eu
root=${1:?usage: sh root.sh ROOT}
program=/usr/bin/weightspace
install -D "$program" "$root$program"
mkdir -p "$root/usr/share" "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/etc" "$root/run"
cp -R /usr/share/weightspace "$root/usr/share/"
libraries=$(ldd "$program")
if echo "$libraries" | grep -q 'not found'; then
    echo "$libraries" >&2
    exit 1
fi
# The loader's lines are "name => path (address)" and, for itself, "path (address)".
for library in $(echo "$libraries" | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p'); do
    install -D "$(realpath "$library")" "$root$library"
    # Packages own what is under /usr where /lib is a link into it, and name it either way.
    package=$(dpkg -S "$(realpath "$library")" "$library" "${library#/usr}" 2>/dev/null | head -1 | cut -d: -f1)
    install -D -m 644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
done
