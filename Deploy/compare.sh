#!/bin/sh
# Trains the small models that Docs/Results.md compares and prints a row of each: after Deploy/train.sh, whose data it
# uses. About two hours on two cores; what is done already is kept.
#   sh Deploy/compare.sh [FOLDER]      as given to train.sh (.build/training)
set -eu
cd "$(dirname "$0")/.."
folder=${1:-.build/training}
swift build -c release --product weightspace
weightspace=$(swift build -c release --show-bin-path)/weightspace
runs=$folder/compare
mkdir -p "$runs"
propagated='--set model.encoder.lift=propagated --set model.encoder.lift_width=128 --set model.encoder.enc_scale=0.5 --set model.input.array_scales=[30,30,30,30,5,3]'

# number JSON NAME: a member of one line of JSON.
number() { echo "$1" | sed -n "s/.*\"$2\":\([0-9.e-]*\).*/\1/p"; }

# compare NAME RECIPE EPOCHS ARGUMENT…
compare() {
    name=$1
    recipe=$2
    epochs=$3
    shift 3
    if [ ! -e "$runs/$name/seconds" ]; then
        begin=$(date +%s)
        "$weightspace" train "$recipe" --data "$folder/train" --output "$runs/$name" --set "optimization.epochs=$epochs" \
            --set augmentation.shift=0.05 "$@"
        echo $(($(date +%s) - begin)) >"$runs/$name/seconds"
    fi
    row=$("$weightspace" evaluate --json "$runs/$name/model" "$folder/test")
    parameters=$(sed -n 's/.*"parameters" : \([0-9]*\).*/\1/p' "$runs/$name/model/config.json")
    echo "$name accuracy $(number "$row" accuracy) mse $(number "$row" reconstruction_mse) parameters $parameters" \
        "operations $(number "$row" operations) seconds $(cat "$runs/$name/seconds")"
}

# shellcheck disable=SC2086  # lists of arguments
{
    compare nft nft 1
    compare nfn nfn-encoder 2.6 $propagated
    compare nft-fourier nft-fourier 1.1
    compare nfn-fourier nfn-encoder 3.3
    compare nfn-np nfn-np 3.8 --set 'model.network.hchannels=[44,44]'
    compare nfn-hnp nfn-hnp 6.5
    # Beside the long run of nft in train.sh, which takes as long as nfn-longer.
    compare nfn-long nfn-encoder 8 $propagated
    compare nfn-longer nfn-encoder 32 $propagated
    for latents in 4 16 64; do
        compare "inr2array-$latents" inr2array 4 --set model.encoder.pool_cls.n_latent=$latents
    done
    # One choice at a time, beside nfn and nfn-long.
    compare nfn-raw nfn-encoder 2.6 $propagated --set model.input.canonicalize=false
    compare nfn-one-fit nfn-encoder 2.6 $propagated --views 1
    compare nfn-long-one-fit nfn-encoder 8 $propagated --views 1
    compare nfn-narrow nfn-encoder 2.6 $propagated --set model.encoder.enc_map_size=8
    compare nfn-wide nfn-encoder 2.6 $propagated --set model.encoder.enc_map_size=32
    compare nfn-1-block nfn-encoder 2.6 $propagated --set model.encoder.num_blocks=1
    compare nfn-3-blocks nfn-encoder 2.6 $propagated --set model.encoder.num_blocks=3
}
