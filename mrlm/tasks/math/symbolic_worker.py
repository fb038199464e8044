"""Compares expressions with math-verify, in a process of its own that ``symbolic.py`` may kill.

Run as a script. Speaks JSON lines: ``{"reference", "answer", "limit"}`` in, ``{"verdict"}`` out,
where the verdict is one of ``same``, ``different``, ``limit``, ``bad_reference``. The first line
out says ``ready``. Ends when its input does.
"""

import json
import os
import resource
import signal
import sys

MEMORY_BYTES = 1 << 30


def main() -> None:
    # Replies go to a private descriptor, so that nothing a library prints can look like one.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the trainer to handle
    from math_verify import parse, verify

    def compare(reference: str, answer: str) -> str:
        # No timeouts of math-verify's own: they use the alarm that ends this process.
        gold = parse(f"${reference}$", parsing_timeout=None, fallback_mode="no_fallback")
        if not gold:
            return "bad_reference"
        given = parse(f"${answer}$", parsing_timeout=None, fallback_mode="no_fallback")
        return "same" if verify(gold, given, timeout_seconds=None) else "different"

    def reply(verdict: str) -> None:
        replies.write(json.dumps({"verdict": verdict}) + "\n")
        replies.flush()

    reply("ready")
    for line in sys.stdin:
        request = json.loads(line)
        # The default action of SIGALRM ends the process even inside C code: a worker whose parent
        # was killed does not compute for ever.
        signal.alarm(request["limit"])
        try:
            verdict = compare(request["reference"], request["answer"])
        except (MemoryError, RecursionError, OverflowError):
            verdict = "limit"
        signal.alarm(0)
        reply(verdict)


if __name__ == "__main__":
    main()
