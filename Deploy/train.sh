#!/bin/sh
# Makes the embedded models of INRs: installs Fashion-MNIST, fits SIRENs, trains, evaluates. Takes hours on two cores; can be
# stopped and resumes when started again.
#   sh Deploy/train.sh [FOLDER]      FOLDER keeps data and runs (.build/training)
#   sh Deploy/train.sh --smoke       the whole chain on a thousand pictures, in minutes
set -eu
cd "$(dirname "$0")/.."
. Deploy/dependencies.sh
need dataset-fashion-mnist /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz
install_missing

smoke=
folder=.build/training
if [ "${1:-}" = --smoke ]; then
    smoke=yes
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
elif [ -n "${1:-}" ]; then
    folder=$1
fi

swift build -c release --product weightspace
weightspace=$(swift build -c release --show-bin-path)/weightspace
pictures=/usr/share/datasets/fashion-mnist

# fit SET SEED OUTPUT ARGUMENT…
fit() {
    name=$1
    seed=$2
    output=$3
    shift 3
    "$weightspace" fit --images "$pictures/$name-images-idx3-ubyte.gz" --labels "$pictures/$name-labels-idx1-ubyte.gz" \
        --seed "$seed" --output "$folder/$output" "$@"
}

# train RUN RECIPE ARGUMENT…
train() {
    run=$1
    recipe=$2
    shift 2
    echo "== $run"
    "$weightspace" train "$recipe" --data "$folder/train" --output "$folder/$run" "$@"
}

# A mirrored garment is one of the same class.
mirrors='--set augmentation.mirrors=true'

echo "== data"
if [ -n "$smoke" ]; then
    fit t10k 1 test --count 300
    fit train 0 train --count 1000
    train probe-conv probe-conv --set validation_pictures=100 --set optimization.epochs=6 --set optimization.warm_up_steps=20 \
        --set optimization.average_decay=0.95 --set 'model.model.channels=[8,16,32,48]'
    # A run that is killed must resume when it is started again.
    short="$mirrors --set validation_pictures=100 --set optimization.epochs=3 --checkpoint-seconds 1"
    # shellcheck disable=SC2086  # a list of arguments
    "$weightspace" train nft --data "$folder/train" --output "$folder/nft" $short &
    tries=0
    until ls "$folder"/nft/checkpoint* >/dev/null 2>&1; do
        tries=$((tries + 1))
        test $tries -lt 600 || { echo "no checkpoint" >&2; exit 1; }
        sleep 0.1
    done
    kill -KILL $! || { echo "the run ended before it was killed" >&2; exit 1; }
    wait $! || true
    # shellcheck disable=SC2086
    train nft nft $short
    assemble='--set validation_pictures=100 --set model.model.probes.channels=[8,16,32,48]'
    weights=nft
    probes=probe-conv
else
    fit t10k 1 test
    fit train 0 train --restarts 2
    # shellcheck disable=SC2086  # a list of arguments
    train nft nft --restarts 1 $mirrors
    wide="--restarts 1 --set model.model.channels=[32,64,128,256] $mirrors --set augmentation.shift=0.1"
    # shellcheck disable=SC2086
    train probe-conv probe-conv $wide --set optimization.epochs=12 --set augmentation.rotation=0.05 --set augmentation.zoom=0.07
    # On from there, from the full rate, with larger movements and decay.
    # shellcheck disable=SC2086
    train probe-conv-longer probe-conv --initial "$folder/probe-conv/model" $wide --set optimization.epochs=20 \
        --set optimization.decay=0.1 --set augmentation.rotation=0.08 --set augmentation.zoom=0.1
    assemble=
    weights=nft
    probes=probe-conv-longer
fi
# shellcheck disable=SC2086  # a list of arguments
train nft+probe nft+probe --restarts 1 $assemble --initial "$folder/$weights/model" --initial "$folder/$probes/model"

# The embedded editor: four models, whose files config.json of inr-editor names (that of contrast as contrast-learned).
edit_epochs=4
if [ -n "$smoke" ]; then edit_epochs=1; fi
for edit in dilate erode gradient contrast; do
    train $edit edit --set objective.edit=$edit --set optimization.epochs=$edit_epochs
    "$weightspace" evaluate --record "$folder/$edit/model" "$folder/test"
done

echo "== test"
"$weightspace" evaluate --record "$folder/nft+probe/model" "$folder/test"
if [ -n "$smoke" ]; then
    # Guessing gives 0.1; a thousand pictures must give far more.
    accuracy=$("$weightspace" evaluate --json "$folder/nft+probe/model" "$folder/test" \
        | sed -n 's/.*"accuracy_probes":\([0-9.e-]*\).*/\1/p')
    echo "smoke: probes' accuracy $accuracy"
    awk -v a="$accuracy" 'BEGIN { exit !(a > 0.4) }'
fi
