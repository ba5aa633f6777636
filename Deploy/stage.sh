#!/bin/sh
# Builds the program with Swift's libraries inside it, and lays it out as it is installed: ROOT/usr/bin/weightspace, and
# the embedded models, the recipes, openapi.json and page.html under ROOT/usr/share/weightspace, where the program looks
# for them.
#   sh Deploy/stage.sh ROOT
set -eu
root=${1:?usage: sh Deploy/stage.sh ROOT}
mkdir -p "$root"
root=$(cd "$root" && pwd)
cd "$(dirname "$0")/.."
. Deploy/dependencies.sh
install_missing

# Its own build folder: the settings differ from those of an ordinary build.
built() { nice swift build -c release --static-swift-stdlib --scratch-path .build/static "$@"; }
built --product weightspace >&2
folder=$(built --show-bin-path)
install -D -m 755 "$folder/weightspace" "$root/usr/bin/weightspace"
strip "$root/usr/bin/weightspace"
share=$root/usr/share/weightspace
rm -rf "$share"
mkdir -p "$share"
cp -R "$folder/weightspace_ModelStore.resources/Models" "$share/models"
cp -R "$folder/weightspace_Training.resources/Recipes" "$share/recipes"
cp "$folder/weightspace_InferenceService.resources/openapi.json" "$folder/weightspace_InferenceService.resources/page.html" "$share"
find "$share" -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} +
