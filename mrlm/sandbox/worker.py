"""The trainer's side of one zygote: start it, hand it runs, take it down."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mrlm.errors import SandboxError
from mrlm.sandbox.codec import CodecError, from_json, to_json

__all__ = ["REPORT_LIMIT", "Limits", "Worker", "memory_file", "read_file"]

START_SECONDS = 60.0
REPORT_LIMIT = 1 << 16  # bytes that a process of a run may tell the trainer
SPARE_SECONDS = 15.0  # on top of a run's own limit, before the zygote counts as broken

# Finds the modules without running mrlm/__init__.py and without a folder of ours on sys.path.
BOOTSTRAP = """
import json, sys, types
for name, folder in (("mrlm", sys.argv[1]), ("mrlm.sandbox", sys.argv[1] + "/sandbox")):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
from mrlm.sandbox.zygote import main
main(
    int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5] == "full", int(sys.argv[6]),
    json.loads(sys.argv[7]),
)
"""
_NO_PACKAGES: Mapping[str, Sequence[str]] = MappingProxyType({})


def memory_file(data: bytes = b"") -> int:
    """A descriptor of a file that only exists in memory, to be read from its start."""
    descriptor = os.memfd_create("mrlm-sandbox")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def read_file(descriptor: int, limit: int) -> bytes:
    """At most ``limit`` bytes from the start, wherever others moved the position to."""
    return os.pread(descriptor, limit, 0)


@dataclass(frozen=True)
class Limits:
    """What one run may use: seconds of wall time, bytes of memory, bytes of printed output."""

    seconds: float
    memory: int
    output: int

    def within(self, seconds: float) -> Limits:
        """The same with less time."""
        return replace(self, seconds=seconds)


class Worker:
    """One zygote, which runs one thing at a time.

    Args:
        isolation: ``full`` or ``rlimits-unsafe``.
        memory: Bytes of address space for each process of a run.
        packages: Name -> folders and files of what candidates can import.

    Raises:
        SandboxError: the zygote does not start, or its trial of the isolation failed.
    """

    def __init__(
        self, isolation: str, memory: int, packages: Mapping[str, Sequence[str]] = _NO_PACKAGES
    ) -> None:
        self.folder = tempfile.mkdtemp(prefix="mrlm-sandbox-")
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        package = Path(__file__).resolve().parents[1]
        arguments = [str(package), str(theirs.fileno()), str(os.getpid()), self.folder]
        arguments += [isolation, str(memory), json.dumps(dict(packages))]
        # A Python that needs this variable to find its own library cannot start without it.
        handed_down = {k: v for k, v in os.environ.items() if k == "LD_LIBRARY_PATH"}
        self._errors = open(memory_file(), "rb")  # noqa: SIM115 (lives as long as the zygote)
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", BOOTSTRAP, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors.fileno(),
                    pass_fds=[theirs.fileno()],
                    env=handed_down,
                    cwd="/",
                    start_new_session=True,
                )
        except BaseException:  # no process was started that would remove it
            os.rmdir(self.folder)
            raise
        try:
            problem = self._receive(START_SECONDS)["problem"]
        except SandboxError:
            self.close()
            raise
        if problem is not None:
            self.close()
            raise SandboxError(f"The sandbox cannot be built: {problem}.")

    def run(self, role: str, limits: Limits, files: list[int]) -> dict[str, Any]:
        """Run something to its end.

        Args:
            role: ``calls`` (a candidate and an oracle), ``program`` or ``session``.
            limits: Of each process; the time is that of the whole run.
            files: Descriptors: standard input, standard output, job, report.

        Returns:
            ``ended`` (why: ``exit``, ``deadline``, ``killed``, ``threads``, ``processors``,
            ``disk``) and ``statuses`` (of candidate and oracle; negative for a signal).

        Raises:
            SandboxError: the zygote is gone.
        """
        self.start(role, limits, files)
        return self._receive(limits.seconds + SPARE_SECONDS)

    def start(self, role: str, limits: Limits, files: list[int]) -> None:
        """Start something; a session only ends when its process does or when it is killed."""
        request = {"role": role, **asdict(limits)}
        try:
            socket.send_fds(self._control, [to_json(request)], files)
        except OSError as error:
            raise self._broken(str(error)) from error

    def kill(self) -> dict[str, Any]:
        """End what :meth:`start` started, if it still runs; the same report as of :meth:`run`."""
        try:
            self._control.send(to_json({"kill": True}))
        except OSError as error:
            raise self._broken(str(error)) from error
        return self._receive(SPARE_SECONDS)

    def _receive(self, seconds: float) -> dict[str, Any]:
        try:
            self._control.settimeout(seconds)
            message = self._control.recv(1 << 16)
            report: dict[str, Any] = from_json(message) if message else {}
        except (OSError, CodecError) as error:
            raise self._broken(str(error)) from error
        if not report:
            raise self._broken("it ended")
        return report

    def _broken(self, reason: str) -> SandboxError:
        said = ""
        if not self._errors.closed:  # by close() in another thread
            said = read_file(self._errors.fileno(), 1 << 16)[-1000:].decode("utf-8", "replace")
        return SandboxError(f"The sandbox's own process is gone ({reason}). {said.strip()}".strip())

    def close(self) -> None:
        """End the zygote and everything that it runs."""
        with contextlib.suppress(OSError):
            # Also wakes a thread that waits for a report.
            self._control.shutdown(socket.SHUT_RDWR)
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def abandon(self) -> None:
        """Let go of a zygote that belongs to the process that this one was forked from."""
        with contextlib.suppress(OSError):
            self._control.close()
        self._process.returncode = 0  # not our child: nothing to wait for
