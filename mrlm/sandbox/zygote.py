"""The clean process that candidates and oracles are forked from.

It is executed, not forked from the trainer: it shares no memory, environment or descriptors with
it, has the usual modules imported already, and never reads code or tests itself. Those go from the
trainer to the processes that need them in files without a name, of which the zygote only passes on
the descriptors. So a candidate that searches its memory finds nothing of this run or earlier ones.

It supervises one run at a time: deadline, threads, processor time, disk, and the death of the
trainer, which ends the run and the zygote. Its children in turn die with it.
"""

from __future__ import annotations

import _sitebuiltins
import builtins
import contextlib
import ctypes
import gc
import importlib
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mrlm.sandbox.candidate import (
    cap_stacks,
    run_program,
    serve_calls,
    serve_session,
    use_bounded_output,
)
from mrlm.sandbox.codec import Channel, from_json, to_json
from mrlm.sandbox.lockdown import (
    READ,
    READ_DIR,
    READ_WRITE,
    close_all_but,
    die_with_parent,
    drop_privileges,
    enter,
    landlock_ruleset,
    seccomp_program,
)
from mrlm.sandbox.oracle import judge
from mrlm.sandbox.packages import import_packages
from mrlm.sandbox.watch import Watch, excess

# Forked with everything imported, a candidate starts in a millisecond and finds in memory what it
# would otherwise need shared libraries outside the standard library's folder for.
PREIMPORTED = """
    array ast base64 binascii bisect bz2 calendar cmath collections.abc contextlib copy dataclasses
    datetime decimal enum fractions functools hashlib heapq inspect itertools json lzma math numbers
    operator pickle queue random re resource statistics string struct textwrap threading typing
    unicodedata uuid warnings zlib
"""
# A Python may have been built without it. Its databases are files like others, or in memory.
PREIMPORTED_IF_THERE = ("_sqlite3",)

MIN_FILE_LIMIT = 1 << 20  # bytes; a file that a run writes, its output included
WATCH_INTERVAL = 0.05  # seconds
GRACE = 1.0  # seconds that an oracle has on top of the time limit
_SESSION, _PROGRAM = "session", "program"
_libc = ctypes.PyDLL(None, use_errno=True)  # keeps Python's lock during a call


class Zygote:
    """Forks and supervises one run at a time for the trainer behind ``control``.

    Args:
        control: Socket of whole messages to the trainer.
        trainer: Process id of the trainer.
        folder: Private folder of this worker, writable for candidates, emptied before each run.
        confined: Whether to use Landlock and seccomp.
        packages: Folders and files of the packages that are open to candidates.
    """

    def __init__(
        self,
        control: socket.socket,
        trainer: int,
        folder: str,
        confined: bool,
        packages: Sequence[str],
    ) -> None:
        self.control = control
        self.trainer = os.pidfd_open(trainer)
        if os.getppid() != trainer:
            sys.exit(1)
        self.pid = os.getpid()
        self.folder = folder
        self.candidate_confinement: tuple[int, ctypes.Structure] | None = None
        self.oracle_confinement: tuple[int, ctypes.Structure] | None = None
        if confined:
            program = seccomp_program()
            readable = [*_readable_paths(), *((path, READ) for path in packages)]
            oracle_rules = landlock_ruleset(readable)
            candidate_rules = landlock_ruleset([*readable, (folder, READ_WRITE)])
            self.oracle_confinement = (oracle_rules, program)
            self.candidate_confinement = (candidate_rules, program)

    def serve(self) -> None:
        """Run what the trainer asks for until it closes the connection or ends."""
        try:
            while self._trainer_calls(None):
                message, files, _, _ = socket.recv_fds(self.control, 1 << 16, 8)
                if not message:
                    break
                request = from_json(message)
                if "kill" in request:  # of a run that has ended meanwhile
                    continue
                report = self._run(request, files)
                for descriptor in files:
                    os.close(descriptor)
                if report is None:
                    break
                self.control.send(to_json(report))
        except BrokenPipeError:
            pass  # a session ends with its trainer, so its end can be seen before the trainer's

    def _trainer_calls(self, timeout: float | None) -> bool:
        """Wait for a message; ``False`` when the time is over or the trainer has ended."""
        ready = _poll([self.control.fileno(), self.trainer], timeout)
        return self.control.fileno() in ready and self.trainer not in ready

    def _run(self, request: dict[str, Any], files: list[int]) -> dict[str, Any] | None:
        """Fork the processes of one run and see them to their end; ``None``: the trainer ended."""
        self._empty_folder()
        stdin, stdout, job, report = files
        role = request["role"]
        if role in (_PROGRAM, _SESSION):
            alone = self._fork(
                lambda: _be_alone(role, job, report, request["output"]),
                (stdin, stdout),
                {job, report},
                self.candidate_confinement,
                request,
            )
            return self._supervise(alone, None, request)
        to_oracle, from_candidate = os.pipe()
        to_candidate, from_oracle = os.pipe()
        candidate = self._fork(
            lambda: _be_candidate(to_candidate, from_candidate, request["output"]),
            (stdin, stdout),
            {to_candidate, from_candidate},
            self.candidate_confinement,
            request,
        )
        oracle = self._fork(
            lambda: judge(job, report, Channel(to_oracle, from_oracle)),
            (None, None),
            {job, report, to_oracle, from_oracle},
            self.oracle_confinement,
            request,
        )
        for descriptor in (to_oracle, from_candidate, to_candidate, from_oracle):
            os.close(descriptor)
        return self._supervise(candidate, oracle, request)

    def _fork(
        self,
        body: Callable[[], int | None],
        standard: tuple[int | None, int | None],
        keep: set[int],
        confinement: tuple[int, ctypes.Structure] | None,
        request: dict[str, Any],
    ) -> int:
        """Fork a locked-down process that runs ``body``, whose result is its exit status."""
        # Not os.fork(): its hooks write to seventy pages of memory, which each child would have to
        # copy. They are for locks that other threads may hold, and there are no other threads.
        pid: int = _libc.fork()
        if pid < 0:
            raise OSError(ctypes.get_errno(), "a process of the sandbox could not be started")
        if pid:
            return pid
        status = 1
        try:
            die_with_parent(self.pid)
            stdin, stdout = standard
            null = os.open(os.devnull, os.O_RDWR)
            for source, target in ((stdin, 0), (stdout, 1), (None, 2)):
                os.dup2(null if source is None else source, target)
            os.chdir(self.folder if stdout is not None else "/")
            if confinement is None:
                os.setsid()
            close_all_but({0, 1, 2} | keep | ({confinement[0]} if confinement else set()))
            gc.enable()
            seconds = None if request["role"] == _SESSION else int(request["seconds"]) + 3
            file_size = max(MIN_FILE_LIMIT, request["output"])
            enter(request["memory"], file_size, seconds, confinement)
            status = body() or 0
        finally:
            os._exit(status)

    def _supervise(
        self, candidate: int, oracle: int | None, request: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Wait for the run's end or bring it about, and reap its processes."""
        leader = candidate if oracle is None else oracle
        processes = [candidate] if oracle is None else [candidate, oracle]
        deadline = None
        if request["role"] != _SESSION:
            # An oracle keeps the time itself and can say how far it got, unless its tests hang.
            grace = 0 if oracle is None else GRACE
            deadline = time.monotonic() + request["seconds"] + grace
        watches = [Watch(process) for process in processes]
        ended: str | None = None
        exited = os.pidfd_open(leader)
        while ended is None:
            left = WATCH_INTERVAL if deadline is None else deadline - time.monotonic()
            ready = _poll(
                [self.control.fileno(), self.trainer, exited], min(WATCH_INTERVAL, max(0.0, left))
            )
            if exited in ready:
                ended = "exit"
            elif self.trainer in ready:
                ended = "orphaned"
            elif self.control.fileno() in ready:
                ended = "killed" if self.control.recv(1 << 16) else "orphaned"
            elif left <= 0:
                ended = "deadline"
            else:
                ended = excess(watches, self.folder)
        os.close(exited)
        statuses = [self._end(process) for process in processes]
        return None if ended == "orphaned" else {"ended": ended, "statuses": statuses}

    def _end(self, process: int) -> int:
        """Kill and reap a child; its exit status, negative for a signal."""
        os.kill(process, signal.SIGKILL)  # not reaped yet, so still ours
        if self.candidate_confinement is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        return os.waitstatus_to_exitcode(status)

    def _empty_folder(self) -> None:
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):  # only without Landlock
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    os.unlink(entry)

    def try_out(self, memory: int) -> str | None:
        """Lock a child down and have it try what it must not and must be able to do.

        Returns:
            What is wrong, ``None`` when the isolation holds.
        """
        request = {"role": _PROGRAM, "seconds": 10, "memory": memory, "output": 0}
        process = self._fork(_probe, (0, 1), set(), self.candidate_confinement, request)
        _, status = os.waitpid(process, 0)
        code = os.waitstatus_to_exitcode(status)
        return None if code == 0 else _PROBLEMS.get(code, f"the trial ended with status {code}")


_PROBLEMS = {
    1: "limits, Landlock or seccomp could not be set",
    2: "a locked-down process could still read /proc",
    3: "a locked-down process could still open a socket",
    4: "a locked-down process could not read the standard library",
}


def _probe() -> int:
    with contextlib.suppress(PermissionError):
        os.close(os.open("/proc/self/status", os.O_RDONLY))
        return 2
    with contextlib.suppress(PermissionError):
        socket.socket().close()
        return 3
    try:
        os.close(os.open(os.__file__, os.O_RDONLY))
    except OSError:
        return 4
    return 0


def _be_candidate(reader: int, writer: int, output_limit: int) -> None:
    use_bounded_output(output_limit)
    serve_calls(Channel(reader, writer))


def _be_alone(role: str, job: int, report: int, output_limit: int) -> int | None:
    output = use_bounded_output(output_limit)
    if role == _PROGRAM:
        return run_program(job, report)
    serve_session(Channel(job, job), output)
    return None


def _readable_paths() -> list[tuple[str, int]]:
    """The standard library without what is installed next to it, time zones, harmless devices."""
    grants = [
        ("/usr/share/zoneinfo", READ),
        (os.devnull, READ_WRITE),
        ("/dev/urandom", READ),
    ]
    for folder in filter(os.path.isdir, sys.path):
        # Names can be listed throughout; the files of installed packages cannot be read.
        grants.append((folder, READ_DIR))
        grants += [
            (entry.path, READ)
            for entry in os.scandir(folder)
            if entry.name not in ("site-packages", "dist-packages")
        ]
    return grants


def _poll(descriptors: list[int], timeout: float | None) -> set[int]:
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    return {ready for ready, _ in poller.poll(None if timeout is None else timeout * 1000)}


def main(
    control: int,
    trainer: int,
    folder: str,
    confined: bool,
    memory: int,
    packages: Mapping[str, Sequence[str]],
) -> None:
    """Set up, tell the trainer whether that worked, and serve; the folder goes with the process."""
    try:
        _serve(socket.socket(fileno=control), trainer, folder, confined, memory, packages)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(
    connection: socket.socket,
    trainer: int,
    folder: str,
    confined: bool,
    memory: int,
    packages: Mapping[str, Sequence[str]],
) -> None:
    # What programs expect of an interpreter that was started with its site module.
    builtins.exit = _sitebuiltins.Quitter("exit", "")
    builtins.quit = _sitebuiltins.Quitter("quit", "")
    sys.argv = sys.orig_argv = [""]
    cap_stacks(memory)
    os.umask(0o077)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # a run's time limit bounds what long integers cost
    try:
        for name in PREIMPORTED.split():
            importlib.import_module(name)
        for name in PREIMPORTED_IF_THERE:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        opened = import_packages(packages)
        # Not left to candidates: LD_LIBRARY_PATH, which is handed down, and locales.
        os.environ.clear()
        drop_privileges()
        zygote = Zygote(connection, trainer, folder, confined, opened)
        gc.disable()
        gc.collect()
        gc.freeze()
        problem = zygote.try_out(memory) if confined else None
    except (OSError, ImportError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
    connection.send(to_json({"problem": problem}))
    if problem is None:
        zygote.serve()
