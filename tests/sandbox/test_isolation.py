"""What the isolation stands on, and what happens where it is missing."""

from __future__ import annotations

import logging
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mrlm
from mrlm.sandbox import Sandbox
from mrlm.sandbox.lockdown import missing_features
from mrlm.sandbox.seccomp import ARCHITECTURES, CALLS, build_filter

HEADERS = {
    0: Path(f"/usr/include/{platform.machine()}-linux-gnu/asm/unistd_64.h"),
    1: Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("column", HEADERS)
def test_the_numbers_of_system_calls_are_the_kernels(column: int) -> None:
    if not HEADERS[column].exists():
        pytest.skip(f"no {HEADERS[column]}")
    pattern = r"#define\s+__NR(?:3264)?_(\w+)\s+(\d+)"
    kernel = {
        name: int(number) for name, number in re.findall(pattern, HEADERS[column].read_text())
    }
    kernel |= {"newfstatat": kernel.get("fstatat", kernel.get("newfstatat"))}
    ours = {name: pair[column] for name, pair in CALLS.items() if pair[column] is not None}
    assert ours == {name: kernel[name] for name in ours}


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_every_jump_of_the_filter_lands_inside(machine: str) -> None:
    code = build_filter(machine)
    count = len(code) // 8
    assert count < 4096  # the kernel's limit
    for index in range(count):
        operation = int.from_bytes(code[8 * index : 8 * index + 2], "little")
        if operation in (0x15, 0x25):
            for distance in code[8 * index + 2 : 8 * index + 4]:
                assert index + 1 + distance < count


# (call, arguments) -> allowed, straight from the filter by a small interpreter of it.
@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize(
    ("name", "arguments", "allowed"),
    [
        ("read", (0, 0, 0), True),
        ("openat", (0, 0, os.O_RDONLY), True),
        ("openat", (0, 0, os.O_RDWR | os.O_CREAT | os.O_TRUNC), True),
        ("openat", (0, 0, os.O_RDONLY | os.O_TRUNC), False),
        ("openat", (0, 0, 3), False),
        ("openat", (0, 0, 3 | os.O_TRUNC), False),
        ("clone", (0x3D0F00,), True),
        ("clone", (0x7D0F00,), True),
        ("clone", (17,), False),
        ("clone", (0x3D0F00 | 0x10000000,), False),
        ("fcntl", (0, 1), True),
        ("fcntl", (0, 8), False),
        ("fcntl", (0, 10), False),
        ("fcntl", (0, 1031), False),
        ("ioctl", (0, 0x5401), True),
        ("ioctl", (0, 0x5412), False),
        ("prlimit64", (0, 7), True),
        ("prlimit64", (1, 7), False),
        ("socketpair", (1, 1 | 0o2000000), True),
        ("socketpair", (2, 1), False),
        ("socketpair", (1, 2), False),
        ("sendto", (0, 0, 0, 0, 0), True),
        ("sendto", (0, 0, 0, 0x4000, 0), True),
        ("sendto", (0, 0, 0, 1, 0), False),
        ("sendto", (0, 0, 0, 0, 1 << 40), False),
        ("recvfrom", (0, 0, 0, 1), False),
        ("exit_group", (0,), True),
    ],
)
def test_arguments_decide(
    machine: str, name: str, arguments: tuple[int, ...], allowed: bool
) -> None:
    column, audit = ARCHITECTURES[machine]
    number = CALLS[name][column]
    assert number is not None
    assert (interpret(build_filter(machine), audit, number, arguments) == 0x7FFF0000) == allowed


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_everything_else_is_refused(machine: str) -> None:
    column, audit = ARCHITECTURES[machine]
    listed = {pair[column] for pair in CALLS.values()}
    code = build_filter(machine)
    for number in set(range(1024)) - listed:
        assert interpret(code, audit, number, ()) in (0x00050001, 0x00050026)  # EPERM, ENOSYS
    kill = 0x80000000
    assert interpret(code, 0x40000003, 1, ()) == kill  # 32-bit calls
    assert interpret(code, audit, 0x40000001, ()) == kill  # x32 calls


def interpret(code: bytes, audit: int, number: int, arguments: tuple[int, ...]) -> int:
    data = number.to_bytes(4, "little") + audit.to_bytes(4, "little") + bytes(8)
    data += b"".join(argument.to_bytes(8, "little") for argument in arguments)
    data = data.ljust(64, b"\0")
    accumulator = position = 0
    while True:
        operation, if_true, if_false = code[position], code[position + 2], code[position + 3]
        operand = int.from_bytes(code[position + 4 : position + 8], "little")
        position += 8
        if operation == 0x20:
            accumulator = int.from_bytes(data[operand : operand + 4], "little")
        elif operation == 0x54:
            accumulator &= operand
        elif operation == 0x15:
            position += 8 * (if_true if accumulator == operand else if_false)
        elif operation == 0x25:
            position += 8 * (if_true if accumulator > operand else if_false)
        else:
            assert operation == 0x06
            return operand


# Every number but those in the list, for real; prints the ones that the kernel looked at.
CALL_ALL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
reached = []
for number in set(range(1024)) - LISTED:
    ctypes.set_errno(0)
    if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
        reached.append(number)
print(reached)
"""


def test_the_kernel_refuses_every_call_that_is_not_listed(sandbox: Sandbox) -> None:
    """io_uring, userfaultfd, keyctl, memfd_create, name_to_handle_at, timerfd_create, ..."""
    column, _ = ARCHITECTURES[platform.machine()]
    listed = {pair[column] for pair in CALLS.values()} - {None}
    if platform.machine() == "x86_64":
        # uretprobe and uprobe: newer kernels let no filter see them, and raise SIGILL themselves.
        listed |= {335, 336}
    code = CALL_ALL.replace("LISTED", repr(listed))
    verdict = sandbox.check_program(code, [{"input": "", "output": "[]"}])
    assert verdict.passed, verdict


# Runs the rest of a script under a filter that answers one system call with an error.
CRIPPLED = """
import ctypes, logging, struct, sys
number, argument, error = map(int, sys.argv[1:4])
libc = ctypes.CDLL(None)
op = lambda code, k, t=0, f=0: struct.pack("HBBI", code, t, f, k)
code = [op(0x20, 0), op(0x15, number, 0, 3), op(0x20, 16), op(0x15, argument, 0, 1),
        op(6, 0x50000 | error), op(6, 0x7FFF0000)]
if argument < 0:
    code = [op(0x20, 0), op(0x15, number, 0, 1), op(6, 0x50000 | error), op(6, 0x7FFF0000)]
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
program = Program(len(code), b"".join(code))
one, zero = ctypes.c_ulong(1), ctypes.c_ulong(0)
assert libc.prctl(38, one, zero, zero, zero) == 0
assert libc.prctl(22, ctypes.c_ulong(2), ctypes.byref(program), zero, zero) == 0
logging.basicConfig(format="%(levelname)s %(message)s")
from mrlm.sandbox import Sandbox, SandboxError
cases = [{"input": "", "output": "1"}]
def check(**settings):
    with Sandbox(workers=1, **settings) as sandbox:
        return sandbox.check_function("def f(): return 1", "f", cases)
try:
    print("full:", check().status)
except SandboxError as error:
    print("full:", error)
print("unsafe:", check(isolation="rlimits-unsafe"), check(isolation="rlimits-unsafe").status)
"""


def run_crippled(number: int, argument: int, error: int) -> tuple[str, str, str]:
    """What the full and the unsafe mode say, and what is logged."""
    code = CRIPPLED if argument >= 0 else CRIPPLED.replace("op(0x15, argument, 0, 1)", "op(6, 0)")
    done = subprocess.run(
        [sys.executable, "-c", code, str(number), str(argument), str(error)],
        env={**os.environ, "PYTHONPATH": str(Path(mrlm.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    full, unsafe = done.stdout.splitlines()
    return full, unsafe, done.stderr


def test_without_landlock_it_refuses_and_names_the_choice() -> None:
    full, unsafe, logged = run_crippled(444, -1, 38)
    assert "Landlock" in full and "seccomp" not in full
    assert "isolation='rlimits-unsafe'" in full
    assert "isolation='rlimits-unsafe'" in unsafe and "status='passed'" in unsafe
    assert logged.count("WARNING isolation='rlimits-unsafe'") == 1


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the number of prctl")
def test_without_seccomp_it_refuses() -> None:
    full, unsafe, _ = run_crippled(157, 22, 22)
    assert "seccomp filters" in full and "Landlock" not in full
    assert "status='passed'" in unsafe


def test_landlock_that_only_claims_to_work_is_found_out() -> None:
    """landlock_restrict_self that returns 0 and does nothing."""
    full, _, _ = run_crippled(446, -1, 0)
    assert "could still read /proc" in full


def test_this_system_has_what_it_takes() -> None:
    assert missing_features() == []


def test_another_system_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert missing_features() == ["Linux (this is darwin)"]
    monkeypatch.undo()
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    (missing,) = missing_features()
    assert "riscv64" in missing and "x86_64" in missing and "aarch64" in missing


def test_it_can_be_imported_where_unix_modules_are_missing() -> None:
    script = "import sys\nfor name in ('resource', 'fcntl'): sys.modules[name] = None\n"
    script += "import mrlm.sandbox\n"
    environment = {**os.environ, "PYTHONPATH": str(Path(mrlm.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)


def test_the_unsafe_mode_still_keeps_expected_values_apart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from mrlm.tasks.code.attacks import CASES
    from mrlm.tasks.code.hacks import HACKS

    names = ("finds cases with gc", "reads expected from its callers' variables", "nothing")
    with caplog.at_level(logging.ERROR), Sandbox(isolation="rlimits-unsafe") as sandbox:
        for name in names:
            verdict = sandbox.check_function(HACKS[name], "solve", CASES)
            assert not verdict.passed
            assert verdict.isolation == "rlimits-unsafe"
        # What is left behind by a process that it may start is ended with it.
        code = "import os, time\nif os.fork() == 0: time.sleep(60)\ndef f(): return 1"
        assert sandbox.check_function(code, "f", [{"input": "", "output": "1"}]).passed


# Searches its own memory around objects of several kinds: write(2) to a pipe fails on an address
# that is not mapped, where a load would end the process. Pages are searched for what a needle
# becomes with every byte one higher, so that the search does not find itself.
SCAN = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
r, w = os.pipe()
one_higher = bytes((n + 1) % 256 for n in range(256))
kept = "".join(["NEEDLE", "-", "mine"])
def pages():
    stack = ctypes.create_string_buffer(1)
    for start in (id(kept), id(object), ctypes.addressof(stack), id(sys.modules["os"].__dict__)):
        for step in range(-(48 << 8), 48 << 8):
            page = (start & ~4095) + step * 4096
            if page > 0 and libc.write(w, page, 4096) == 4096:
                yield os.read(r, 4096)
found = {"mine": 0, "theirs": 0, "read": 0}
for page in pages():
    found["read"] += 1
    page = page.translate(one_higher)
    found["mine"] += page.count(b"OFFEMF.njof")
    found["theirs"] += page.count(b"OFFEMF.uifjst")
print(found)
"""


def test_no_earlier_test_is_left_in_a_candidates_memory() -> None:
    needle = "NEEDLE-theirs"
    with Sandbox(workers=1, time_limit=20) as sandbox:
        for _ in range(5):
            case = {"input": f"'{needle}'", "output": f"'{needle}'"}
            assert sandbox.check_function("def f(x): return x", "f", [case] * 50).passed
            test = f"def check(f):\n    assert f('{needle}') == '{needle}'\n"
            assert sandbox.check_suite("def f(x): return x", test, "f").passed
        verdict = sandbox.check_program(SCAN, [{"input": "", "output": needle}])
    assert verdict.status == "failed", verdict
    found = eval(verdict.output)
    assert found["read"] > 1000
    assert found["mine"] > 0
    assert found["theirs"] == 0
