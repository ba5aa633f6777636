#!/bin/sh
# Runs the batch examples as their schedulers would: every task of the Slurm array, one of them killed on the way and queued
# again, and every pod of the Kubernetes Job. The parts, joined, must be what one run over everything makes.
#   sh Deploy/batch/test.sh
set -eu
cd "$(dirname "$0")/../.."
. Deploy/reliability/server.sh
build_server
make_venv
networks=$folder/networks
mkdir "$networks"
fixtures=Tests/WeightspaceTests/Fixtures
# More than a part saves at a time (4096 files), so that one that is killed has something to go on from.
number=0
while [ $number -lt 12000 ]; do
    ln "$fixtures/net$((number % 4)).safetensors" "$networks/net$number.safetensors" 2>/dev/null \
        || cp "$fixtures/net$((number % 4)).safetensors" "$networks/net$number.safetensors"
    number=$((number + 1))
done
"$weightspace" encode --output "$folder/whole.safetensors" "$networks" 2>/dev/null

# task I: as Slurm starts it.
task() {
    WEIGHTSPACE=$weightspace SLURM_ARRAY_TASK_ID=$1 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=2 \
        SLURM_CPUS_PER_TASK=2 sh Deploy/batch/slurm-array.sh "$networks" "$folder/slurm" 2>/dev/null
}
task 0 &
killed=$!
processes="$processes $killed"
tries=0
until ls "$folder"/slurm/.latents-*.partial >/dev/null 2>&1; do
    tries=$((tries + 1))
    test $tries -lt 600 || { echo "nothing was saved on the way" >&2; exit 1; }
    sleep 0.05
done
# The script has become the program.
kill -KILL "$killed" || { echo "it ended before it was killed" >&2; exit 1; }
wait "$killed" || true
for index in 0 1; do task $index; done

python3 - Deploy/kubernetes/encode-job.yaml >"$folder/arguments" <<'END'
import re, sys

text = open(sys.argv[1]).read()
print(re.search(r"completions: (\d+)", text)[1])
print(re.search(r"args: \[(.*)\]", text)[1].replace(",", "").replace('"', ""))
END
count=$(sed -n 1p "$folder/arguments")
index=0
while [ $index -lt "$count" ]; do
    # shellcheck disable=SC2046  # the arguments' words
    "$weightspace" $(sed -n 2p "$folder/arguments" | sed -e "s|\$(INDEX)|$index|" -e "s|/latents|$folder/job|" \
        -e "s|/networks|$networks|") 2>/dev/null
    index=$((index + 1))
done

"$venv/bin/python" - "$folder" <<'END'
import json, pathlib, struct, sys

import numpy


def latents(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])["latents"]
    begin, end = header["data_offsets"]
    return numpy.frombuffer(data[8 + length + begin:8 + length + end], "<f4").reshape(header["shape"])


folder = pathlib.Path(sys.argv[1])
whole = latents(folder / "whole.safetensors")
for name, parts in (("slurm", 2), ("job", 8)):
    files = sorted((folder / name).glob("latents-*.safetensors"))
    assert len(files) == parts, (name, files)
    assert not list((folder / name).glob(".*")), "something unfinished is left"
    joined = numpy.concatenate([latents(file) for file in files])
    assert joined.shape == whole.shape and (joined == whole).all(), name
    print(f"{name}: {parts} parts, {len(joined)} networks, as one run makes them")
END
