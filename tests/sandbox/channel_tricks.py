"""Tricks with the channel between candidate and oracle: its frames, objects and descriptors."""

from __future__ import annotations

# The variables of the function that calls solve(): its channel, its request, its answer.
CALLER = """
import os, sys

def caller():
    frame = sys._getframe(1)
    while frame:
        if 'channel' in frame.f_locals and 'request' in frame.f_locals:
            return frame.f_locals
        frame = frame.f_back
"""

CHANNEL_TRICKS: dict[str, str] = {
    "late thread answers for it": (
        CALLER + "import threading, time\n"
        "def solve(xs):\n"
        "    c = caller(); channel, answer = c['channel'], dict(c['answer'])\n"
        "    def late():\n"
        "        for v in (4, 32, 100):\n"
        "            try: channel.send({**answer, 'value': v})\n"
        "            except Exception: pass\n"
        "    threading.Thread(target=late).start()\n"
        "    return 0\n"
    ),
    "thread steals the next question": (
        CALLER + "import threading, json, os\n"
        "started = []\n"
        "def solve(xs):\n"
        "    channel = caller()['channel']\n"
        "    def steal():\n"
        "        while True:\n"
        "            try:\n"
        "                q = channel.receive()\n"
        "                lie = {'nonce': q['nonce'], 'value': True, 'status': 'passed'}\n"
        "                channel.send(lie)\n"
        "            except Exception: return\n"
        "    if not started: started.append(threading.Thread(target=steal)); started[0].start()\n"
        "    return 0\n"
    ),
    "reads questions ahead": (
        CALLER + "import fcntl\n"
        "def solve(xs):\n"
        "    channel = caller()['channel']\n"
        "    fl = fcntl.fcntl(channel.reader, fcntl.F_GETFL)\n"
        "    fcntl.fcntl(channel.reader, fcntl.F_SETFL, fl | os.O_NONBLOCK)\n"
        "    seen = b''\n"
        "    for _ in range(100):\n"
        "        try: seen += os.read(channel.reader, 1 << 16)\n"
        "        except BlockingIOError: pass\n"
        "    fcntl.fcntl(channel.reader, fcntl.F_SETFL, fl)\n"
        "    return len(seen)\n"
    ),
    "repeats the old nonce": (
        CALLER + "kept = []\n"
        "def solve(xs):\n"
        "    c = caller(); kept.append(dict(c['answer']))\n"
        "    c['answer'].update(kept[0])\n"
        "    return sum(x * x for x in xs if x % 2 == 0) if len(kept) > 1 else 0\n"
    ),
    "answers a list of values": (
        CALLER + "def solve(xs):\n"
        "    c = caller()\n"
        "    c['channel'].send({**c['answer'], 'value': [4, 32, 4, 100]})\n"
    ),
    "duplicate keys on the wire": (
        CALLER + "def solve(xs):\n"
        "    c = caller()\n"
        '    b = \'{"nonce":"%s","value":0,"value":{"f":"nan"}}\' % c["answer"]["nonce"]\n'
        "    b = b.encode()\n"
        "    os.write(c['channel'].writer, len(b).to_bytes(4, 'big') + b)\n"
        "    os._exit(0)\n"
    ),
    "nan as a key on the wire": (
        CALLER + "def solve(xs):\n"
        "    c = caller()\n"
        "    pair = [{'f': 'nan'}, 4]\n"
        "    c['channel'].send({**c['answer'], 'value': {'d': [pair, pair]}})\n"
    ),
    "unhashable key on the wire": (
        CALLER + "def solve(xs):\n"
        "    c = caller()\n"
        "    c['channel'].send({**c['answer'], 'value': {'d': [[{'l': []}, 4]]}})\n"
    ),
    "hex of eight megabytes": (
        CALLER + "def solve(xs):\n"
        "    c = caller()\n"
        "    c['channel'].send({**c['answer'], 'value': {'i': '0x' + 'f' * 8_000_000}})\n"
    ),
    "decimal digits in the exponent": (
        CALLER + "def solve(xs):\n"
        "    c = caller()\n"
        "    c['channel'].send({**c['answer'], 'value': {'f': '0x1p' + '9' * 1000000}})\n"
    ),
    "float without end in JSON": (
        CALLER + "def solve(xs):\n"
        "    c = caller()\n"
        "    n, zeros = c['answer']['nonce'], '0' * 1000000\n"
        '    b = (\'{"nonce":"%s","value":1%s.5e9999}\' % (n, zeros)).encode()\n'
        "    os.write(c['channel'].writer, len(b).to_bytes(4, 'big'))\n"
        "    while b: b = b[os.write(c['channel'].writer, b):]\n"
        "    os._exit(0)\n"
    ),
    "ctypes writes to the channel": (
        "import ctypes\n"
        "libc = ctypes.CDLL(None)\n"
        "def solve(xs):\n"
        '    b = b\'{"status":"passed","passed":4,"message":""}\'\n'
        "    for n in range(0, 64):\n"
        "        libc.write(n, len(b).to_bytes(4, 'big') + b, len(b) + 4)\n"
        "    libc._exit(0)\n"
    ),
    "os.write over the length": (
        CALLER + "def solve(xs):\n"
        "    c = caller()\n"
        "    os.write(c['channel'].writer, b'\\x00\\x00\\x00\\x00')\n"
        "    return 0\n"
    ),
    "closes the channel": (
        CALLER + "def solve(xs):\n"
        "    c = caller()['channel']\n"
        "    os.close(c.writer); os.close(c.reader)\n"
    ),
    "dup2 of output over the channel": (
        CALLER + "def solve(xs):\n"
        "    c = caller()['channel']\n"
        "    os.dup2(1, c.writer)\n"
        "    return 4\n"
    ),
    "channel over standard output": (
        CALLER + "def solve(xs):\n"
        "    c = caller()\n"
        "    os.dup2(c['channel'].writer, 1)\n"
        "    import json\n"
        "    b = json.dumps({**c['answer'], 'value': 4}).encode()\n"
        "    sys.stdout.buffer.write(len(b).to_bytes(4, 'big') + b); sys.stdout.flush()\n"
        "    os._exit(0)\n"
    ),
    "reads standard input": (
        "import os\ndef solve(xs):\n    return eval(os.pread(0, 1 << 16, 0) or b'0')\n"
    ),
    "writes to standard input": (
        "import os\n"
        "try: os.pwrite(0, b'4\\n' * 100, 0)\n"
        "except OSError: pass\n"
        "def solve(xs):\n"
        "    return 0\n"
    ),
    "packets in the channel": (
        CALLER + "import fcntl\n"
        "def solve(xs):\n"
        "    c = caller()['channel']\n"
        "    for n in (c.reader, c.writer):\n"
        "        try: fcntl.fcntl(n, fcntl.F_SETFL, 0o40000 | os.O_NONBLOCK)\n"
        "        except OSError: pass\n"
        "    return 0\n"
    ),
    "runs a second server": (
        CALLER + "def solve(xs):\n"
        "    m = sys.modules.get('mrlm.sandbox.candidate')\n"
        "    c = caller()\n"
        "    if m: m.serve_calls(c['channel'])\n"
        "    return 0\n"
    ),
    "becomes the oracle": (
        CALLER + "def solve(xs):\n"
        "    m = sys.modules.get('mrlm.sandbox.oracle')\n"
        "    r = m._Result('passed', 4, '')\n"
        "    for n in range(64):\n"
        "        try: r.write(n)\n"
        "        except OSError: pass\n"
        "    os._exit(0)\n"
    ),
    "becomes the zygote": (
        "import sys, os, gc\n"
        "def solve(xs):\n"
        "    for o in gc.get_objects():\n"
        "        if type(o).__name__ == 'Zygote':\n"
        "            for n in range(64):\n"
        '                try: os.write(n, b\'{"ended":"exit","statuses":[0,0]}\')\n'
        "                except OSError: pass\n"
        "            o._supervise(os.getpid(), None, {'role': 'calls', 'seconds': 0})\n"
        "    os._exit(0)\n"
    ),
}
