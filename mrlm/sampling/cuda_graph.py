"""Record a decoding step's kernels once, and start them all at once from then on.

On a GPU a small model's token takes as long as Python needs to start some thousand kernels. A CUDA
graph starts them together. It repeats what was recorded, on the memory where it was: so a step may
read no value of a tensor in Python, and its tensors must stay where they are
(``mrlm.sampling.static_decoder``).

Not covered: other accelerators than those torch calls "cuda"; forward passes that wait for the
device, such as experts that are looked up one by one. Not run on a GPU by us.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

__all__ = ["CUDAGraphs", "RecordedStep", "Recorder"]

Step = Callable[[], None]


class Recorder(Protocol):
    """What records a step."""

    def rehearse(self, step: Step) -> None:
        """Run a step; raise ``RuntimeError`` where it waits for the device."""

    def record(self, step: Step) -> Step:
        """Note a step's kernels without running them; what is returned runs them."""


class CUDAGraphs:
    """Records on the current CUDA device; all graphs share the memory of what lies in between."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def rehearse(self, step: Step) -> None:
        # A recording that meets such a wait cannot be undone cleanly, so it is looked for before.
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("error")
        try:
            step()
        finally:
            torch.cuda.set_sync_debug_mode(before)

    def record(self, step: Step) -> Step:
        graph = torch.cuda.CUDAGraph()
        # "thread_local": a data loader's thread may pin memory meanwhile.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            step()
        return graph.replay


class RecordedStep:
    """A step that runs as it is, then under the recorder's eyes, and as its record from then on.

    Args:
        step: May be run again after it raised.
        recorder: Records it; ``None``: it always runs as it is.

    Attributes:
        failure: Why it could not be recorded; it then runs as it is.
    """

    def __init__(self, step: Step, recorder: Recorder | None) -> None:
        self._step = step
        self._recorder = recorder
        self._runs = 0  # the first one lets libraries make their buffers
        self._replay: Step | None = None
        self.failure: str | None = None

    def __call__(self) -> None:
        run = self._replay or self._step
        if self._recorder is not None and self._runs in (1, 2):
            try:
                if self._runs == 1:
                    self._recorder.rehearse(self._step)
                    self._runs += 1
                    return
                run = self._replay = self._recorder.record(self._step)
            except RuntimeError as error:
                name = type(error).__name__
                self._recorder, self.failure = None, (str(error).strip() or name).splitlines()[0]
        self._runs += 1
        run()
