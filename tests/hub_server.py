"""The part of the Hub's protocol that pushing and loading datasets or models needs, on a port here.

``HubServer`` keeps repositories in memory. It checks tokens, stores large files by their hash, and
applies a commit at once or not at all. ``break_next`` makes it close the connection on a request,
before or after the request took effect; ``before_next`` lets something happen just before one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

TOKEN = "hf_testtoken0123456789"
READ_TOKEN = "hf_readonly0123456789"


@dataclass
class Repository:
    kind: str  # "datasets" or "models"
    private: bool
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b""})
    large: set[str] = field(default_factory=set)
    commits: list[str] = field(default_factory=lambda: [hashlib.sha1(b"0").hexdigest()])

    @property
    def sha(self) -> str:
        return self.commits[-1]

    def oid(self, path: str) -> str:
        """Git's name of a file's content, or of a large file the hash of it."""
        content = self.files[path]
        if path in self.large:
            return hashlib.sha256(content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class HubServer:
    """``url`` is what ``HF_ENDPOINT`` is set to; ``requests`` lists what came."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.xet_folder: Path | None = None
        self.requests: list[str] = []
        self.seen_tokens: set[str] = set()
        self._broken: list[tuple[str, str, int]] = []
        self._before: list[tuple[str, Callable[[], None]]] = []
        self.lock = threading.Lock()

    def break_next(self, pattern: str, *, when: str = "before", times: int = 1) -> None:
        """Close the connection on the next requests that match ``METHOD path``, or answer 503.

        Args:
            pattern: A regular expression.
            when: ``"before"`` or ``"after"`` the request took effect, or ``"busy"`` for a 503.
            times: How often.
        """
        self._broken.append((pattern, when, times))

    def mend(self) -> None:
        """From now on nothing breaks."""
        self._broken.clear()

    def before_next(self, pattern: str, action: Callable[[], None]) -> None:
        """Call ``action`` once, before the next request that matches takes effect."""
        self._before.append((pattern, action))

    def happens_before(self, request: str) -> None:
        for entry in [entry for entry in self._before if re.search(entry[0], request)]:
            self._before.remove(entry)
            entry[1]()

    def breaks(self, request: str) -> str | None:
        with self.lock:
            for place, (pattern, when, times) in enumerate(self._broken):
                if times and re.search(pattern, request):
                    self._broken[place] = (pattern, when, times - 1)
                    return when
        return None

    @contextmanager
    def running(self) -> Iterator[HubServer]:
        hub = self

        class Handler(_Handler):
            server_state = hub

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            yield self
            server.shutdown()
            thread.join()


class _Refused(Exception):
    def __init__(self, status: int, message: str, code: str = "") -> None:
        self.status, self.message, self.code = status, message, code


class _Handler(BaseHTTPRequestHandler):
    server_state: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        """Tests read ``requests`` instead."""

    def _handle(self) -> None:
        hub, path = self.server_state, unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = f"{self.command} {path}"
        hub.requests.append(request)
        breaks = hub.breaks(request)
        if breaks == "before":
            self.close_connection = True
            self.connection.close()
            return
        try:
            if breaks == "busy":
                raise _Refused(503, "busy")
            with hub.lock:
                hub.happens_before(request)
                status, headers, answer = self._answer(path, body)
        except _Refused as refusal:
            status = refusal.status
            headers = {"X-Error-Message": refusal.message, "X-Error-Code": refusal.code}
            answer = json.dumps({"error": refusal.message}).encode()
        if breaks == "after":
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_HEAD = _handle

    def _answer(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        for method, pattern, handler in _ROUTES:
            match = re.fullmatch(pattern, path)
            if method == self.command and match:
                words = match.groupdict()
                self.kind = (words.pop("kind", None) or "models").rstrip("/")
                found = getattr(self, handler)(body, **words)
                return found if isinstance(found, tuple) else (200, {}, json.dumps(found).encode())
        raise _Refused(404, f"no such page: {path}", "EntryNotFound")

    def _check_token(self, *, write: bool) -> None:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        self.server_state.seen_tokens.add(token)
        if token not in (TOKEN, READ_TOKEN):
            raise _Refused(401, "Invalid credentials in Authorization header")
        if write and token == READ_TOKEN:
            raise _Refused(403, "You don't have the rights to create this")

    def _repository(self, name: str) -> Repository:
        if name not in self.server_state.repositories:
            raise _Refused(404, "Repository not found", "RepoNotFound")
        repository = self.server_state.repositories[name]
        if repository.kind != self.kind:
            raise _Refused(404, "Repository not found", "RepoNotFound")
        if repository.private:
            self._check_token(write=False)
        return repository

    def whoami(self, body: bytes) -> Any:
        self._check_token(write=False)
        role = "write" if self.headers["Authorization"].endswith(TOKEN) else "read"
        return {"type": "user", "name": "me", "auth": {"accessToken": {"role": role}}}

    def create(self, body: bytes) -> Any:
        self._check_token(write=True)
        wanted = json.loads(body)
        kind = f"{wanted['type']}s"
        assert kind in ("datasets", "models")
        name = f"{wanted['organization']}/{wanted['name']}"
        url = f"{self.server_state.url}/{'datasets/' if kind == 'datasets' else ''}{name}"
        if name in self.server_state.repositories:
            return 409, {}, json.dumps({"error": "exists", "url": url}).encode()
        private = wanted.get("visibility") == "private"
        self.server_state.repositories[name] = Repository(kind, private)
        return {"url": url, "name": name}

    def validate(self, body: bytes) -> Any:
        card = json.loads(body)
        header = yaml.safe_load(card["content"].split("---\n")[1])
        needed = {
            "dataset": {"license", "configs", "dataset_info"},
            "model": {"library_name", "pipeline_tag", "tags", "model-index"},
        }
        errors = [] if needed[card["repoType"]] <= set(header) else ["incomplete"]
        return {"errors": [{"message": error} for error in errors], "warnings": []}

    def info(self, body: bytes, name: str, revision: str = "main") -> Any:
        repository = self._repository(name)
        siblings = [{"rfilename": path} for path in repository.files]
        return {
            "id": name,
            "sha": repository.sha,
            "private": repository.private,
            "siblings": siblings,
            "tags": [],
            "downloads": 0,
            "likes": 0,
        }

    def preupload(self, body: bytes, name: str) -> Any:
        self._check_token(write=True)
        repository, files = self._repository(name), []
        for file in json.loads(body)["files"]:
            path = file["path"]
            is_large = path.endswith((".parquet", ".arrow", ".safetensors", ".bin"))
            files.append(
                {
                    "path": path,
                    "uploadMode": "lfs" if is_large else "regular",
                    "shouldIgnore": False,
                    "oid": repository.oid(path) if path in repository.files else None,
                }
            )
        return {"files": files}

    def batch(self, body: bytes, name: str) -> Any:
        self._check_token(write=True)
        self._repository(name)
        objects = []
        for wanted in json.loads(body)["objects"]:
            if wanted["oid"] not in self.server_state.blobs:
                href = f"{self.server_state.url}/blobs/{wanted['oid']}"
                wanted["actions"] = {"upload": {"href": href}}
            objects.append(wanted)
        return {"transfer": "basic", "objects": objects}

    def upload(self, body: bytes, oid: str) -> Any:
        if hashlib.sha256(body).hexdigest() != oid:
            raise _Refused(400, "the content is not what was announced")
        self.server_state.blobs[oid] = body
        return {}

    def xet_token(self, body: bytes, name: str) -> Any:
        self._check_token(write=True)
        if self.server_state.xet_folder is None:
            raise _Refused(404, "no xet storage")
        # The client has a storage service that is a folder.
        return {
            "casUrl": f"local://{self.server_state.xet_folder}",
            "accessToken": "xet",
            "exp": int(time.time()) + 3600,
        }

    def commit(self, body: bytes, name: str) -> Any:
        self._check_token(write=True)
        repository = self._repository(name)
        header, *operations = [json.loads(line) for line in body.splitlines()]
        if header["value"].get("parentCommit") not in (None, repository.sha):
            raise _Refused(412, "A commit has happened since. Please refresh and try again.")
        files, large = dict(repository.files), set(repository.large)
        for operation in operations:
            value, path = operation["value"], operation["value"]["path"]
            if operation["key"] == "deletedFile":
                del files[path]
            elif operation["key"] == "lfsFile":
                known_by_xet = (
                    f"xet {value['oid']}".encode() if self.server_state.xet_folder else None
                )
                files[path] = known_by_xet or self.server_state.blobs[value["oid"]]
                large.add(path)
            else:
                files[path] = base64.b64decode(value["content"])
        repository.files, repository.large = files, large
        repository.commits.append(hashlib.sha1(body).hexdigest())
        place = "datasets/" if self.kind == "datasets" else ""
        url = f"{self.server_state.url}/{place}{name}/commit/{repository.sha}"
        return {"commitUrl": url, "commitOid": repository.sha}

    def tree(self, body: bytes, name: str, under: str = "") -> Any:
        repository, found = self._repository(name), {}
        for path in repository.files:
            if under and not path.startswith(f"{under}/"):
                continue
            parts = path.split("/")
            for depth in range(1, len(parts)):
                folder = "/".join(parts[:depth])
                found[folder] = {"type": "directory", "path": folder, "oid": "0" * 40, "size": 0}
            found[path] = self._entry(repository, path)
        return list(found.values())

    def paths_info(self, body: bytes, name: str) -> Any:
        repository = self._repository(name)
        wanted = json.loads(body)["paths"]
        return [entry for entry in self.tree(b"", name) if entry["path"] in wanted and repository]

    def _entry(self, repository: Repository, path: str) -> dict[str, Any]:
        size = len(repository.files[path])
        return {"type": "file", "path": path, "oid": repository.oid(path), "size": size}

    def resolve(self, body: bytes, name: str, path: str) -> Any:
        repository = self._repository(name)
        if path not in repository.files:
            raise _Refused(404, f"no {path}", "EntryNotFound")
        content = repository.files[path]
        headers = {
            "ETag": f'"{repository.oid(path)}"',
            "X-Repo-Commit": repository.sha,
            "Accept-Ranges": "bytes",
        }
        if self.command == "HEAD":
            headers["Content-Length"] = str(len(content))
        return 200, headers, content


_NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
_KIND = r"(?P<kind>datasets|models)"
_ROUTES = [
    ("GET", r"/api/whoami-v2", "whoami"),
    ("POST", r"/api/repos/create", "create"),
    ("POST", r"/api/validate-yaml", "validate"),
    ("GET", rf"/api/{_KIND}/{_NAME}", "info"),
    ("GET", rf"/api/{_KIND}/{_NAME}/revision/(?P<revision>\w+)", "info"),
    ("POST", rf"/api/{_KIND}/{_NAME}/preupload/main", "preupload"),
    ("POST", rf"/(?P<kind>datasets/)?{_NAME}\.git/info/lfs/objects/batch", "batch"),
    ("PUT", r"/blobs/(?P<oid>\w+)", "upload"),
    ("GET", rf"/api/{_KIND}/{_NAME}/xet-write-token/main", "xet_token"),
    ("POST", rf"/api/{_KIND}/{_NAME}/commit/main", "commit"),
    ("GET", rf"/api/{_KIND}/{_NAME}/tree/\w+/?(?P<under>.*)", "tree"),
    ("POST", rf"/api/{_KIND}/{_NAME}/paths-info/\w+", "paths_info"),
    ("HEAD", rf"/(?P<kind>datasets/)?{_NAME}/resolve/\w+/(?P<path>.+)", "resolve"),
    ("GET", rf"/(?P<kind>datasets/)?{_NAME}/resolve/\w+/(?P<path>.+)", "resolve"),
]
