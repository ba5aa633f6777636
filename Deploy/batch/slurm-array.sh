#!/bin/sh
#SBATCH --job-name=weightspace-encode
#SBATCH --array=0-7
#SBATCH --cpus-per-task=2
#SBATCH --mem=1G
#SBATCH --time=04:00:00
#SBATCH --requeue
# Encodes a folder of networks in as many parts as the array has tasks, one array file a part. A task that is preempted and
# queued again goes on where it was.
#   sbatch Deploy/batch/slurm-array.sh NETWORKS LATENTS
#   sbatch --array=0-63 Deploy/batch/slurm-array.sh NETWORKS LATENTS
# Without Slurm: SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=8 sh Deploy/batch/slurm-array.sh …
set -eu
networks=${1:?usage: sbatch Deploy/batch/slurm-array.sh NETWORKS LATENTS}
latents=${2:?usage: sbatch Deploy/batch/slurm-array.sh NETWORKS LATENTS}
if [ "$SLURM_ARRAY_TASK_MIN" != 0 ] || [ "$SLURM_ARRAY_TASK_ID" -ge "$SLURM_ARRAY_TASK_COUNT" ]; then
    echo "the array must count 0, 1, 2, …: --array=0-N" >&2
    exit 2
fi
mkdir -p "$latents"
exec "${WEIGHTSPACE:-weightspace}" encode --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
    --threads "${SLURM_CPUS_PER_TASK:-1}" --output "$latents" "$networks"
