"""What a CUDA graph does, on a CPU: operations are noted with their memory, and run again on it.

Python runs once, while it is recorded. Nothing is computed then in a CUDA graph; here it is, and
the memory of all that the step writes is put back. To read a value in Python, or to make a tensor
as large as one says, raises as it does in a capture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# What waits for the device, or depends on values of tensors in the size of what it gives.
WAITS = {
    torch.ops.aten._local_scalar_dense.default,
    torch.ops.aten.nonzero.default,
    torch.ops.aten.masked_select.default,
    torch.ops.aten.is_nonzero.default,
    torch.ops.aten.equal.default,
    torch.ops.aten._unique2.default,
}

Tape = list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]]


class _Tape(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: Tape = []
        self.written: list[tuple[torch.Tensor, torch.Tensor]] = []  # memory, and what it held

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in WAITS:
            raise RuntimeError(f"called a synchronizing operation: {func}")
        masks = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        if func._schema.name.startswith("aten::index") and any(
            x.dtype == torch.bool for x in tree_leaves(args[1:]) if isinstance(x, torch.Tensor)
        ):
            raise RuntimeError(f"called a synchronizing operation: {func} with a mask")
        if func._schema.is_mutable:
            self.written.append((masks[0], masks[0].clone()))
        out = func(*args, **kwargs)
        self.calls.append((func, args, kwargs, out))
        return out


class GraphsOnCPU:
    """Stands in the place of ``mrlm.sampling.cuda_graph.CUDAGraphs``.

    Attributes:
        recorded: Steps that were recorded.
        replayed: Times that one was run from its record.
    """

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def rehearse(self, step: Callable[[], None]) -> None:
        with _Tape():
            step()

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        with _Tape() as tape:
            step()
        for memory, before in reversed(tape.written):
            memory.copy_(before)
        self.recorded += 1

        def replay() -> None:
            self.replayed += 1
            for func, args, kwargs, out in tape.calls:
                again = func(*args, **kwargs)
                for place, value in zip(tree_leaves(out), tree_leaves(again), strict=True):
                    if isinstance(place, torch.Tensor) and place.data_ptr() != value.data_ptr():
                        place.copy_(value)

        return replay
