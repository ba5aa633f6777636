#!/bin/sh
# Trains the small models that Docs/Results.md compares and prints a row of each: after Deploy/train.sh, whose data it
# uses. About two hours on two cores; finished runs are kept.
#   sh Tests/Performance/compare.sh [FOLDER]      as given to train.sh (.build/training)
set -eu
cd "$(dirname "$0")/../.."
folder=${1:-.build/training}
swift build -c release --product weightspace
weightspace=$(swift build -c release --show-bin-path)/weightspace
runs=$folder/compare
mkdir -p "$runs"
fourier='--set model.model.encoder.lift=fourier --set model.model.encoder.enc_scale=1 --set model.model.encoder.lift_width=null --set model.model.encoder.lift_start=null --set model.input.array_scales=[1.08,8.7,11.62,8.81,4.21,2.63]'

# Features that begin at random, small heads and a short training of the classifier alone.
encoder='--set model.model.encoder.lift_start=random --set model.model.encoder.lift_width=128 --set model.model.encoder.enc_scale=0.5
    --set model.model.encoder.num_heads=4 --set model.model.encoder.ff_factor=2 --set model.model.encoder.dec_hidden_size=64
    --set model.model.encoder.pool_cls.reads_outputs=false --set model.model.encoder.pool_cls.start_cells=null
    --set model.model.encoder.pool_cls.latent_dim=32'
head='{"type":"TransformerClassifier","file":"classifier.safetensors","num_blocks":1,"d_model":64,"heads":4,"dim_feedforward":128}'
small="$encoder --set model.model.head=$head
    --set optimization.rate=0.002 --set objective.reconstruction=0 --set augmentation.rotation=0 --set augmentation.zoom=0"
autoencoder=$(echo "$encoder" | sed 's/model\.model\.encoder/model.model/g')

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
    compare nft nft 1 $small
    compare nfn nfn-encoder 2.6 $small
    compare nft-fourier nft-fourier 1.1
    compare nfn-fourier nfn-encoder 3.3 $small $fourier
    compare nfn-np nfn-np 3.8 --set 'model.model.hchannels=[44,44]'
    compare nfn-hnp nfn-hnp 6.5
    # 25 minutes.
    compare nft-long nft 12 $small
    compare nfn-long nfn-encoder 8 $small
    for latents in 4 16 64; do
        compare "inr2array-$latents" inr2array 4 $autoencoder --set model.model.pool_cls.n_latent=$latents
    done
    # One choice at a time, beside nfn and nfn-long.
    compare nfn-raw nfn-encoder 2.6 $small --set model.input.canonicalize=false
    compare nfn-one-fit nfn-encoder 2.6 $small --restarts 1
    compare nfn-long-one-fit nfn-encoder 8 $small --restarts 1
    compare nfn-narrow nfn-encoder 2.6 $small --set model.model.encoder.enc_map_size=8
    compare nfn-wide nfn-encoder 2.6 $small --set model.model.encoder.enc_map_size=32
    compare nfn-1-block nfn-encoder 2.6 $small --set model.model.encoder.num_blocks=1
    compare nfn-3-blocks nfn-encoder 2.6 $small --set model.model.encoder.num_blocks=3
}
