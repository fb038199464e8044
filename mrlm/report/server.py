"""``mrlm board``: the page and its data, for the browser on this machine.

Python's own HTTP server is enough for one page and four questions, and adds no dependency. No path
of a request is ever a path of a file: runs are looked up by name among those below the folder, and
files by name among those that a run has. It only reads.

Not covered: users, passwords, encryption. Whoever reaches the port can read the runs, so by default
nobody but this machine does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mrlm.files import to_json
from mrlm.report.page import page_policy, render_page
from mrlm.report.run_data import ROW_FILES, find_runs, run_data, run_line, stays_inside
from mrlm.report.runs import load_runs, runs_table
from mrlm.report.tail import read_piece

__all__ = ["BoardServer"]

_LOCAL = ("localhost", "127.0.0.1", "::1")
Query = Mapping[str, list[str]]


class BoardServer(ThreadingHTTPServer):
    """Serves the page of the runs below a folder; ``serve_forever`` starts it.

    Args:
        root: A folder of runs, or of one run.
        host: Address that it listens on.
        port: 0 takes any that is free.

    Raises:
        OSError: The port is taken, or the address is not this machine's.
    """

    daemon_threads = True

    def __init__(self, root: str | Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self.root = Path(root).resolve()
        self.is_local = host in _LOCAL
        self._found: dict[str, Path] = {}
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        host = str(self.server_address[0])
        return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{self.server_port}/"

    def answer(self, path: str, query: Query) -> Any:
        """What a request asks for, as plain data.

        Raises:
            LookupError: There is no such thing.
            ValueError: A file of the run is not what a run writes.
        """
        questions: dict[str, Callable[[Query], Any]] = {
            "/api/runs": self._runs,
            "/api/run": self._run,
            "/api/rows": self._rows,
            "/api/compare": self._compare,
        }
        return questions[path](query)

    def _runs(self, query: Query) -> Any:
        lines, broken = [], []
        self._found = find_runs(self.root)
        for name, folder in self._found.items():
            try:
                lines.append(run_line(folder, name))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                broken.append(f"{name}: {error}")
        return {"root": self.root.name, "runs": lines, "broken": broken}

    def _run(self, query: Query) -> Any:
        return run_data(self._folder(query["id"][0]), query["id"][0])

    def _rows(self, query: Query) -> Any:
        folder, name = self._folder(query["id"][0]), ROW_FILES[query["file"][0]]
        if not stays_inside(folder, name):
            raise LookupError(name)
        return vars(read_piece(folder / name, query.get("cursor", [""])[0]))

    def _compare(self, query: Query) -> Any:
        names = query["id"]
        return runs_table(load_runs([self._folder(name) for name in names]), names)

    def _folder(self, name: str) -> Path:
        if name not in self._found:
            self._found = find_runs(self.root)
        return self._found[name]


class _Handler(BaseHTTPRequestHandler):
    server: BoardServer
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds that a connection may be idle

    def do_GET(self) -> None:
        if not self._is_for_us():
            # A page elsewhere, whose name was made to lead to this machine.
            return self._send(HTTPStatus.FORBIDDEN, "text/plain", "not this host's name")
        url = urlsplit(self.path)
        if url.path == "/":
            return self._send(HTTPStatus.OK, "text/html", render_page("board"))
        try:
            body = to_json(self.server.answer(url.path, parse_qs(url.query)), compact=True)
        except LookupError:
            return self._send(HTTPStatus.NOT_FOUND, "text/plain", "there is no such thing")
        except (ValueError, OSError, KeyError, TypeError) as error:
            return self._send(HTTPStatus.CONFLICT, "text/plain", str(error))
        return self._send(HTTPStatus.OK, "application/json", body)

    def _is_for_us(self) -> bool:
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        return host in _LOCAL or not self.server.is_local

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode("utf-8", errors="backslashreplace")
        self.send_response(status)
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": f"{page_policy()}; frame-ancestors 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing for each request: the terminal is for people."""
