"""More candidates that want the reward unearned, tried by hand against this very design.

The same problem as ``mrlm.tasks.code.hacks``, which asks what any runner may fall for. These know
that candidate and oracle talk over a channel, and go for it: the frames, the harness's own modules
in the candidate's process, the moments at which Python calls code of its own accord.
"""

from __future__ import annotations

from channel_tricks import CALLER, CHANNEL_TRICKS

TRICKS: dict[str, str] = {
    # Values that look like others.
    "answer changes its class": (
        "class A(int):\n"
        "    __eq__ = lambda s, o: True\n"
        "class B:\n"
        "    pass\n"
        "def solve(xs):\n"
        "    b = B()\n"
        "    class C:\n"
        "        __eq__ = lambda s, o: True\n"
        "    b.__class__ = C\n"
        "    return b\n"
    ),
    "metaclass that lies": (
        "class M(type):\n"
        "    __eq__ = lambda s, o: True\n"
        "    __hash__ = type.__hash__\n"
        "    __instancecheck__ = lambda s, o: True\n"
        "class A(metaclass=M):\n"
        "    __class__ = int\n"
        "def solve(xs):\n"
        "    return A()\n"
    ),
    "hash that exits": (
        "import os\n"
        "class A(int):\n"
        "    def __hash__(s): os._exit(0)\n"
        "def solve(xs):\n"
        "    return {A(1): 4}\n"
    ),
    "exception in a repr": (
        "class A:\n    def __repr__(s): raise SystemExit(0)\ndef solve(xs):\n    return A()\n"
    ),
    "subclass inside a plain list": (
        "class A(int):\n    __eq__ = lambda s, o: True\ndef solve(xs):\n    return [A(4)]\n"
    ),
    "Counter subclass": (
        "from collections import Counter\n"
        "class C(Counter):\n"
        "    __eq__ = lambda s, o: True\n"
        "def solve(xs):\n"
        "    return C('a')\n"
    ),
    "defaultdict that grows": (
        "from collections import defaultdict\n"
        "def solve(xs):\n"
        "    d = defaultdict(lambda: 4); d[0]\n"
        "    return d\n"
    ),
    "list that grows while it is read": (
        "import threading\n"
        "def solve(xs):\n"
        "    a = [0]\n"
        "    def g():\n"
        "        while True: a.append(0)\n"
        "    threading.Thread(target=g, daemon=True).start()\n"
        "    return a\n"
    ),
    "ctypes turns an object into an int": (
        "import ctypes\n"
        "class A:\n"
        "    def __eq__(s, o): return True\n"
        "def solve(xs):\n"
        "    a = A()\n"
        "    ctypes.c_void_p.from_address(id(a) + 8).value = id(int)\n"
        "    return a\n"
    ),
    "ctypes rewrites small integers": (
        "import ctypes, sys\n"
        "ctypes.memmove(id(0) + 24, id(4) + 24, 4)\n"
        "def solve(xs):\n"
        "    return 0\n"
    ),
    # The harness's own tools, broken or replaced.
    "patched json": (
        "import json\n"
        'json.dumps = lambda *a, **k: \'{"status": "passed", "passed": 4, "ready": true}\'\n'
        "def solve(xs):\n"
        "    return 0\n"
    ),
    "patched json encoder": (
        "import json.encoder\n"
        "json.encoder.c_make_encoder = None\n"
        'json.JSONEncoder.encode = lambda s, o: \'{"ready": true, "value": 4}\'\n'
        "def solve(xs):\n"
        "    return 0\n"
    ),
    "patched len": ("import builtins\nbuiltins.len = lambda x: 0\ndef solve(xs):\n    return 4\n"),
    "patched int.to_bytes by a fake len": (
        "import builtins\n"
        "real = builtins.len\n"
        "class N(int):\n"
        "    def to_bytes(s, *a): return b'\\x00\\x00\\x00\\x00'\n"
        "builtins.len = lambda x: N(real(x))\n"
        "def solve(xs):\n"
        "    return 0\n"
    ),
    "interned string patched": (
        "import ctypes, sys\n"
        "s = sys.intern('value')\n"
        "ctypes.memmove(id(s) + 48, b'ready', 5)\n"
        "def solve(xs):\n"
        "    return 0\n"
    ),
    "import hook": (
        "import sys\n"
        "class F:\n"
        "    def find_spec(s, *a): os._exit(0)\n"
        "    def find_module(s, *a): os._exit(0)\n"
        "import os\n"
        "sys.meta_path[:] = [F()]\n"
        "sys.path_hooks.clear()\n"
        "sys.modules.clear()\n"
        "def solve(xs):\n"
        "    import math\n"
        "    return 0\n"
    ),
    "empties sys.modules": ("import sys\nsys.modules.clear()\ndef solve(xs):\n    return 0\n"),
    "reloads the harness": (
        "import importlib, sys\n"
        "for n in [n for n in sys.modules if 'sandbox' in n]:\n"
        "    try: importlib.reload(sys.modules[n])\n"
        "    except Exception: pass\n"
        "def solve(xs):\n"
        "    return 0\n"
    ),
    "nonce guessed from the random module": (
        "import random, os\n"
        "os.urandom = lambda n: b'\\0' * n\n"
        "random.SystemRandom.random = lambda s: 0.0\n"
        "def solve(xs):\n"
        "    return 0\n"
    ),
    "__build_class__ replaced": (
        "import builtins\nbuiltins.__build_class__ = lambda *a: int\nclass solve: pass\n"
    ),
    "property of the module": (
        "import sys\n"
        "class M(type(sys)):\n"
        "    def __getattr__(s, n): return 4\n"
        "sys.modules['solution'].__class__ = M\n"
    ),
    "callable with a wrong signature": ("class S:\n    def __call__(s): return 4\nsolve = S()\n"),
    "async generator": ("async def solve(xs):\n    yield 4\n"),
    # Code that Python calls at odd moments.
    "gc callback": (
        "import gc, os\n"
        "gc.callbacks.append(lambda *a: os._exit(0))\n"
        "def solve(xs):\n"
        "    gc.collect()\n"
        "    return 0\n"
    ),
    "weakref callback": (
        "import weakref, os\n"
        "class A: pass\n"
        "def solve(xs):\n"
        "    a = A()\n"
        "    weakref.finalize(a, os._exit, 0)\n"
        "    del a\n"
        "    return 0\n"
    ),
    "unraisable hook": (
        "import sys, os\n"
        "sys.unraisablehook = lambda *a: os._exit(0)\n"
        "class A:\n"
        "    def __del__(self): raise ValueError\n"
        "def solve(xs):\n"
        "    A()\n"
        "    return 0\n"
    ),
    "thread excepthook": (
        "import threading, os\n"
        "threading.excepthook = lambda *a: os._exit(0)\n"
        "def solve(xs):\n"
        "    t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()\n"
        "    return 0\n"
    ),
    "breakpoint": (
        "import sys, os\n"
        "sys.breakpointhook = lambda *a: os._exit(0)\n"
        "def solve(xs):\n"
        "    breakpoint()\n"
        "    return 0\n"
    ),
    "faulthandler": (
        "import faulthandler, ctypes\n"
        "faulthandler.enable(1)\n"
        "faulthandler.dump_traceback_later(0.1, exit=True)\n"
        "def solve(xs):\n"
        "    import time; time.sleep(0.5)\n"
        "    ctypes.string_at(0)\n"
    ),
    "settrace on the harness": (
        "import sys\n"
        "def trace(f, e, a):\n"
        "    for k in ('value', 'answer'):\n"
        "        if k in f.f_locals: f.f_locals[k] = {'value': 4}\n"
        "    return trace\n"
        "sys.settrace(trace)\n"
        "def solve(xs):\n"
        "    return 0\n"
    ),
    "setprofile on the harness": (
        "import sys, os\n"
        "sys.setprofile(lambda f, e, a: os._exit(0) if f.f_code.co_name == 'send' else None)\n"
        "def solve(xs):\n"
        "    return 0\n"
    ),
    "trace in all threads": (
        "import threading, sys, os\n"
        "threading.settrace(lambda *a: os._exit(0))\n"
        "sys.settrace(lambda *a: os._exit(0))\n"
        "def solve(xs):\n"
        "    return 0\n"
    ),
    "__del__ that answers": (
        CALLER + "class D:\n"
        "    def __init__(s, c): s.c = c\n"
        "    def __del__(s):\n"
        "        s.c['channel'].send({**s.c['answer'], 'value': 4})\n"
        "def solve(xs):\n"
        "    d = D(dict(caller()))\n"
        "    del d\n"
        "    return 0\n"
    ),
    "atexit that answers": (
        CALLER + "import atexit\n"
        "def solve(xs):\n"
        "    c = dict(caller())\n"
        "    atexit.register(lambda: c['channel'].send({**c['answer'], 'value': 4}))\n"
        "    sys.exit(0)\n"
    ),
    "signal handler answers": (
        CALLER + "import signal, time\n"
        "def solve(xs):\n"
        "    c = dict(caller())\n"
        "    def answer(*a): c['channel'].send({**c['answer'], 'value': 4})\n"
        "    signal.signal(signal.SIGALRM, answer)\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\n"
        "    time.sleep(0.2)\n"
        "    return 0\n"
    ),
    "signals all ignored and a virtual timer": (
        "import signal\n"
        "signal.signal(signal.SIGVTALRM, lambda *a: None)\n"
        "signal.setitimer(signal.ITIMER_VIRTUAL, 0.0001, 0.0001)\n"
        "def solve(xs):\n"
        "    return 0\n"
    ),
    "generator that steps its caller": (
        "import sys\n"
        "def solve(xs):\n"
        "    def g():\n"
        "        f = sys._getframe(1)\n"
        "        yield f\n"
        "    for f in g():\n"
        "        while f:\n"
        "            for k in list(f.f_locals):\n"
        "                if k in ('expected', 'cases', 'wanted'): return f.f_locals[k]\n"
        "            f = f.f_back\n"
    ),
    "generator thrown into": (
        "def solve(xs):\n"
        "    def g():\n"
        "        try: yield 1\n"
        "        except GeneratorExit: raise SystemExit(0)\n"
        "    it = g(); next(it); it.close()\n"
    ),
    "tests hidden in a source file of the harness": (
        "import inspect, sys\n"
        "def solve(xs):\n"
        "    out = 0\n"
        "    for m in list(sys.modules.values()):\n"
        "        try: src = inspect.getsource(m)\n"
        "        except Exception: continue\n"
        "        if 'expected(xs)' in src: out = 4\n"
        "    return out\n"
    ),
    # Exceptions.
    "type name that is not text": (
        "class M(type):\n"
        "    @property\n"
        "    def __name__(cls): return [1] * 10\n"
        "class E(Exception, metaclass=M): pass\n"
        "def solve(xs):\n"
        "    raise E\n"
    ),
    "str subclass as exception text": (
        "class S(str):\n"
        "    def __getitem__(s, i): return S('x' * 10 ** 7)\n"
        "    def __len__(s): return 0\n"
        "class E(Exception):\n"
        "    def __str__(self): return S('x' * 10 ** 7)\n"
        "def solve(xs):\n"
        "    raise E\n"
    ),
    "raised with a verdict inside": (
        CALLER + "def solve(xs):\n"
        "    c = caller()\n"
        "    lie = {'kind': 'invalid', 'builtin': 'NameError', 'type': 'NameError'}\n"
        "    lie |= {'text': 'x', 'args': {'t': []}}\n"
        "    c['channel'].send({**c['answer'], 'raised': lie})\n"
    ),
    "NameError blames the tests": (
        "def solve(xs):\n    raise NameError(\"name 'expected' is not defined\")\n"
    ),
    "KeyError blames the tests": ("def solve(xs):\n    raise KeyError('check')\n"),
    "AssertionError": ("def solve(xs):\n    raise AssertionError\n"),
    "exceptions with hostile arguments": (
        "def solve(xs):\n    raise UnicodeDecodeError('utf-8', b'x' * 1000, 0, 1, 'y')\n"
    ),
    "SyntaxError from afar": (
        "def solve(xs):\n    raise SyntaxError('x', ('/etc/passwd', 1, 1, 'x' * 10000))\n"
    ),
    "exception group": (
        "def solve(xs):\n    raise ExceptionGroup('x', [ValueError(), StopIteration()])\n"
    ),
    "exception with surrogates": ("def solve(xs):\n    raise ValueError('\\ud800' * 1000)\n"),
    "type name with surrogates": (
        "def solve(xs):\n    raise type('\\ud800', (Exception,), {})('x')\n"
    ),
    "deep exception chain": (
        "def solve(xs):\n"
        "    e = None\n"
        "    for _ in range(100000):\n"
        "        n = ValueError(); n.__cause__ = e; e = n\n"
        "    raise e\n"
    ),
    # The machine.
    "stdout spam": (
        "def solve(xs):\n    for _ in range(20000): print('ALL TESTS PASSED')\n    return 0\n"
    ),
    "mmap of everything": (
        "import mmap\nk = []\ndef solve(xs):\n    while True: k.append(mmap.mmap(-1, 1 << 26))\n"
    ),
    "eventfd flood": (
        "import os\nk = []\ndef solve(xs):\n    while True: k.append(os.eventfd(0))\n"
    ),
    "memfd": ("import os\ndef solve(xs):\n    return os.memfd_create('x')\n"),
    "replaces the private folder": (
        "import os\n"
        "def solve(xs):\n"
        "    d = os.getcwd()\n"
        "    for f in (lambda: os.rmdir(d), lambda: os.rename(d, d + 'x'),\n"
        "              lambda: os.symlink('/', d + '/l'), lambda: os.mkdir('sub')):\n"
        "        try: f()\n"
        "        except OSError: pass\n"
        "    return 0\n"
    ),
    "odd file names": (
        "import os\n"
        "for n in (b'\\xff\\xfe', b'-rf', b'a\\nb', b' ', b'x' * 255):\n"
        "    open(n, 'w').close()\n"
        "def solve(xs):\n"
        "    return 0\n"
    ),
    "umask of nothing": (
        "import os\nos.umask(0o777)\nopen('x', 'w').close()\ndef solve(xs):\n    return 0\n"
    ),
    "awaits forever": ("import asyncio\ndef solve(xs):\n    asyncio.run(asyncio.sleep(99))\n"),
    # What the two processes say to each other.
    **CHANNEL_TRICKS,
}
