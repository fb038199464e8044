"""What the hacks of ``mrlm.tasks.code.hacks`` are tried on, and hacks for whole programs.

The programs print the sum of the squares of the even numbers in a line.
"""

from __future__ import annotations

from mrlm.tasks.code.hacks import DESCRIPTORS

# As tests are often written: inputs handed over as they are, helpers and modules looked up late.
TEST = """
import math

INPUTS = [[1, 2, 3], [4, 4, 9], [2], [6, 1, 8], list(range(30))]


def expected(xs):
    return sum(x * x for x in xs if x % 2 == 0)


def check(candidate):
    for got, xs in zip(map(candidate, INPUTS), INPUTS):
        assert got == expected(xs)
    pairs = [[n, n + 1] for n in range(2, 40, 2)]
    for got, xs in zip(map(candidate, pairs), pairs):
        assert math.isclose(got, expected(xs))
"""

PROGRAM_CASES = [
    {"input": "1 2 3\n", "output": "4\n"},
    {"input": "6 1 8\n", "output": "100\n"},
]
PROGRAM_SOLUTION = "print(sum(int(x) ** 2 for x in input().split() if int(x) % 2 == 0))\n"

# With a package open that has objects of its own kinds of equality, and writes memory.
NUMPY_HACKS: dict[str, str] = {
    "array equal to everything": (
        "import numpy as np\n"
        "class A(np.ndarray):\n    __eq__ = lambda s, o: True\n    __bool__ = lambda s: True\n"
        "def solve(xs): return np.array([1]).view(A)\n"
    ),
    "array of every answer": "import numpy as np\ndef solve(xs): return np.arange(10 ** 5)\n",
    "object array": (
        "import numpy as np\nclass A:\n    __eq__ = lambda s, o: True\n"
        "def solve(xs): return np.array([A()], dtype=object)\n"
    ),
    "scalar of an array equal to everything": (
        "import numpy as np\n"
        "class A(np.float64):\n    __eq__ = lambda s, o: True\n    item = lambda s: 4\n"
        "def solve(xs): return A(1)\n"
    ),
    "array of 10 ** 12": "import numpy as np\ndef solve(xs): return np.zeros(10 ** 12, 'u1')\n",
    "array that repeats one number 10 ** 12 times": (
        "import numpy as np\ndef solve(xs): return np.broadcast_to(4, (10 ** 6, 10 ** 6))\n"
    ),
    "shape that does not fit": (
        "import numpy as np\nfrom numpy.lib.stride_tricks import as_strided\n"
        "def solve(xs): return as_strided(np.array([4]), (10 ** 9,), (8,))\n"
    ),
    "patched numpy": (
        "import numpy as np\nnp.ndarray = np.generic = int\ndef solve(xs): return 0\n"
    ),
    "nan array": "import numpy as np\ndef solve(xs): return np.array(float('nan'))\n",
    "dtype forged on the wire": (
        "import sys\n"
        "def solve(xs):\n"
        "    f = sys._getframe(1).f_locals\n"
        "    value = {'a': ['O', {'t': [1]}, {'l': [4]}]}\n"
        "    f['channel'].send({**f['answer'], 'value': value})\n"
    ),
    "shape forged on the wire": (
        "import sys\n"
        "def solve(xs):\n"
        "    f = sys._getframe(1).f_locals\n"
        "    value = {'a': ['<i8', {'t': [-1, 0]}, {'l': [4] * 100}]}\n"
        "    f['channel'].send({**f['answer'], 'value': value})\n"
    ),
}

PROGRAM_HACKS: dict[str, str] = {
    "exit with 0": "raise SystemExit(0)\n",
    "os._exit": "import os\nos._exit(0)\n",
    "sentinel": "print('ALL TESTS PASSED')\n",
    "report of a pass": (
        DESCRIPTORS + "for n in descriptors():\n"
        '    try: os.write(n, b\'{"status": "passed"}\')\n    except OSError: pass\n'
    ),
    "every answer at once": "print(*range(200), sep='\\n')\n",
    "the first answer only": "print(4)\n",
    "kept for the next case": (
        "import os\n"
        "if os.path.exists('kept'): print(100)\n"
        "else:\n    open('kept', 'w').close()\n    print(4)\n"
    ),
    "expected output found with gc": (
        "import gc\n"
        "for o in gc.get_objects():\n"
        "    if type(o) is dict and 'output' in o: print(o['output'])\n"
    ),
    "rewinds its output": (
        "import os\nprint(5, flush=True)\nos.lseek(1, 0, 0)\nos.ftruncate(1, 0)\n"
    ),
    "not a number": "input()\nprint('nan')\n",
    "infinite": "input()\nprint('inf', 1e999)\n",
    "all words of the alphabet": "print(*map(chr, range(32, 127)))\n",
    "many numbers near": "print(*(n / 10 for n in range(2000)))\n",
    "right answer, then an error": PROGRAM_SOLUTION + "1 / 0\n",
    "right answer, then a bad exit": PROGRAM_SOLUTION + "import sys; sys.exit(3)\n",
    "right answer, then a hang": PROGRAM_SOLUTION + "while True: pass\n",
}
