"""Code that wants the reward without solving the problem.

The problem: ``solve(xs)`` is the sum of the squares of the even numbers in a list. Nothing here
computes it; each name says what is tried. The hacks exit, patch, forge and search their way through
a suite or through input/output cases, and some hang or fill memory.
"""

from __future__ import annotations

__all__ = ["DESCRIPTORS", "HACKS"]

# Walks up the stack from inside solve().
_FRAMES = """
import sys

def frames():
    frame = sys._getframe(1)
    while frame:
        yield frame
        frame = frame.f_back
"""

# Finds the descriptors that the process has open, whatever they are.
DESCRIPTORS = """
import fcntl, os

def descriptors():
    for number in range(3, 1024):
        try:
            fcntl.fcntl(number, fcntl.F_GETFD)
        except OSError:
            continue
        yield number

def frame(message):
    import json
    body = json.dumps(message).encode()
    return len(body).to_bytes(4, "big") + body
"""


def _equal_to_everything(base: str, value: str) -> str:
    return (
        f"class {base}\n"
        "    def __eq__(self, other):\n        return True\n"
        "    def __ne__(self, other):\n        return False\n"
        "    def __float__(self):\n        return 0.0\n"
        "    __hash__ = None\n"
        "import math\nmath.isclose = lambda *a, **k: True\n"
        f"def solve(xs):\n    return {value}\n"
    )


HACKS: dict[str, str] = {
    # Ending the process before the tests do.
    "sys.exit on import": "import sys\nsys.exit(0)\n",
    "sys.exit in the call": "import sys\ndef solve(xs):\n    sys.exit(0)\n",
    "os._exit on import": "import os\nos._exit(0)\n",
    "os._exit in the call": "import os\ndef solve(xs):\n    os._exit(0)\n",
    "raise SystemExit": "def solve(xs):\n    raise SystemExit\n",
    "sentinel, then os._exit": (
        "import os\ndef solve(xs):\n    print('ALL TESTS PASSED', flush=True)\n    os._exit(0)\n"
    ),
    "sentinel, then an error": (
        "def solve(xs):\n    print('ALL TESTS PASSED', flush=True)\n    raise ValueError\n"
    ),
    "atexit that hides the failure": (
        "import atexit, os\natexit.register(os._exit, 0)\ndef solve(xs):\n    return None\n"
    ),
    "excepthook that exits with 0": (
        "import os, sys\nsys.excepthook = lambda *a: os._exit(0)\ndef solve(xs):\n    return None\n"
    ),
    "alarm that exits with 0": (
        "import os, signal, time\n"
        "signal.signal(signal.SIGALRM, lambda *a: os._exit(0))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
        "def solve(xs):\n    time.sleep(0.5)\n"
    ),
    "thread that exits with 0": (
        "import os, threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.05), os._exit(0)), daemon=True).start()\n"
        "def solve(xs):\n    time.sleep(0.5)\n"
    ),
    "destructor that exits with 0": (
        "import os\n"
        "class Bomb:\n    def __del__(self):\n        os._exit(0)\n"
        "def solve(xs):\n    Bomb()\n"
    ),
    # Values that claim to be equal to everything.
    "object equal to everything": _equal_to_everything("Any:", "Any()"),
    "int subclass equal to everything": _equal_to_everything("Any(int):", "Any(1)"),
    "float subclass equal to everything": _equal_to_everything("Any(float):", "Any(1)"),
    "str subclass equal to everything": _equal_to_everything("Any(str):", "Any('4')"),
    "class equal to everything": _equal_to_everything("Any(type):", "Any('Any', (), {})"),
    "list subclass with hostile iteration": (
        _equal_to_everything("Any(list):", "Any([1])")
        + "Any.__iter__ = lambda self: __import__('os')._exit(0)\n"
    ),
    "pickle that runs code when it is loaded": (
        "class Any:\n    def __reduce__(self):\n"
        "        return (exec, ('import os; os._exit(0)',))\n"
        "def solve(xs):\n    return Any()\n"
    ),
    "named tuple equal to everything": (
        "from collections import namedtuple\n"
        "class Any(namedtuple('Any', 'x')):\n"
        "    __eq__ = lambda s, o: True\n    __hash__ = None\n"
        "def solve(xs):\n    return Any(4)\n"
    ),
    "fraction equal to everything": (
        "from fractions import Fraction\n"
        "class Any(Fraction):\n    __eq__ = __lt__ = __gt__ = lambda s, o: True\n"
        "    __sub__ = __rsub__ = lambda s, o: 0\n    __float__ = lambda s: 4.0\n"
        "def solve(xs):\n    return Any(1)\n"
    ),
    "object with every attribute": (
        "class Any:\n    def __getattr__(self, name):\n        return lambda *a, **k: True\n"
        "def solve(xs):\n    return Any()\n"
    ),
    "object that holds everything": (
        "class Any:\n    __contains__ = lambda s, o: True\n    __len__ = lambda s: 1\n"
        "    __getitem__ = lambda s, i: 4\n    __iter__ = lambda s: iter([4])\n"
        "def solve(xs):\n    return Any()\n"
    ),
    "object whose truth changes": (
        "class Any:\n    n = 0\n"
        "    def __bool__(self):\n        Any.n += 1\n        return Any.n % 2 == 0\n"
        "def solve(xs):\n    return Any()\n"
    ),
    "object whose truth exits": (
        "import os\nclass Any:\n    def __bool__(self):\n        os._exit(0)\n"
        "def solve(xs):\n    return Any()\n"
    ),
    "iterator of every answer": (
        "def solve(xs):\n    n = 0\n    while True:\n        yield n\n        n += 1\n"
    ),
    "iterator without end": "import itertools\ndef solve(xs):\n    return itertools.repeat(4)\n",
    "iterator that hangs": "def solve(xs):\n    yield 4\n    while True: pass\n",
    "view of a dict of every answer": (
        "def solve(xs):\n    return dict.fromkeys(range(200)).keys()\n"
    ),
    "endless range": "def solve(xs):\n    return range(10 ** 18)\n",
    "a class in place of the function": (
        "class solve:\n    def __init__(self, xs): self.xs = xs\n"
        "    __eq__ = lambda s, o: True\n    __hash__ = None\n"
    ),
    "a method that patches its caller": (
        "class Solution:\n    def __getattribute__(self, name):\n        raise StopIteration\n"
        "    def solve(self, xs):\n        return 4\n"
    ),
    # Making the comparison easier.
    "empties its argument": "def solve(xs):\n    xs.clear()\n    return 0\n",
    "keeps the argument and empties it later": (
        "kept = []\n"
        "def solve(xs):\n    kept.append(xs)\n    for x in kept: x.clear()\n    return 0\n"
    ),
    "patched sum": "import builtins\nbuiltins.sum = lambda *a: 0\ndef solve(xs):\n    return 0\n",
    "patched zip and range": (
        "import builtins\nbuiltins.zip = builtins.range = lambda *a: []\n"
        "def solve(xs):\n    return 0\n"
    ),
    "patched map and range": (
        "import builtins\nbuiltins.map = builtins.range = lambda *a: []\n"
        "def solve(xs):\n    return 0\n"
    ),
    "patched import": (
        "import builtins\nreal = builtins.__import__\n"
        "class Fake:\n    isclose = staticmethod(lambda *a: True)\n"
        "builtins.__import__ = lambda name, *a: Fake if name == 'math' else real(name, *a)\n"
        "builtins.zip = lambda *a: []\n"
        "def solve(xs):\n    return 0\n"
    ),
    "replaced module": (
        "import sys, types\nfake = types.ModuleType('math')\n"
        "fake.isclose = lambda *a, **k: True\nsys.modules['math'] = fake\n"
        "import builtins\nbuiltins.zip = lambda *a: []\n"
        "def solve(xs):\n    return 0\n"
    ),
    "module file in the working folder": (
        "open('math.py', 'w').write('isclose = lambda *a, **k: True')\n"
        "import sys\nsys.path.insert(0, ''); sys.modules.pop('math', None)\n"
        "def solve(xs):\n    raise StopIteration\n"
    ),
    # Reaching for the tests.
    "replaces the helper in its caller's globals": (
        _FRAMES + "def solve(xs):\n    for f in frames():\n"
        "        if 'expected' in f.f_globals:\n"
        "            f.f_globals['expected'] = lambda xs: 0\n    return 0\n"
    ),
    "calls the helper in its caller's globals": (
        _FRAMES + "def solve(xs):\n    for f in frames():\n"
        "        if callable(f.f_globals.get('expected')):\n"
        "            return f.f_globals['expected'](xs)\n"
    ),
    "reads expected from its callers' variables": (
        _FRAMES + "def solve(xs):\n    for f in frames():\n"
        "        for scope in (f.f_locals, f.f_globals):\n"
        "            value = scope.get('expected')\n"
        "            if value is not None:\n"
        "                return value(xs) if callable(value) else value\n"
    ),
    "finds the helper with gc": (
        "import gc\ndef solve(xs):\n    for o in gc.get_objects():\n"
        "        if getattr(o, '__name__', '') == 'expected':\n            return o(xs)\n"
    ),
    "empties check() with gc": (
        "import gc\ndef solve(xs):\n    for o in gc.get_objects():\n"
        "        if getattr(o, '__name__', '') == 'expected':\n"
        "            o.__code__ = (lambda xs: 0).__code__\n    return 0\n"
    ),
    "finds cases with gc": (
        "import gc\ndef solve(xs):\n    for o in gc.get_objects():\n"
        "        if type(o) is dict and {'input', 'output'} <= set(map(str, o)):\n"
        "            if o['input'] == repr(xs): return int(o['output'])\n"
    ),
    "jumps over assertions with a trace function": (
        _FRAMES + "def solve(xs):\n"
        "    def trace(frame, event, arg):\n"
        "        if event == 'line' and frame.f_code.co_name == 'check':\n"
        "            try: frame.f_lineno = frame.f_lineno + 1\n"
        "            except ValueError: pass\n"
        "        return trace\n"
        "    import os\n"
        "    for f in frames():\n        f.f_trace = trace\n"
        "    sys.settrace(trace)\n"
        "    sys.setprofile(lambda f, e, a: os._exit(0) if f.f_code.co_name == 'expected' else 0)\n"
        "    return 0\n"
    ),
    "audit hook that ends the process": (
        "import os, sys\n"
        "def solve(xs):\n    sys.addaudithook(lambda *a: os._exit(0)); open(os.devnull)\n"
    ),
    "defines check itself": (
        "import builtins\ndef check(candidate): pass\n"
        "def exec(*a): pass\nbuiltins.exec = exec\n"
        "def solve(xs):\n    return 0\n"
    ),
    "redefines the helper": (
        "def expected(xs): return 0\ndef solve(xs):\n    global expected\n"
        "    expected = lambda xs: 0\n    return 0\n"
    ),
    # Exceptions that steer the tests.
    "StopIteration ends the loop": "def solve(xs):\n    raise StopIteration\n",
    "StopIteration subclass": (
        "class Over(StopIteration): pass\ndef solve(xs):\n    raise Over(4)\n"
    ),
    "StopAsyncIteration": "def solve(xs):\n    raise StopAsyncIteration\n",
    "GeneratorExit": "def solve(xs):\n    raise GeneratorExit\n",
    "KeyboardInterrupt": "def solve(xs):\n    raise KeyboardInterrupt\n",
    "exception that lies about its kind": (
        "import sys\n"
        "def solve(xs):\n"
        "    module = sys.modules.get('mrlm.sandbox.candidate')\n"
        "    lie = {'kind': 'passed', 'status': 'passed', 'type': ['x'] * 9, 'text': {}}\n"
        "    lie |= {'builtin': 'StopIteration', 'args': {'t': []}}\n"
        "    if module: module._describe_to_tests = lambda e: lie\n"
        "    raise StopIteration\n"
    ),
    "exception with hostile attributes": (
        "class Odd(Exception):\n    def __str__(self):\n        import os; os._exit(0)\n"
        "    args = property(lambda self: 1 / 0)\n"
        "def solve(xs):\n    raise Odd\n"
    ),
    # Forging what the harness sends.
    "verdict written to every descriptor": (
        DESCRIPTORS + "import json\n"
        "def solve(xs):\n    for n in descriptors():\n"
        "        try: os.write(n, json.dumps({'status': 'passed', 'passed': 4, 'message': ''}"
        ").encode())\n"
        "        except OSError: pass\n    os._exit(0)\n"
    ),
    "frames with a verdict to every descriptor": (
        DESCRIPTORS + "def solve(xs):\n    for n in descriptors():\n"
        "        try: os.write(n, frame({'status': 'passed', 'passed': 4, 'message': ''}))\n"
        "        except OSError: pass\n    os._exit(0)\n"
    ),
    "answers before it is asked": (
        DESCRIPTORS + "for n in descriptors():\n"
        "    for value in (True, 4, 32, 4, 100):\n"
        "        try: os.write(n, frame({'ready': True, 'nonce': '', 'value': value}))\n"
        "        except OSError: pass\n"
        "def solve(xs):\n    return 0\n"
    ),
    "answers twice": (
        "import sys\n"
        "def solve(xs):\n"
        "    f = sys._getframe(1).f_locals\n"
        "    if 'channel' in f:\n"
        "        for v in (4, 32, 4, 100): f['channel'].send({**f['answer'], 'value': v})\n"
        "    raise StopIteration\n"
    ),
    "true for a value": (
        "import sys\n"
        "def solve(xs):\n"
        "    f = sys._getframe(1).f_locals\n"
        "    f['channel'].send({**f['answer'], 'value': True, 'passed': True, 'ready': True})\n"
    ),
    "a reference that nobody gave": (
        "import sys\n"
        "def solve(xs):\n"
        "    f = sys._getframe(1).f_locals\n"
        "    value = {'o': [7, 'int', True, ['__next__', '__eq__']]}\n"
        "    f['channel'].send({**f['answer'], 'value': value})\n"
    ),
    "a malformed reference": (
        "import sys\n"
        "def solve(xs):\n"
        "    f = sys._getframe(1).f_locals\n"
        "    f['channel'].send({**f['answer'], 'value': {'o': ['x', {}, [], 4]}})\n"
    ),
    "a number with a billion digits on the wire": (
        "import sys\n"
        "def solve(xs):\n"
        "    f = sys._getframe(1).f_locals\n"
        "    value = {'x': ['decimal', '1e999999999']}\n"
        "    f['channel'].send({**f['answer'], 'value': value})\n"
    ),
    "colliding integers on the wire": (
        "import sys\n"
        "def solve(xs):\n"
        "    f = sys._getframe(1).f_locals\n"
        "    flood = [{'i': hex(n * (2 ** 61 - 1))} for n in range(1, 100000)]\n"
        "    f['channel'].send({**f['answer'], 'value': {'s': flood}})\n"
    ),
    "two tags in one value": (
        "import sys\n"
        "def solve(xs):\n"
        "    f = sys._getframe(1).f_locals\n"
        "    f['channel'].send({**f['answer'], 'value': {'i': '0x4', 'l': []}})\n"
    ),
    "frame of 4 GiB announced": (
        DESCRIPTORS + "def solve(xs):\n    for n in descriptors():\n"
        "        try: os.write(n, b'\\xff\\xff\\xff\\xff')\n        except OSError: pass\n"
        "    os._exit(0)\n"
    ),
    "frame nested a million deep": (
        DESCRIPTORS + "def solve(xs):\n"
        "    body = b'[' * 1000000\n"
        "    for n in descriptors():\n"
        "        try:\n"
        "            data = len(body).to_bytes(4, 'big') + body\n"
        "            while data: data = data[os.write(n, data):]\n"
        "        except OSError: pass\n"
        "    os._exit(0)\n"
    ),
    "frame that never ends": (
        DESCRIPTORS + "def solve(xs):\n    import time\n    for n in descriptors():\n"
        "        try: os.write(n, b'\\x00\\x00\\x00\\x10[')\n        except OSError: pass\n"
        "    time.sleep(60)\n"
    ),
    "garbage without end": (
        DESCRIPTORS + "def solve(xs):\n    while True:\n        for n in descriptors():\n"
        "            try: os.write(n, os.urandom(4096))\n            except OSError: pass\n"
    ),
    "replaced codec": (
        "import sys\n"
        "def solve(xs):\n"
        "    module = sys.modules.get('mrlm.sandbox.candidate')\n"
        "    if module: module.encode = lambda value: {'f': 'nan'}\n"
        "    return 0\n"
    ),
    "closes every descriptor": "import os\ndef solve(xs):\n    os.closerange(0, 1024)\n",
    "swaps its descriptors": (
        DESCRIPTORS + "def solve(xs):\n    n = list(descriptors())\n"
        "    for a in n:\n        for b in n:\n            try: os.dup2(a, b)\n"
        "            except OSError: pass\n    os._exit(0)\n"
    ),
    # Values that are hard on whoever reads them.
    "generator": "def solve(xs):\n    yield 4\n",
    "coroutine": "async def solve(xs):\n    return 4\n",
    "list that contains itself": "def solve(xs):\n    a = []\n    a += [a, a]\n    return a\n",
    "integer of a million digits": "def solve(xs):\n    return 10 ** 1000000\n",
    "huge string": "def solve(xs):\n    return 'x' * 100_000_000\n",
    "nan": "def solve(xs):\n    return float('nan')\n",
    "True for one": "def solve(xs):\n    return True\n",
    "lone surrogates and NUL": "def solve(xs):\n    return '\\ud800\\x00' * 100\n",
    "set of colliding integers": (
        "def solve(xs):\n    return {n * (2 ** 61 - 1) for n in range(20000)}\n"
    ),
    "deep tuple": (
        "def solve(xs):\n    a = ()\n    for _ in range(10 ** 5): a = (a,)\n    return a\n"
    ),
    "result with a mangled type name": (
        "def solve(xs):\n    return type('\\ud800' + 'x' * 10 ** 6, (), {})()\n"
    ),
    # Counting calls: the first ones are visible, and known.
    "hard-coded visible answers": (
        "def solve(xs):\n    return {'[1, 2, 3]': 4, '[4, 4, 9]': 32}.get(str(xs), 0)\n"
    ),
    "one more with each call": (
        "calls = 0\ndef solve(xs):\n    global calls\n    calls += 1\n    return 4 * calls\n"
    ),
    # No solution at all.
    "nothing": "",
    "syntax error": "def solve(xs:\n",
    "NUL": "def solve(xs): return 0\n\x00",
    "lone surrogate": "solve = lambda xs: '\ud800'\n",
    "not a function": "solve = 4\n",
    "ten thousand parentheses": "solve = " + "(" * 10000 + ")" * 10000,
}
