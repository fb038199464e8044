"""What a process gives up before it runs code that nobody trusts, with ctypes alone.

Two steps. :func:`drop_privileges` runs once in the zygote and is inherited by every child:
capabilities, new privileges, and a place at the head of the kernel's out-of-memory list. Then each
child calls :func:`enter`: resource limits, Landlock (which files it may open) and seccomp (which
system calls it may make; see ``seccomp.py``). None of it needs root, user namespaces or a daemon,
and none of it can be undone by the process.

Sources: landlock(7), seccomp(2), capset(2), prctl(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import platform
import signal
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

with contextlib.suppress(ImportError):  # Windows, where this still has to say what is missing
    import resource

from mrlm.sandbox.seccomp import ARCHITECTURES, build_filter

__all__ = [
    "READ",
    "READ_DIR",
    "READ_WRITE",
    "close_all_but",
    "die_with_parent",
    "drop_privileges",
    "enter",
    "landlock_ruleset",
    "missing_features",
    "seccomp_program",
]

DESCRIPTOR_LIMIT = 32
_PROCESSORS = os.cpu_count() or 1  # the system is asked once, not by each child

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x2008_0522

# The same numbers on every architecture.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_CLOSE_RANGE, _LAST_DESCRIPTOR = 436, (1 << 31) - 1
_LANDLOCK_VERSION_FLAG, _LANDLOCK_PATH_BENEATH = 1, 1
# Rights that each version of Landlock knows: 13 for files, then rename and link across folders,
# truncate, (network), ioctl on devices. A right that is handled and not granted is refused.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_WRITE_FILE, _READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_REG, _TRUNCATE = 1 << 5, 1 << 8, 1 << 14
_OF_A_FILE = _WRITE_FILE | _READ_FILE | _TRUNCATE
READ = _READ_FILE | READ_DIR
# Regular files in one flat folder: no folders, links, pipes, sockets or devices.
READ_WRITE = READ | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE


class _SockFprog(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    unsigned = ctypes.c_ulong
    libc.prctl.argtypes = (ctypes.c_int, unsigned, ctypes.c_void_p, unsigned, unsigned)
    return libc


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _prctl(option: int, value: int, pointer: object = None) -> None:
    _check(_libc().prctl(option, value, pointer, 0, 0), f"prctl {option}")


def missing_features() -> list[str]:
    """What this system lacks for full isolation, in words; empty when nothing. Changes nothing."""
    if sys.platform != "linux":
        return [f"Linux (this is {sys.platform})"]
    missing = []
    if platform.machine() not in ARCHITECTURES:
        missing.append(
            f"a table of system calls for {platform.machine()} (there is one for "
            f"{' and '.join(ARCHITECTURES)})"
        )
    if _landlock_version() < 1:
        missing.append("Landlock (Linux 5.13 or newer, not refused by the container's own filter)")
    # An empty program: EFAULT when filters are supported, EINVAL when they are not.
    _libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, None, 0, 0)
    if ctypes.get_errno() != errno.EFAULT:
        missing.append("seccomp filters (a kernel with CONFIG_SECCOMP_FILTER)")
    return missing


def _landlock_version() -> int:
    version: int = _libc().syscall(
        _LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_LANDLOCK_VERSION_FLAG)
    )
    return version


def landlock_ruleset(grants: Iterable[tuple[str, int]]) -> int:
    """A ruleset that allows ``rights`` beneath each ``(path, rights)`` and nothing else.

    A path that does not exist is left out.

    Returns:
        A descriptor for :func:`enter`; children inherit it, so it is built once.
    """
    version = _landlock_version()
    handled = (1 << _FILE_RIGHTS[min(version, 5)]) - 1
    network = 0b11 if version >= 4 else 0  # bind, connect
    scoped = 0b11 if version >= 6 else 0  # abstract sockets, signals
    attributes = struct.pack("QQQ", handled, network, scoped)
    size = 8 if version < 4 else 16 if version < 6 else 24
    libc = _libc()
    ruleset = _check(
        libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0),
        "landlock_create_ruleset",
    )
    for path, rights in grants:
        try:
            target = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        allowed = rights & handled & (-1 if os.path.isdir(path) else _OF_A_FILE)
        rule = struct.pack("=Qi", allowed, target)
        result = libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_PATH_BENEATH, rule, 0)
        _check(result, f"landlock_add_rule for {path}")
        os.close(target)
    return ruleset


def seccomp_program() -> ctypes.Structure:
    """The filter of this machine's architecture, for :func:`enter`."""
    code = build_filter(platform.machine())
    return _SockFprog(len(code) // 8, code)


def drop_privileges() -> None:
    """Give up what no child needs; inherited over ``fork``.

    Without capabilities even root is a plain user: it cannot open others' files or raise limits.
    """
    # When memory runs out, the kernel takes a candidate and not the trainer. The file belongs to
    # root as soon as the process is not dumpable.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)  # no tracing by processes of the same user, no core file
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _check(_libc().capset(header, bytes(24)), "capset")
    # What is the same for every run; the rest is set by each child.
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_NOFILE, DESCRIPTOR_LIMIT),
    ):
        _cap(limit, value)


def _cap(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (capped, capped))


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when ``parent``, which forked it, ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def close_all_but(keep: set[int]) -> None:
    """Close every descriptor of this process that is not in ``keep``."""
    start = 0
    for descriptor in [*sorted(keep), _LAST_DESCRIPTOR]:
        if start < descriptor:
            # os.closerange tries each number in turn where Python was built for an older C library.
            _check(_libc().syscall(_CLOSE_RANGE, start, descriptor - 1, 0), "close_range")
        start = descriptor + 1


def enter(
    memory: int,
    file_size: int,
    seconds: int | None,
    confinement: tuple[int, ctypes.Structure] | None,
) -> None:
    """Lock this process down, for good.

    Args:
        memory: Bytes of address space.
        file_size: Bytes that one file may have.
        seconds: Wall time after which the kernel ends it at the latest if it uses all
            processors, should its supervisor not.
        confinement: Landlock ruleset and seccomp program; ``None`` leaves it at the limits.
    """
    _cap(resource.RLIMIT_AS, memory)
    _cap(resource.RLIMIT_FSIZE, file_size)
    if seconds is not None:
        _cap(resource.RLIMIT_CPU, seconds * _PROCESSORS)  # threads add up
    if confinement is not None:
        ruleset, program = confinement
        _check(_libc().syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
        os.close(ruleset)
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program))
