"""An OpenAI-compatible endpoint that continues conversations, for judges and opponents.

A conversation that gets no answer gives ``None``; the reason is logged, never what was sent, and
never a key, which stays in an environment variable.

Not covered: streaming; other interfaces than chat completions.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Chat", "ChatEndpoint", "Conversation"]

logger = logging.getLogger(__name__)

Conversation = Sequence[Mapping[str, str]]
Chat = Callable[[Sequence[Conversation]], list[str | None]]

_MAX_BYTES = 1 << 20  # of an answer
_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_MAX_PAUSE = 10.0  # seconds, whatever Retry-After says


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """urllib would send the key along to wherever a redirect points."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass(frozen=True)
class ChatEndpoint:
    """An endpoint that speaks OpenAI's chat completions, such as vLLM, llama.cpp or Ollama.

    Attributes:
        base_url: Up to and with the version: ``"http://localhost:8000/v1"``.
        model: The name that the endpoint knows the model by.
        api_key_env: The environment variable that holds the key; none is sent where it is not set.
        timeout: Seconds for one answer.
        retries: Further attempts after a timeout, a dropped connection, or status 429 or 5xx.
        pause: Seconds before the first retry; it doubles.
        temperature: 0 is greedy.
        max_tokens: Of an answer.
        concurrency: Requests in flight at once.

    Raises:
        ValueError: ``base_url`` is no http or https address.
    """

    base_url: str
    model: str
    api_key_env: str = "OPENAI_API_KEY"
    timeout: float = 60.0
    retries: int = 2
    pause: float = 0.5
    temperature: float = 0.0
    max_tokens: int = 256
    concurrency: int = 4

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(
                f"base_url is {self.base_url!r}; it must be an http or https address such as "
                "http://localhost:8000/v1."
            )

    def __call__(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """An answer to each conversation, ``None`` where there is none."""
        with ThreadPoolExecutor(self.concurrency) as pool:
            return list(pool.map(self._answer, conversations))

    def _answer(self, conversation: Conversation) -> str | None:
        pause = self.pause
        for attempt in range(self.retries + 1):
            try:
                return _content(self._post(conversation))
            except urllib.error.HTTPError as error:
                reason, again = f"status {error.code}", error.code in _RETRIED
                pause = max(pause, _retry_after(error))
                error.close()
            except (OSError, http.client.HTTPException) as error:
                reason, again = type(error).__name__, True
            except (ValueError, RecursionError):
                reason, again = "an answer that is no chat completion", False
            if not again or attempt == self.retries:
                break
            time.sleep(min(pause, _MAX_PAUSE))
            pause *= 2
        logger.warning("%s gave no answer: %s.", urlsplit(self.base_url).hostname, reason)
        return None

    def _post(self, conversation: Conversation) -> bytes:
        body = {
            "model": self.model,
            "messages": [dict(message) for message in conversation],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(self.api_key_env):
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(
            f"{self.base_url.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers
        )
        deadline = time.monotonic() + self.timeout
        opener = urllib.request.build_opener(_NoRedirects)
        with opener.open(request, timeout=self.timeout) as response:
            received = b""
            while chunk := response.read1(1 << 16):
                received += chunk
                # The socket's timeout starts anew with each byte of a slow answer.
                if time.monotonic() > deadline:
                    raise TimeoutError
                if len(received) > _MAX_BYTES:
                    raise ValueError("the answer is too long")
            return received


def _content(body: bytes) -> str:
    """The text of a chat completion; ``ValueError`` where the body is none."""
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError("no chat completion") from error
    if not isinstance(content, str):
        raise ValueError("the content is no text")
    return content


def _retry_after(error: urllib.error.HTTPError) -> float:
    try:
        return max(0.0, float(error.headers.get("Retry-After", 0)))
    except ValueError:  # a date
        return 0.0
