"""The system calls that a locked-down process may make: an allow-list, as a seccomp filter.

Everything that is not listed fails with ``EPERM``, so that Python code sees a ``PermissionError``
and can go on. Left out on purpose: new processes and programs, signals to anyone, sockets that
reach outside the process, tracing, other processes' memory, limits, priorities and files' owners,
modes and times (Landlock does not guard those), namespaces, keys, io_uring, BPF, and all of the
less used kernel surface. Some calls are allowed only with arguments that stay inside the process.

Calls newer than the table fail with ``ENOSYS``, on which a C library falls back to an older one.

Source: https://docs.kernel.org/userspace-api/seccomp_filter.html; numbers from the kernel's
``unistd_64.h`` (x86_64) and ``asm-generic/unistd.h`` (aarch64).
"""

from __future__ import annotations

import errno
import os
import struct

__all__ = ["ARCHITECTURES", "build_filter"]

# name: (x86_64, aarch64); None where the architecture does not have the call.
CALLS: dict[str, tuple[int | None, int | None]] = {
    # Files that are already open.
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "lseek": (8, 62),
    "close": (3, 57),
    "close_range": (436, 436),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "pipe": (22, None),
    "pipe2": (293, 59),
    "ftruncate": (77, 46),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "getdents64": (217, 61),
    "fcntl": (72, 25),
    "ioctl": (16, 29),
    # Paths; Landlock decides which.
    "open": (2, None),
    "openat": (257, 56),
    "stat": (4, None),
    "fstat": (5, 80),
    "lstat": (6, None),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "getcwd": (79, 17),
    "chdir": (80, 49),
    "fchdir": (81, 50),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "umask": (95, 166),
    # Waiting, and the socket pair that an asyncio event loop wakes itself with.
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_wait": (232, None),
    "epoll_pwait": (281, 22),
    "eventfd2": (290, 19),
    "socketpair": (53, 199),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    # Memory.
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    # Signals inside the process.
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigtimedwait": (128, 137),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "alarm": (37, None),
    "setitimer": (38, 103),
    "getitimer": (36, 102),
    "pause": (34, None),
    # Threads.
    "clone": (56, 220),
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "membarrier": (324, 283),
    "set_tid_address": (218, 96),
    "gettid": (186, 178),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "exit": (60, 93),
    "exit_group": (231, 94),
    # Time and what a process may know about itself.
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "times": (100, 153),
    "getrusage": (98, 165),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getrandom": (318, 278),
    "getrlimit": (97, 163),
    "setrlimit": (160, 164),
    "prlimit64": (302, 261),
}
# Refused with ENOSYS: the C library then takes the older call, whose arguments a filter can see.
_FALL_BACK = (435, 437, 441)  # clone3, openat2, epoll_pwait2: the same numbers on both
_NEWEST = 450

_ALL = 0xFFFF_FFFF_FFFF_FFFF
_INT = 0xFFFF_FFFF
# What pthread_create asks for (musl adds CLONE_DETACHED, 0x400000): a thread, never a process.
_PTHREAD = 0x3D0F00
# Without a file descriptor's access mode O_TRUNC would empty files that Landlock, before its third
# version, guards only against writing; mode 3 is open to no check at all.
_OPEN = tuple(
    ((1, _INT & mask, mode),)
    for mask, mode in ((3, os.O_WRONLY), (3, os.O_RDWR), (3 | os.O_TRUNC, os.O_RDONLY))
)
_Checks = tuple[tuple[int, int, int], ...]

# name: alternatives, each a tuple of (argument, mask, value) that must all hold.
_CONDITIONS: dict[str, tuple[_Checks, ...]] = {
    "open": _OPEN,
    "openat": tuple(((2, mask, value),) for ((_, mask, value),) in _OPEN),
    "clone": (((0, _INT & ~0x400000, _PTHREAD),),),
    # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC. Not F_SETOWN, which has the
    # kernel send any signal to any process.
    "fcntl": tuple(((1, _INT, command),) for command in (0, 1, 2, 3, 4, 1030)),
    # TCGETS, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
    "ioctl": tuple(((1, _INT, code),) for code in (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)),
    # Its own limits only: pid 0.
    "prlimit64": (((0, _INT, 0),),),
    # AF_UNIX, SOCK_STREAM with any of its flags.
    "socketpair": (((0, _INT, 1), (1, 0xF, 1)),),
    # No flag but MSG_NOSIGNAL, no address.
    "sendto": (((3, _INT & ~0x4000, 0), (4, _ALL, 0)),),
    "recvfrom": (((3, _INT, 0),),),
}

# machine: (column of the table, AUDIT_ARCH)
ARCHITECTURES = {"x86_64": (0, 0xC000_003E), "aarch64": (1, 0xC000_00B7)}

_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _AND, _RETURN = 0x20, 0x15, 0x25, 0x54, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF_0000, 0x0005_0000, 0x8000_0000
_X32_BIT = 0x4000_0000


def build_filter(machine: str) -> bytes:
    """The filter as an array of ``struct sock_filter`` (8 bytes each).

    Args:
        machine: ``platform.machine()``, a key of ``ARCHITECTURES``.
    """
    column, audit_arch = ARCHITECTURES[machine]
    numbers = {name: number for name, pair in CALLS.items() if (number := pair[column]) is not None}
    plain = [number for name, number in numbers.items() if name not in _CONDITIONS]
    program = [
        _op(_LOAD, 4),
        _op(_JUMP_EQUAL, audit_arch, 1, 0),
        _op(_RETURN, _KILL),
        _op(_LOAD, 0),
        _op(_JUMP_ABOVE, _X32_BIT - 1, 0, 1),
        _op(_RETURN, _KILL),
        _op(_JUMP_ABOVE, _NEWEST, 0, 1),
        _op(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    for newer in _FALL_BACK:
        program += [_op(_JUMP_EQUAL, newer, 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)]
    for name, alternatives in _CONDITIONS.items():
        if name in numbers:
            program += _conditional(numbers[name], alternatives)
    for index, number in enumerate(plain):
        # To the last instruction, over the rest of the list and the refusal.
        program.append(_op(_JUMP_EQUAL, number, len(plain) - index, 0))
    program += [_op(_RETURN, _ERRNO | errno.EPERM), _op(_RETURN, _ALLOW)]
    return b"".join(program)


def _op(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand)


def _conditional(number: int, alternatives: tuple[_Checks, ...]) -> list[bytes]:
    """Allow call ``number`` when all checks of one alternative hold, refuse it otherwise."""
    body: list[bytes] = []
    for checks in alternatives:
        tests: list[tuple[bytes, bytes, int]] = []
        for argument, mask, value in checks:
            # A filter sees 32 bits at a time; both architectures are little-endian.
            for half in range(2):
                half_mask = mask >> 32 * half & _INT
                if half_mask:
                    load = _op(_LOAD, 16 + 8 * argument + 4 * half)
                    tests.append((load, _op(_AND, half_mask), value >> 32 * half & _INT))
        for index, (load, mask_op, expected) in enumerate(tests):
            # On a mismatch over the remaining tests of this alternative and its return.
            to_next = 3 * (len(tests) - index - 1) + 1
            body += [load, mask_op, _op(_JUMP_EQUAL, expected, 0, to_next)]
        body.append(_op(_RETURN, _ALLOW))
    body.append(_op(_RETURN, _ERRNO | errno.EPERM))
    return [_op(_JUMP_EQUAL, number, 0, len(body)), *body]
