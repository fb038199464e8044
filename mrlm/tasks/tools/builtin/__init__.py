"""The tools that come with the task: plain, typed functions with Google docstrings.

Each works on its own (``calculator("2 + 2")``) and as a tool of any framework that reads signatures
and docstrings. The ``make_...`` functions give the same tools over a folder, a session or a search
backend of your choice. A wrong call raises ``ValueError`` with what is allowed.
"""

from mrlm.tasks.tools.builtin.arithmetic import calculator
from mrlm.tasks.tools.builtin.files import file_system, make_file_system
from mrlm.tasks.tools.builtin.repl import PythonSession, make_python_repl, python_repl
from mrlm.tasks.tools.builtin.search import make_web_search, web_search

__all__ = [
    "PythonSession",
    "calculator",
    "file_system",
    "make_file_system",
    "make_python_repl",
    "make_web_search",
    "python_repl",
    "web_search",
]
