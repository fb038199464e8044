"""Every command of README.md, CONTRIBUTING.md and docs/ is right, and most of them are run.

A command in a page, in a block or in a sentence, goes through the parser of the program that it
names. Those in blocks have a level besides, the first of ``RULES`` that fits: only ``parsed``,
``fast`` (run here, as it stands or with less work), or ``slow`` (run by ``make test-slow``, on a
tiny model, all of a block one after the other).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import benchmark_files
import pages
import pytest
from pages import ROOT
from parsers import Wrong, check
from reader import write_files

COMMANDS = [command for page in pages.PAGES for command in pages.commands(page)]
IN_BLOCKS = [command for command in COMMANDS if command.block]


class Rule(NamedTuple):
    """Commands that ``pattern`` matches have this level.

    ``why`` they are only parsed; or the flags that make a run ``smaller``, where {tiny} is a tiny
    model, and the files that the run must leave.
    """

    pattern: str
    level: str
    why: str = ""
    smaller: str = ""
    leaves: str = ""


_SMALL = "--model_name_or_path {tiny} --max_steps 2 --eval_rows 4 --train_rows 16"
_SMALL += " --eval_max_new_tokens 6"
_IMITATION = " --sft_rows 8 --sft_batch_size 4 --num_generations 2 --benchmark_rows 2"
_IMITATION += " --benchmark_max_new_tokens 8"
_SAMPLING = " --per_device_train_batch_size 4 --max_completion_length 6"
_SMALL_RECIPE = {
    "ppo|grpo_(code|math|debate|tools)|grpo ": _SMALL + _IMITATION + _SAMPLING,
    "grpo_multitask": _SMALL + _SAMPLING + " --num_generations 2",
    "sft": _SMALL + " --per_device_train_batch_size 4",
    "dpo": _SMALL + _IMITATION + " --per_device_train_batch_size 4",
}
_RUN = r"(python|torchrun( \S+)*|accelerate launch( --config_file \S+)?) recipes/|mrlm train "
_ONE_RUN = "--model {tiny} --num_rows 2 --max_new_tokens 8"
_PAIRS = "--model_name_or_path {tiny} --num_rows 2 --num_generations 2 --max_new_tokens 8"
RULES = (
    Rule("make |(python -m )?pytest ", "parsed", "tests and benchmarks, and what CI does first"),
    Rule("(source|cd|export) ", "parsed", "changes the reader's shell"),
    Rule("(pip|git|curl|hf) |.*--push_to_hub", "parsed", "needs the network"),
    Rule("trackio |.*--report_to trackio", "parsed", "needs trackio"),
    Rule("trl |.*--use_vllm", "parsed", "needs vLLM"),
    Rule(r".*(multi_gpu|fsdp2|zero\d)", "parsed", "needs several GPUs"),
    Rule(
        "(ollama|vllm|llama-server) |mrlm eval .*--model http", "parsed", "needs a server's program"
    ),
    Rule(".*judge:http", "parsed", "needs a judge's endpoint"),
    Rule("mrlm new ", "fast", leaves="my_*.py"),
    Rule("mrlm tasks|mrlm doctor|python -c ", "fast"),
    Rule("mrlm reward ", "fast", smaller="--num_rows 5"),
    Rule("mrlm data .*--dataset_name ", "fast", leaves="runs/*/README.md"),
    Rule(
        "mrlm data |python data_gen/make_datasets",
        "slow",
        smaller="--size 20",
        leaves="runs/*/README.md",
    ),
    Rule("python data_gen/make_(preferences|sft)", "slow", smaller=_PAIRS, leaves="*.jsonl"),
    Rule("python data_gen/", "slow", leaves="*.json"),
    Rule("mrlm eval --benchmark (?!humaneval |\\w+=)", "parsed", "needs the Hub, or a package"),
    Rule("mrlm (eval|sample) ", "slow", smaller=_ONE_RUN),
    Rule("mrlm (compare|report) ", "slow"),
    Rule("mrlm board", "parsed", "serves until Ctrl-C; tests/report/test_server.py starts it"),
    Rule("mrlm export .*--format merged", "slow", leaves="runs/*/merged/model.safetensors"),
    Rule("mrlm export ", "slow", leaves="runs/*/*/*.gguf"),
    Rule("mrlm results ", "slow", leaves="docs/results.md"),
    Rule("mrlm train .*--(dry_run|recipe_help)", "slow"),
    *(
        Rule(rf"({_RUN})({name})", "slow", smaller=smaller, leaves="runs/**/results.json")
        for name, smaller in _SMALL_RECIPE.items()
    ),
)


def rule_of(command: Any) -> Rule | None:
    return next((rule for rule in RULES if re.match(rule.pattern, f"{command} ")), None)


def at_level(level: str) -> list[Any]:
    return [c for c in IN_BLOCKS if (rule := rule_of(c)) and rule.level == level]


def _cases(commands: Sequence[Any]) -> list[Any]:
    """The first of those that say the same."""
    first = {str(command): command for command in reversed(commands)}
    return [pytest.param(c, id=f"{c.place} {str(c)[:60]}") for c in reversed(first.values())]


def test_there_are_commands_of_every_level() -> None:
    assert len(COMMANDS) > 80
    assert len(at_level("fast")) >= 5 and len(at_level("slow")) >= 25


def test_no_command_is_without_a_level() -> None:
    without = [f"{command.place}: {command}" for command in IN_BLOCKS if rule_of(command) is None]
    assert not without, "a rule is missing, or the block is no command and wants ```text"


def test_what_is_only_parsed_says_why() -> None:
    assert all(bool(rule.why) == (rule.level == "parsed") for rule in RULES)
    assert {rule.level for rule in RULES} == {"parsed", "fast", "slow"}


def _needs(command: Any) -> None:
    """Skip what an extra that is not installed would be needed for."""
    if "--mcp_server" in command.words:
        pytest.importorskip("mcp", reason="the official client is an extra: mrlm[mcp]")


@pytest.mark.parametrize("command", _cases(COMMANDS))
def test_its_parser_takes_it(command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _needs(command)
    files = pages.files()
    if any(name in word for word in command.words for name in files):  # read by the parser
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        programs = Path(sys.executable).parent
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    try:
        check(command.words)
    except Wrong as wrong:
        same = ", ".join(c.place for c in COMMANDS if c.words == command.words)
        pytest.fail(f"{same}: {command}\n{wrong}", pytrace=False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("python recipes/ppo_math.py --max_stepz 3", "--max_stepz"),
        ("python recipes/ppo_math.py --answer_format shout", "shout"),
        ("python recipes/ppo_math.py --task chess", "chess"),
        ("python recipes/ppo_chess.py", "no recipes/ppo_chess.py"),
        ("python recipes/grpo_multitask.py --mixture chess=1", "chess"),
        ("accelerate launch --config_file recipes/no.yaml recipes/ppo_math.py", "no.yaml"),
        ("accelerate launch --num_gpus 3 recipes/ppo_math.py", "--num_gpus"),
        ("accelerate launch recipes/sft_tools.py --sft_rows 3", "--sft_rows"),
        ("torchrun --procs 2 recipes/ppo_math.py", "procs"),
        ("torchrun --nproc_per_node=2 recipes/ppo_math.py --max_step three", "three"),
        ("mrlm evaluate --task math", "evaluate"),
        ("mrlm eval --task my_tusk.py:TASK", "my_tusk.py"),
        ("mrlm train ppo --task my_task.py:TISK", "TISK"),
        ("mrlm train ppo --task my_task.py:spelling --shortest 3", "--shortest"),
        ("mrlm train ppo --reward_funcs my_reward.py:other", "other"),
        ("mrlm sample --task my_task.py:TASK --prompt_template {x", "expected '}'"),
        ("mrlm eval --task chess", "chess"),
        ("mrlm eval --task math --rows 3", "--rows"),
        ("mrlm eval --benchmark gsm9k", "gsm9k"),
        ("mrlm sample --task math --answer_format shout", "shout"),
        ("mrlm tasks chess", "chess"),
        ("mrlm shout", "shout"),
        ("mrlm data --task math --form parquet --private", "private"),
        ("mrlm data --format csv", "csv"),
        ("mrlm train ppo --task math --max_stepz 3", "--max_stepz"),
        ("mrlm train tango --task math", "tango"),
        ("python data_gen/make_sft.py --task math --rows 3", "--rows"),
        ("python data_gen/make_sft.py", "--task"),
        ("make demos", "demos"),
        ("make demo ARGS='--sead 1'", "--sead"),
        ("make bench-step ARGS='--rounds 1'", "--rounds"),
        ("make bench-sandbox ARGS='--steps 1'", "--steps"),
        ("make bench-gpu ARGS='--runs SFT'", "SFT"),
        ("python -m pytest tests/nowhere", "no tests/nowhere"),
        ("python -m pytest tests --sloow", "--sloow"),
        ("python -c 'print('", "SyntaxError"),
        ("gcc main.c", "no program"),
    ],
)
def test_mistakes_are_found(line: str, said: str) -> None:
    (command,) = pages.split_commands("here:1", "here:1", line)
    with pytest.raises((Wrong, SyntaxError)) as wrong:
        check(command.words)
    assert said in f"{wrong.type.__name__} {wrong.value}"


def test_how_a_line_is_read() -> None:
    text = 'A=1 make \\\n  demo ARGS="--x $N" && cd a > b  # no\n\nmrlm tasks | head\n'
    lines = list(pages.logical_lines(text))
    assert [number for number, _ in lines] == [0, 2, 3]
    read = [c for _, line in lines for c in pages.split_commands("here:1", "", line)]
    assert [c.words for c in read] == [
        ("make", "demo", "ARGS=--x 1"),
        ("cd", "a"),
        ("mrlm", "tasks"),
        ("head",),
    ]
    assert read[0].environment == {"A": "1"}
    quoted = "python -c 'a\nb'\nmake\n"
    assert [line for _, line in pages.logical_lines(quoted)] == ["python -c 'a\nb'", "make"]
    transcript = list(pages.logical_lines("$ mrlm tasks\ncode\n$ make \\\n  demo\n"))
    assert [line.split() for _, line in transcript] == [["mrlm", "tasks"], ["make", "demo"]]


def test_blocks_without_a_fence_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# A\n\n    make \\\n      demo\n    pip -V\n\nNo:\n    pip no\n\n    not\n")
    assert [(c.place, str(c)) for c in pages.commands(page)] == [
        ("page.md:3", "make demo"),
        ("page.md:3", "pip -V"),
    ]


class Shell:
    """Runs commands in a folder that has what a reader's checkout has."""

    def __init__(self, folder: Path, tiny: str = "", run: Path | None = None) -> None:
        self.folder, self.tiny, self.run_folder = folder, tiny, run
        for name in ("recipes", "data_gen", "docs"):
            shutil.copytree(ROOT / name, folder / name)
        (folder / "gsm8k").mkdir()
        benchmark_files.write(folder / "gsm8k" / "test.jsonl", benchmark_files.GSM8K)
        benchmark_files.write_bfcl(folder / "bfcl_eval" / "data")
        write_files(folder)

    def __call__(self, command: Any) -> str:
        rule = rule_of(command)
        assert rule
        words = [*command.words, *self._smaller(command, rule)]
        self._bring_runs(words)
        if words[:2] == ["mrlm", "new"]:  # the reader does not have it yet
            (self.folder / words[2]).unlink(missing_ok=True)
        before = self._files(rule)
        done = subprocess.run(
            words,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            env=self._environment() | command.environment,
        )
        assert done.returncode == 0, f"{command.place}: {words}\n{done.stdout}{done.stderr[-4000:]}"
        assert not rule.leaves or self._files(rule) - before, f"{command.place} left no file"
        return str(done.stdout)

    def _smaller(self, command: Any, rule: Rule) -> list[str]:
        flags = rule.smaller.format(tiny=self.tiny).split()
        return flags[2:] if re.search(r"--model\S* runs/", str(command)) else flags

    def _files(self, rule: Rule) -> set[tuple[Path, int]]:
        found = self.folder.glob(rule.leaves) if rule.leaves else ()
        return {(path, path.stat().st_mtime_ns) for path in found}

    def _bring_runs(self, words: list[str]) -> None:
        """The runs that a command reads and no earlier one of the block made."""
        for flag, word in zip(["", *words], words, strict=False):
            match = re.match(r"runs/\w+", word)
            if match and not flag.startswith("--out") and not (self.folder / match[0]).exists():
                assert self.run_folder
                shutil.copytree(self.run_folder, self.folder / match[0])

    def _environment(self) -> dict[str, str]:
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return os.environ | {
            "PATH": programs,
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }


@pytest.mark.integration
@pytest.mark.parametrize("command", _cases(at_level("fast")))
def test_it_runs(command: Any, tmp_path: Path) -> None:
    said = Shell(tmp_path)(command)
    assert said.strip()


@pytest.fixture(scope="session")
def tiny(tiny_llama: Any, bpe_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny model whose context holds a prompt with tools, almost byte by byte."""
    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = bpe_tokenizer()
    tiny_llama(vocab_size=len(tokenizer), max_position_embeddings=4096).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def demo_run(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of ``ppo_math`` leaves."""
    shell = Shell(tmp_path_factory.mktemp("demo"), tiny)
    shell(pages.Command("here", "here", ("python", "recipes/ppo_math.py"), {}))
    return shell.folder / "runs" / "ppo_math"


@pytest.mark.slow
@pytest.mark.parametrize("block", list(dict.fromkeys(c.block for c in at_level("slow"))))
def test_the_block_runs(block: str, tiny: str, demo_run: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path, tiny, demo_run)
    for command in at_level("slow"):
        if command.block == block:
            _needs(command)
            shell(command)
