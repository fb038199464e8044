"""Every command of the pages goes through its own parser, and those in blocks are run.

With little work, on a tiny model, all of a block one after the other, by ``make test-slow``; the
``QUICK`` ones by ``make test-all``, too. ``ONLY_PARSED`` says which are not.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pages
import pytest
from pages import ROOT, Command
from parsers import Wrong, check

COMMANDS = [command for page in pages.PAGES for command in pages.commands(page)]
ONLY_PARSED = {
    r"(make|pytest|python -m pytest|mkdocs) ": "tests, benchmarks, and what CI does first",
    r"(source|cd|export) ": "changes the reader's shell",
    r"(pip|git|curl|hf) |.*--push_to_hub": "needs the network",
    r"trackio |.*--report_to trackio": "needs trackio",
    r"trl |.*--use_vllm": "needs vLLM",
    r".*(single_gpu|multi_gpu|fsdp2|zero\d|Qwen/)": "needs GPUs, or a model of the Hub",
    r"(ollama|vllm|llama-server) |mrlm eval .*--model http": "needs a server's program",
    r".*judge[: ]'?http": "needs a judge's endpoint",
    r"mrlm eval --benchmark (?!humaneval |\w+=)": "needs the Hub, or a package",
    r"mrlm board": "serves until Ctrl-C; tests/report/test_server.py starts it",
}
QUICK = r"mrlm (tasks|doctor|new|reward|data .*--dataset_name) |mrlm doctor|python -c "
# Added to each command that knows the flag.
LESS = (
    ("--max_steps --num_generations --benchmark_rows", "2"),
    ("--eval_rows --sft_batch_size --per_device_train_batch_size", "4"),
    ("--max_completion_length --eval_max_new_tokens --sft_rows --num_rows", "8"),
    ("--max_new_tokens --benchmark_max_new_tokens", "8"),
    ("--train_rows --size", "16"),
)


def is_run(command: Command) -> bool:
    return bool(command.block) and not any(re.match(why, f"{command} ") for why in ONLY_PARSED)


def cases(commands: list[Command]) -> list[Any]:
    """The first of those that say the same."""
    first = {command.words: command for command in reversed(commands)}
    return [pytest.param(c, id=f"{c.place} {str(c)[:60]}") for c in reversed(first.values())]


@pytest.mark.parametrize("command", cases(COMMANDS))
def test_its_parser_takes_it(command: Command) -> None:
    try:
        check(command.words)
    except Wrong as wrong:
        pytest.fail(f"{command.place}: {command}\n{wrong}", pytrace=False)


def test_every_flag_in_a_sentence_exists() -> None:
    known = {"--config", "--help"}.union(*(check(command.words) for command in COMMANDS))
    said = [
        (place, flag)
        for page in pages.PAGES
        for place, span in pages.spans(page)
        if span.startswith("--")
        for flag in re.findall(r"(?<!\S)--\w[\w-]+", span)
    ]
    assert len(said) > 40
    assert not [f"{place}: {flag}" for place, flag in said if flag not in known]


class Shell:
    """Runs commands in a folder that has what a reader's checkout has."""

    def __init__(self, folder: Path, tiny: str = "", run: Path | None = None) -> None:
        self.folder, self.tiny, self.run_folder = folder, tiny, run
        for name in ("recipes", "data_gen", "docs"):
            shutil.copytree(ROOT / name, folder / name)
        pages.write_files(folder)

    def __call__(self, command: Command) -> None:
        words = [*command.words, *self._less(command)]
        self._bring_runs(command)
        if words[:2] == ["mrlm", "new"]:  # the reader does not have it yet
            (self.folder / words[2]).unlink(missing_ok=True)
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {"PATH": programs, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            words,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            env=os.environ | environment,
        )
        # 1 of `mrlm reward`: the reward can be fooled, as the page says.
        right = (0, 1) if words[:2] == ["mrlm", "reward"] else (0,)
        told = f"{command.place}: {words}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        assert done.returncode in right and (done.stdout + done.stderr).strip(), told
        for flag, word in itertools.pairwise(words):
            if flag in ("--out", "--output", "--output_dir"):
                assert (self.folder / word).exists(), f"{command.place} left no {word}"

    def _less(self, command: Command) -> list[str]:
        added = [(flag, value) for flags, value in LESS for flag in flags.split()]
        if self.tiny and not re.search(r"--model\S* runs/", str(command)):
            added += [("--model_name_or_path", self.tiny), ("--model", self.tiny)]
        known = check(command.words)
        if command.words[1:2] in (("eval",), ("sample",)):  # greedy: one sample of a row
            known -= {"--num_generations"}
        return [word for pair in added if pair[0] in known for word in pair]

    def _bring_runs(self, command: Command) -> None:
        """The runs that a command reads and no earlier one of the block made."""
        for flag, word in itertools.pairwise(("", *command.words)):
            found = re.match(r"runs/\w+", word)
            if found and not flag.startswith("--out") and not (self.folder / found[0]).exists():
                assert self.run_folder
                shutil.copytree(self.run_folder, self.folder / found[0])


@pytest.mark.integration
@pytest.mark.parametrize(
    "command", cases([c for c in COMMANDS if is_run(c) and re.match(QUICK, f"{c} ")])
)
def test_it_runs(command: Command, tmp_path: Path) -> None:
    Shell(tmp_path)(command)


@pytest.fixture(scope="session")
def a_run(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of ``ppo_math`` leaves."""
    shell = Shell(tmp_path_factory.mktemp("run"), tiny)
    shell(Command("here", "here", ("python", "recipes/ppo_math.py")))
    return shell.folder / "runs" / "ppo_math"


@pytest.mark.slow
@pytest.mark.parametrize("block", list(dict.fromkeys(c.block for c in COMMANDS if is_run(c))))
def test_the_block_runs(block: str, tiny: str, a_run: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path, tiny, a_run)
    for command in COMMANDS:
        if command.block == block and is_run(command):
            shell(command)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("python recipes/ppo_math.py --max_stepz 3", "--max_stepz"),
        ("python recipes/ppo_math.py --answer_format shout", "shout"),
        ("python recipes/grpo_multitask.py --mixture chess=1", "chess"),
        ("accelerate launch --config_file recipes/no.yaml recipes/ppo_math.py", "no.yaml"),
        ("torchrun --procs 2 recipes/ppo_math.py", "procs"),
        ("mrlm train ppo --task my_options.py:spelling --shortest 3", "--shortest"),
        ("mrlm train ppo --dataset_name none.csv", "none.csv"),
        ("mrlm eval --benchmark gsm9k", "gsm9k"),
        ("mrlm eval --task math --rows 3", "--rows"),
        ("python data_gen/make_sft.py --task math --rows 3", "--rows"),
        ("make demo ARGS='--sead 1'", "--sead"),
        ("python -m pytest tests/nowhere", "no tests/nowhere"),
        ("python -c 'print('", "SyntaxError"),
        ("gcc main.c", "no program"),
    ],
)
def test_mistakes_are_found(line: str, said: str) -> None:
    (words,) = pages.split_commands(line)
    with pytest.raises(Wrong, match=re.escape(said)):
        check(words)


def test_how_lines_are_read() -> None:
    text = "A=1 make \\\n  demo ARGS=\"--x $N\" && cd a  # no\n\npython -c 'a\nb' | head\n"
    assert list(pages.split_commands(text)) == [
        ("make", "demo", "ARGS=--x 1"),
        ("cd", "a"),
        ("python", "-c", "a\nb"),
        ("head",),
    ]
