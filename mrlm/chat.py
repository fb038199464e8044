"""Endpoints that speak OpenAI's interface: judges, opponents, and models that are measured.

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
from typing import Any, ClassVar
from urllib.parse import urlsplit

from mrlm.errors import MrlmError

__all__ = ["Chat", "ChatEndpoint", "Conversation", "Endpoint", "EndpointError"]

logger = logging.getLogger(__name__)

Conversation = Sequence[Mapping[str, str]]
Chat = Callable[[Sequence[Conversation]], list[str | None]]

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_MAX_REASON = 200  # characters of an endpoint's own words


class EndpointError(MrlmError):
    """An endpoint gives no answer, or none that can be read."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """urllib would send the key along to wherever a redirect points."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass(frozen=True)
class Endpoint:
    """What all that speak OpenAI's interface share: an address, a key, patience.

    Attributes:
        base_url: Up to and with the version: ``"http://localhost:8000/v1"``.
        model: The name that the endpoint knows the model by.
        api_key_env: The environment variable that holds the key; none is sent where it is not set.
        timeout: Seconds for one answer.
        retries: Further attempts after a timeout, a dropped connection, or status 429 or 5xx.
        pause: Seconds before the first retry; it doubles.
        concurrency: Requests in flight at once.

    Raises:
        ValueError: ``base_url`` is no http or https address, or ``concurrency`` is below 1.
    """

    max_bytes: ClassVar[int] = 1 << 20  # of an answer
    max_pause: ClassVar[float] = 10.0  # seconds, whatever Retry-After says

    base_url: str
    model: str
    api_key_env: str = "OPENAI_API_KEY"
    timeout: float = 60.0
    retries: int = 2
    pause: float = 0.5
    concurrency: int = 4

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(
                f"base_url is {self.base_url!r}; it must be an http or https address such as "
                "http://localhost:8000/v1."
            )
        if self.concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, got {self.concurrency}")

    def request(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON of an answer, after as many attempts as are allowed.

        Args:
            path: Below ``base_url``.
            body: What is posted; without it the path is fetched.

        Raises:
            EndpointError: None came. Its text may hold the endpoint's own words, but never the key.
        """
        pause = self.pause
        for attempt in range(self.retries + 1):
            try:
                return json.loads(self._send(path, body))
            except urllib.error.HTTPError as error:
                reason, again = self._reason(error), error.code in _RETRIED
                pause = max(pause, _retry_after(error))
                error.close()
            except (OSError, http.client.HTTPException) as error:
                cause = getattr(error, "reason", None) or error
                reason, again = f"{type(cause).__name__}: {cause}", True
            except (ValueError, RecursionError):
                reason, again = "the response is no JSON", False
            if not again or attempt == self.retries:
                break
            time.sleep(min(pause, self.max_pause))
            pause *= 2
        tries = f" after {attempt + 1} attempts" if attempt else ""
        raise EndpointError(f"{reason}{tries}")

    def _send(self, path: str, body: Mapping[str, Any] | None) -> bytes:
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(self.api_key_env):
            headers["Authorization"] = f"Bearer {key}"
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.base_url.rstrip('/')}/{path}"
        opener = urllib.request.build_opener(_NoRedirects)
        deadline = time.monotonic() + self.timeout
        request = urllib.request.Request(url, data, headers)
        with opener.open(request, timeout=self.timeout) as response:
            received = b""
            while chunk := response.read1(1 << 16):
                received += chunk
                # The socket's timeout starts anew with each byte of a slow answer.
                if time.monotonic() > deadline:
                    raise TimeoutError(f"no whole response in {self.timeout:g} seconds")
                if len(received) > self.max_bytes:
                    raise ValueError("the response is too long")
            return received

    def _reason(self, error: urllib.error.HTTPError) -> str:
        """The status, and what the endpoint says about it, without the key."""
        try:
            told = json.loads(error.read(self.max_bytes))
            said = told.get("error", told)
            text = said.get("message", "") if isinstance(said, dict) else said
        except (OSError, ValueError, AttributeError, RecursionError):
            text = ""
        words = " ".join(str(text).split())[:_MAX_REASON]
        if key := os.environ.get(self.api_key_env):
            words = words.replace(key, "...")
        return f"status {error.code}" + (f" ({words})" if words else "")


@dataclass(frozen=True)
class ChatEndpoint(Endpoint):
    """An endpoint that answers conversations, such as vLLM, llama.cpp or Ollama.

    Attributes:
        temperature: 0 is greedy.
        max_tokens: Of an answer.
    """

    temperature: float = 0.0
    max_tokens: int = 256

    def __call__(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """An answer to each conversation, ``None`` where there is none."""
        with ThreadPoolExecutor(self.concurrency) as pool:
            return list(pool.map(self._answer, conversations))

    def _answer(self, conversation: Conversation) -> str | None:
        body = {
            "model": self.model,
            "messages": [dict(message) for message in conversation],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }
        try:
            content = self.request("chat/completions", body)["choices"][0]["message"]["content"]
            if isinstance(content, str):
                return content
            reason = "the content is no text"
        except EndpointError as error:
            # Of its own words nothing: they may repeat what was sent.
            reason = str(error).partition(" (")[0]
        except (KeyError, IndexError, TypeError):
            reason = "an answer that is no chat completion"
        logger.warning("%s gave no answer: %s.", urlsplit(self.base_url).hostname, reason)
        return None


def _retry_after(error: urllib.error.HTTPError) -> float:
    try:
        return max(0.0, float(error.headers.get("Retry-After", 0)))
    except ValueError:  # a date
        return 0.0
