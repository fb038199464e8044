#!/bin/bash
# A recipe with FSDP2 over the nodes of a Slurm cluster, every GPU one process. Started in the folder
# where runs go, which all nodes see, in the environment that has mrlm:
#   sbatch --nodes 2 --gpus-per-node 8 fsdp2.sh grpo_code.py \
#       --model_name_or_path Qwen/Qwen2.5-7B-Instruct --output_dir runs/code_7b
# The first word is a recipe, a file or a name of mrlm's; what follows are its flags. What sbatch is
# told on its command line wins over the lines below. Where runs may be cut by --time, add
# --save_steps 20, and start it again with --resume_from_checkpoint true.
#SBATCH --job-name=mrlm
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
#SBATCH --output=%x-%j.log
set -euo pipefail

if [[ $# -eq 0 ]]; then
    echo "usage: sbatch fsdp2.sh RECIPE.py [FLAGS]" >&2
    exit 2
fi
# sbatch runs a copy of this file, so the recipes are looked up in the package.
recipes=$(python -c 'from mrlm.cli.train import RECIPES; print(RECIPES)')
recipe=$1
shift
[[ -f $recipe ]] || recipe=$recipes/$recipe

# As Slurm says it: "8", or "h100:8".
gpus=${SLURM_GPUS_ON_NODE:-${SLURM_GPUS_PER_NODE##*:}}
hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
export MRLM_LAUNCH_RECIPE=$recipe
export MRLM_LAUNCH_CONFIG=$recipes/accelerate/fsdp2_multinode.yaml
export MRLM_LAUNCH_PROCESSES=$((SLURM_JOB_NUM_NODES * gpus))
export MRLM_LAUNCH_ADDRESS=${hosts%%$'\n'*}
# Two jobs may share a node.
export MRLM_LAUNCH_PORT=$((20000 + SLURM_JOB_ID % 20000))

# One launcher on each node, which knows its own number only there.
# shellcheck disable=SC2016
srun --kill-on-bad-exit=1 bash -c '
    exec accelerate launch --config_file "$MRLM_LAUNCH_CONFIG" \
        --num_machines "$SLURM_JOB_NUM_NODES" --num_processes "$MRLM_LAUNCH_PROCESSES" \
        --machine_rank "$SLURM_NODEID" \
        --main_process_ip "$MRLM_LAUNCH_ADDRESS" --main_process_port "$MRLM_LAUNCH_PORT" \
        "$MRLM_LAUNCH_RECIPE" "$@"' launch "$@"
