"""How a command line's mistake is said: by every program of ours in one message."""

from __future__ import annotations

import argparse
from typing import NoReturn

from mrlm.termination import let_main_process_speak

__all__ = ["ShortErrors"]


class ShortErrors(argparse.ArgumentParser):
    """Says what is wrong without the usage, which is over two hundred lines long for a recipe."""

    def error(self, message: str) -> NoReturn:
        let_main_process_speak()
        self.exit(2, f"{self.prog}: error: {message}\n{self.prog} --help lists all options.\n")
