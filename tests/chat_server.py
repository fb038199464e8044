"""A real HTTP server that speaks OpenAI's chat completions, for tests of what asks one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mrlm.chat import ChatEndpoint

Reply = Callable[[dict[str, Any]], Any]


class Server:
    """Answers chat completions with what ``reply`` makes of the request.

    ``reply`` gives the text of the answer; an ``int`` is a status, ``bytes`` a whole body.
    """

    def __init__(self) -> None:
        self.reply: Reply = lambda body: '{"winner": "A"}'
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append({"path": self.path, **body})
                server.headers.append(dict(self.headers))
                answer = server.reply(body)
                if callable(answer):
                    answer(self)
                    return
                status, content = 200, b""
                if isinstance(answer, int):
                    status = answer
                elif isinstance(answer, bytes):
                    content = answer
                else:
                    message = {"role": "assistant", "content": answer}
                    content = json.dumps({"choices": [{"index": 0, "message": message}]}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def endpoint(self, **settings: Any) -> ChatEndpoint:
        return ChatEndpoint(self.url, "judge-1", **{"timeout": 60.0, "pause": 0.01} | settings)
