"""What libraries warn of, and what of it is seen."""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest

from mrlm.quiet import LOGGED, WARNED, silence_libraries

SAID = {
    "transformers.modeling_utils": (
        "`is_gradient_checkpointing` is deprecated and will be removed in v6. Use `is_ac",
        FutureWarning,
    ),
    "mrlm.trainers.online": (
        "You are using 'environment_factory', which is an experimental feature. This API may ch",
        UserWarning,
    ),
}


@pytest.fixture(autouse=True)
def nobody_asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "warnoptions", [])
    loggers = [logging.getLogger(noise.source) for noise in LOGGED]
    before = [list(logger.filters) for logger in loggers]
    yield
    for logger, filters in zip(loggers, before, strict=True):
        logger.filters = filters


def _heard(module: str, words: str, category: type[Warning]) -> int:
    """How many warnings are shown of one that this module gives."""
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        silence_libraries()
        warnings.warn_explicit(words, category, "file.py", 1, module=module)
    return len(shown)


def test_each_is_silent_from_its_module_and_in_its_words_alone() -> None:
    assert len(SAID) == len(WARNED)
    for module, (words, category) in SAID.items():
        assert _heard(module, words, category) == 0
        assert _heard("somebody.else", words, category) == 1
        assert _heard(module, f"Note: {words}", category) == 1
    assert _heard("transformers.modeling_utils", "`use_cache` is deprecated", FutureWarning) == 1


@pytest.mark.parametrize(
    ("logger", "silent", "heard"),
    [
        (
            "transformers.trainer_utils",
            "The tokenizer has new PAD/BOS/EOS tokens that differ from the model config and ge",
            "The tokenizer has no PAD token",
        ),
        (
            "transformers.generation.configuration_utils",
            "The following generation flags are not valid and may be ignored: ['top_k']. Set",
            "The following generation flags are not known",
        ),
        (
            "accelerate.commands.launch",
            "The following values were not passed to `accelerate launch` and had defaults used "
            "instead:\n\t`--num_processes` was set to a value of `0`\nTo avoid this",
            "The following values were not passed to `accelerate launch` and had defaults used "
            "instead:\n\t`--num_processes` was set to a value of `2`\n\t\tMore than one GPU was",
        ),
    ],
)
def test_loggers(logger: str, silent: str, heard: str, caplog: pytest.LogCaptureFixture) -> None:
    silence_libraries()
    silence_libraries()
    logging.getLogger(logger).warning(silent)
    logging.getLogger(logger).warning(heard)
    assert caplog.messages == [heard]
    assert len(logging.getLogger(logger).filters) == 1


def test_who_asks_for_warnings_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "warnoptions", ["default"])
    for module, (words, category) in SAID.items():
        assert _heard(module, words, category) == 1


def test_commands_and_programs_are_quiet() -> None:
    for start in (
        "from mrlm import cli; cli.main(['tasks'])",
        "from mrlm.termination import run_program; run_program(int)",
    ):
        code = f"""
import warnings
{start}
from mrlm.quiet import WARNED
filters = [entry[1].pattern for entry in warnings.filters if entry[1]]
assert all(noise.words in filters for noise in WARNED), filters
"""
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
