"""A process and a file that code in the sandbox must neither read nor harm.

The victim belongs to the same user as the sandbox, as a trainer does. Attacks name it with
``@PID@``, ``@ADDRESS@`` (of its secret in memory), ``@FD@`` (its descriptor of the secret file),
``@FILE@`` and ``@FOLDER@`` (the secret file and where it is), ``@PORT@``, ``@ABSTRACT@`` (servers
that tell the secret) and ``@SHM@`` (a file in /dev/shm).
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
from pathlib import Path
from types import TracebackType

_PROCESS = """
import ctypes, os, socket, sys, threading
secret = os.environ["SECRET_OF_THE_VICTIM"].encode()
buffer = ctypes.create_string_buffer(secret)
file = os.open(sys.argv[1], os.O_RDONLY)

def serve(server):
    while True:
        connection, _ = server.accept()
        connection.sendall(secret)
        connection.close()

tcp = socket.create_server(("127.0.0.1", 0))
abstract = socket.socket(socket.AF_UNIX)
abstract.bind(b"\\0mrlm-victim-%d" % os.getpid())
abstract.listen()
for server in (tcp, abstract):
    threading.Thread(target=serve, args=[server], daemon=True).start()
print(ctypes.addressof(buffer), file, tcp.getsockname()[1], flush=True)
sys.stdin.read()
"""


class Victim:
    """Starts on entering and ends on leaving."""

    def __init__(self, folder: Path, secret: str) -> None:
        self.secret = secret
        self.folder = folder
        self.file = folder / "secret.py"
        self.file.write_text(f"VALUE = {secret!r}\n")
        (folder / f"name-{secret}").touch()
        self.shared = Path(f"/dev/shm/mrlm-victim-{os.getpid()}-{id(self)}")

    def __enter__(self) -> Victim:
        self.shared.write_text(self.secret)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROCESS, str(self.file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"SECRET_OF_THE_VICTIM": self.secret},
            cwd=self.folder,
            text=True,
        )
        assert self.process.stdout
        self.address, self.descriptor, self.port = map(int, self.process.stdout.readline().split())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.communicate()
        self.shared.unlink(missing_ok=True)

    def target(self, code: str) -> str:
        """An attack aimed at this victim."""
        places = {
            "@PID@": self.process.pid,
            "@ADDRESS@": self.address,
            "@FD@": self.descriptor,
            "@FILE@": self.file,
            "@FOLDER@": self.folder,
            "@PORT@": self.port,
            "@ABSTRACT@": f"\\0mrlm-victim-{self.process.pid}",
            "@SHM@": self.shared,
        }
        for name, value in places.items():
            code = code.replace(name, str(value))
        return code

    def condition(self) -> dict[str, object]:
        """Everything that an attack could have changed."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it dies while it is looked at
                return {"alive": True, **self._details()}
        return {"alive": False}

    def _details(self) -> dict[str, object]:
        pid = self.process.pid
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = self.file.stat() if self.file.exists() else None
        return {
            "stopped": stat[0] in "Tt",
            "priority": stat[15:17],
            "affinity": os.sched_getaffinity(pid),
            "limits": resource.prlimit(pid, resource.RLIMIT_NOFILE),
            "memory": self._memory(),
            "names": sorted(os.listdir(self.folder)),
            "file": status and (status.st_mode, status.st_mtime_ns, status.st_uid),
            "attributes": status and os.listxattr(self.file),
            "content": status and self.file.read_text(),
        }

    def _memory(self) -> bytes:
        with open(f"/proc/{self.process.pid}/mem", "rb", buffering=0) as memory:
            memory.seek(self.address)
            return memory.read(len(self.secret))
