"""Programs that try to learn or to harm what is not theirs; see ``victim.py`` for the @names@."""

from __future__ import annotations

_CTYPES = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    return libc.syscall(number, *(ctypes.c_long(a) if isinstance(a, int) else a for a in args))
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
buffer = ctypes.create_string_buffer(64)
local, remote = Vector(ctypes.addressof(buffer), 64), Vector(@ADDRESS@, 64)
"""

# Each prints the secret if it finds it. Numbers of system calls are x86_64's.
LEAKS: dict[str, str] = {
    "environment": "import os\nprint(dict(os.environ))",
    "own environment in proc": "print(open('/proc/self/environ').read())",
    "environment of the parent": ("import os\nprint(open(f'/proc/{os.getppid()}/environ').read())"),
    "environment of the victim": "print(open('/proc/@PID@/environ').read())",
    "environment in its own memory": (
        "import ctypes\n"
        "environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')\n"
        "i = 0\nwhile environ and environ[i]:\n    print(environ[i])\n    i += 1"
    ),
    "file": "print(open('@FILE@').read())",
    "file through its folder": ("import os\nos.chdir('@FOLDER@')\nprint(open('secret.py').read())"),
    "file through dots": "import os\nprint(open('../' * 40 + '@FILE@').read())",
    "file through O_PATH": (
        "import os\nf = os.open('@FILE@', os.O_PATH)\nprint(open(f'/proc/self/fd/{f}').read())"
    ),
    "file through the root link": "print(open('/proc/self/root@FILE@').read())",
    "file through the victim's folder": "print(open('/proc/@PID@/cwd/secret.py').read())",
    "file through the victim's descriptor": "print(open('/proc/@PID@/fd/@FD@').read())",
    "file through a symbolic link": (
        "import os\nos.symlink('@FILE@', 'link')\nprint(open('link').read())"
    ),
    "file through a hard link": "import os\nos.link('@FILE@', 'hard')\nprint(open('hard').read())",
    "file moved here": ("import os, shutil\nshutil.copy('@FILE@', 'x')\nprint(open('x').read())"),
    "file through open(2)": _CTYPES + "f = call(2, b'@FILE@', 0)\nlibc.read(f, buffer, 64)\n"
    "print(buffer.value)",
    "file through openat2": _CTYPES + "how = (ctypes.c_ulonglong * 3)()\n"
    "f = call(437, -100, b'@FILE@', ctypes.byref(how), 24)\nlibc.read(f, buffer, 64)\n"
    "print(buffer.value)",
    "file as a module": (
        "import sys\nsys.path.insert(0, '@FOLDER@')\nimport secret\nprint(secret.VALUE)"
    ),
    "file run by runpy": "import runpy\nprint(runpy.run_path('@FILE@'))",
    "file in linecache": "import linecache\nprint(linecache.getlines('@FILE@'))",
    "names in a folder": "import os\nprint(os.listdir('@FOLDER@'))",
    "names from the root": "import glob\nprint(glob.glob('@FOLDER@/*'))",
    "shared memory file": "print(open('@SHM@').read())",
    "child process": "import subprocess\nprint(subprocess.check_output(['cat', '@FILE@']))",
    "shell": "import os\nprint(os.popen('cat @FILE@').read())",
    "posix_spawn": (
        "import os\nos.posix_spawn('/bin/cat', ['cat', '@FILE@'], {})\nimport time\ntime.sleep(0.2)"
    ),
    "exec": "import os\nos.execv('/bin/cat', ['cat', '@FILE@'])",
    "fork": (
        "import os\nif os.fork() == 0:\n    print(open('@FILE@').read(), flush=True)\n"
        "    os._exit(0)\nos.wait()"
    ),
    "process pool": (
        "import multiprocessing\nprint(multiprocessing.get_context('fork').Pool(1)"
        ".map(str.upper, [open('@FILE@').read()]))"
    ),
    "process_vm_readv": _CTYPES + "call(310, @PID@, ctypes.byref(local), 1, "
    "ctypes.byref(remote), 1, 0)\nprint(buffer.value)",
    "memory of the victim": (
        "f = open('/proc/@PID@/mem', 'rb', 0)\nf.seek(@ADDRESS@)\nprint(f.read(64))"
    ),
    "ptrace": _CTYPES + "import time\nlibc.ptrace.restype = ctypes.c_long\n"
    "libc.ptrace(16, @PID@, None, None)\ntime.sleep(0.1)\n"
    "for i in range(0, 64, 8):\n"
    "    word = libc.ptrace(2, @PID@, ctypes.c_void_p(@ADDRESS@ + i), None)\n"
    "    print((word & (2**64 - 1)).to_bytes(8, 'little').decode('latin1'), end='')",
    "pidfd_getfd": _CTYPES + "p = call(434, @PID@, 0)\nf = call(438, p, @FD@, 0)\n"
    "libc.lseek(f, 0, 0)\nlibc.read(f, buffer, 64)\nprint(buffer.value)",
    "network": ("import socket\nprint(socket.create_connection(('127.0.0.1', @PORT@)).recv(99))"),
    "abstract socket": (
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('@ABSTRACT@')\n"
        "print(s.recv(99))"
    ),
    "inherited descriptors": (
        "import os\nfor n in range(3, 1024):\n"
        "    try: print(os.pread(n, 99, 0))\n    except OSError: pass"
    ),
}

# Each changes something about the victim or its files.
DAMAGE: dict[str, str] = {
    "kill": "import os\nos.kill(@PID@, 9)",
    "stop": "import os\nos.kill(@PID@, 19)",
    "tgkill": _CTYPES + "call(234, @PID@, @PID@, 9)",
    "rt_sigqueueinfo": _CTYPES + "info = ctypes.create_string_buffer(128)\n"
    "ctypes.memmove(info, (ctypes.c_int * 3)(9, 0, -1), 12)\ncall(129, @PID@, 9, info)",
    "pidfd_send_signal": _CTYPES + "call(424, call(434, @PID@, 0), 9, None, 0)",
    "signal from a pipe": (
        "import fcntl, os\nr, w = os.pipe()\n"
        "fcntl.fcntl(r, fcntl.F_SETOWN, @PID@)\nfcntl.fcntl(r, 10, 9)\n"
        "fcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC)\nos.write(w, b'x')"
    ),
    "signal from a socket": (
        "import fcntl, os, socket, struct\na, b = socket.socketpair()\n"
        "fcntl.ioctl(a, 0x8901, struct.pack('i', @PID@))\nfcntl.fcntl(a, 10, 9)\n"
        "fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC)\nb.send(b'x')"
    ),
    "limits": "import resource\nresource.prlimit(@PID@, resource.RLIMIT_NOFILE, (1, 1))",
    "priority": "import os\nos.setpriority(os.PRIO_PROCESS, @PID@, 15)",
    "affinity": "import os\nos.sched_setaffinity(@PID@, {0})",
    "trace": _CTYPES + "libc.ptrace(16, @PID@, None, None)\nimport os, time\ntime.sleep(9)",
    "memory": _CTYPES + "buffer.value = b'x' * 60\n"
    "call(311, @PID@, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)",
    "memory in proc": (
        "f = open('/proc/@PID@/mem', 'r+b', 0)\nf.seek(@ADDRESS@)\nf.write(b'xxxx')"
    ),
    "write": "open('@FILE@', 'w').write('x')",
    "append": "open('@FILE@', 'a').write('x')",
    "unlink": "import os\nos.unlink('@FILE@')",
    "rename": "import os\nos.rename('@FILE@', '@FILE@.x')",
    "truncate": "import os\nos.truncate('@FILE@', 0)",
    "open to truncate only": "import os\nos.open('@FILE@', os.O_RDONLY | os.O_TRUNC)",
    "open to truncate without access": "import os\nos.open('@FILE@', 3 | os.O_TRUNC)",
    "chmod": "import os\nos.chmod('@FILE@', 0o777)",
    "fchmod": "import os\nos.chmod(os.open('@FILE@', os.O_RDONLY), 0o777)",
    "utime": "import os\nos.utime('@FILE@', (1, 1))",
    "chown": "import os\nos.chown('@FILE@', 12345, 12345)",
    "attribute": "import os\nos.setxattr('@FILE@', 'user.x', b'x')",
    "new file": "open('@FOLDER@/new', 'w')",
    "new folder": "import os\nos.mkdir('@FOLDER@/new')",
    "new link": "import os\nos.symlink('/', '@FOLDER@/new')",
    "new pipe": "import os\nos.mkfifo('@FOLDER@/new')",
}
