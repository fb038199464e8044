"""What a server answers, in the place of a model here: OpenAI's chat completions.

vLLM, llama.cpp's ``llama-server``, Ollama and others speak it. The server has the model, its chat
template and its tokenizer, so conversations go out and messages come back; no token ids. Of a row
without an answer nothing is known: it has no score, and the reason stands in its record.

Not covered: images, streaming, log-probabilities.
"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mrlm.errors import MrlmError
from mrlm.sampling.types import SamplingParams
from mrlm.task import Task

if TYPE_CHECKING:
    from mrlm.sampling.environments import StartedEnvironment

__all__ = ["Answer", "ChatServer", "ServerError"]

_MAX_BYTES = 1 << 24  # of a response
_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_MAX_PAUSE = 30.0  # seconds, whatever Retry-After says
_MAX_REASON = 200  # characters of a server's own words


class ServerError(MrlmError):
    """A server gives no answer, or none that is a chat completion."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """urllib would send the key along to wherever a redirect points."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass(frozen=True)
class Answer:
    """One sample of one row.

    Attributes:
        messages: What the assistant said and, in an episode, the tools.
        num_tokens: What the server says that the assistant wrote; 0 where it does not say.
        finished: The last turn ended by itself, within the limits.
        error: Why there is no answer.
        started: Of an episode, the environment with the prompt and the reward.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    num_tokens: int = 0
    finished: bool = False
    error: str | None = None
    started: StartedEnvironment | None = None


@dataclass(frozen=True)
class ChatServer:
    """A server that speaks OpenAI's chat completions.

    Attributes:
        base_url: Up to and with the version: ``"http://localhost:8000/v1"``.
        model: The name that the server knows the model by.
        api_key_env: The environment variable that holds the key; none is sent where it is not set.
        timeout: Seconds for one turn.
        retries: Further attempts after a timeout, a dropped connection, or status 429 or 5xx.
        pause: Seconds before the first retry; it doubles.
        concurrency: Samples in flight at once.

    Raises:
        ValueError: ``base_url`` is no http or https address, or ``concurrency`` is below 1.
    """

    base_url: str
    model: str
    api_key_env: str = "OPENAI_API_KEY"
    timeout: float = 300.0
    retries: int = 4
    pause: float = 0.5
    concurrency: int = 8

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(
                f"base_url is {self.base_url!r}; it must be an http or https address such as "
                "http://localhost:8000/v1."
            )
        if self.concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, got {self.concurrency}")

    @property
    def name_or_path(self) -> str:
        """The model's name, as a model here has it."""
        return self.model

    def models(self) -> list[str]:
        """Names of the models that it serves.

        Raises:
            ServerError: It cannot be reached, or does not say.
        """
        try:
            return [str(model["id"]) for model in self._request("models")["data"]]
        except (KeyError, TypeError) as error:
            raise ServerError(f"{self.base_url}/models: no list of models") from error

    def answer(
        self,
        rows: Sequence[Mapping[str, Any]],
        task: Task,
        params: SamplingParams,
        progress: Callable[[int], None] | None = None,
    ) -> list[Answer]:
        """Answer every row ``params.num_generations`` times.

        Each sample is a request of its own, with a seed of its own where ``params`` has one. A task
        with rounds of tool calls is played in its environment, with the server's ``tools`` and
        ``tool_calls``; ``params.max_new_tokens`` then counts what the model writes in all turns,
        not the results.

        Args:
            rows: Rows of ``task.build_dataset``.
            task: Its environments and its bound on rounds of calls.
            params: ``temperature``, ``top_p``, ``max_new_tokens`` and ``seed`` go to the server.
            progress: Called with the number of samples that came since its last call.

        Returns:
            ``len(rows) * params.num_generations`` answers, those of one row adjacent.

        Raises:
            ServerError: Not one of the samples was answered.
        """
        answer_one = self._play if task.has_tools else self._ask
        pool = ThreadPoolExecutor(self.concurrency)
        futures: list[Future[Answer]] = []
        try:
            for number, row in enumerate(r for r in rows for _ in range(params.num_generations)):
                seed = None if params.seed is None else params.seed + number
                futures.append(pool.submit(answer_one, row, task, replace(params, seed=seed)))
            for _ in as_completed(futures):
                if progress is not None:
                    progress(1)
            answers = [future.result() for future in futures]
        finally:
            pool.shutdown(cancel_futures=True)
        if answers and all(answer.error for answer in answers):
            raise ServerError(
                f"{self.base_url} answered none of {len(answers)} samples: {answers[0].error}. "
                "Check the address, the model's name and the key, and that the server has started."
            )
        return answers

    def _ask(self, row: Mapping[str, Any], task: Task, params: SamplingParams) -> Answer:
        """One turn."""
        try:
            message, num_tokens, finished = self._turn(row["prompt"], params)
        except ServerError as error:
            return Answer(error=str(error))
        said = {"role": "assistant", "content": message.get("content") or ""}
        return Answer([said], num_tokens, finished)

    def _play(self, row: Mapping[str, Any], task: Task, params: SamplingParams) -> Answer:
        """One episode with tools."""
        from transformers.utils.chat_template_utils import get_json_schema

        from mrlm.sampling.environments import run_calls, start_environment

        started = start_environment(row, task)
        schemas = [
            tool if isinstance(tool, dict) else get_json_schema(tool) for tool in started.offered
        ]
        talk: list[dict[str, Any]] = list(started.prompt)
        messages: list[dict[str, Any]] = []
        written, finished = 0, False
        try:
            for turn in range(task.max_tool_calling_iterations + 1):
                left = replace(params, max_new_tokens=params.max_new_tokens - written)
                message, num_tokens, finished = self._turn(talk, left, schemas)
                written += num_tokens
                calls = [_own_call(call) for call in message.get("tool_calls") or ()]
                own = {"role": "assistant", "content": message.get("content") or ""}
                messages.append({**own, "tool_calls": calls} if calls else own)
                last_turn = turn == task.max_tool_calling_iterations
                if not calls or not finished or last_turn or started.ends_at_calls:
                    break
                if written >= params.max_new_tokens:
                    finished = False
                    break
                results = [
                    {
                        "role": "tool",
                        "tool_call_id": call["id"],
                        "name": call["function"]["name"],
                        "content": content,
                    }
                    for call, content in run_calls(started.tools, calls)
                ]
                messages += results
                talk += [{**own, "tool_calls": message["tool_calls"]}, *results]
        except ServerError as error:
            return Answer(messages, written, False, str(error), started)
        finally:
            started.end()
        return Answer(messages, written, finished, started=started)

    def _turn(
        self,
        messages: Sequence[Mapping[str, Any]],
        params: SamplingParams,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> tuple[dict[str, Any], int, bool]:
        """The assistant's next message, its number of tokens, and whether it ended by itself.

        Raises:
            ServerError: There is none.
        """
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [dict(message) for message in messages],
            "max_tokens": params.max_new_tokens,
            "temperature": params.temperature,
            "top_p": params.top_p,
        }
        if params.seed is not None:
            body["seed"] = params.seed
        if tools:
            body["tools"] = list(tools)
        completion = self._request("chat/completions", body)
        try:
            choice = completion["choices"][0]
            message = choice["message"]
            if not isinstance(message.get("content"), str | None):
                raise TypeError("content is no text")
            for call in message.get("tool_calls") or ():
                call["id"], call["function"]["name"]
            num_tokens = int((completion.get("usage") or {}).get("completion_tokens") or 0)
            return message, num_tokens, choice.get("finish_reason") != "length"
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise ServerError("the response is no chat completion") from error

    def _request(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON of a response, after as many attempts as are allowed.

        Raises:
            ServerError: None came.
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
            time.sleep(min(pause, _MAX_PAUSE))
            pause *= 2
        tries = f" after {attempt + 1} attempts" if attempt else ""
        raise ServerError(f"{reason}{tries}")

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
                if len(received) > _MAX_BYTES:
                    raise ValueError("the response is too long")
            return received

    def _reason(self, error: urllib.error.HTTPError) -> str:
        """The status, and what the server says about it, without the key."""
        try:
            told = json.loads(error.read(_MAX_BYTES))
            said = told.get("error", told)
            text = said.get("message", "") if isinstance(said, dict) else said
        except (OSError, ValueError, AttributeError, RecursionError):
            text = ""
        words = " ".join(str(text).split())[:_MAX_REASON]
        if key := os.environ.get(self.api_key_env):
            words = words.replace(key, "...")
        return f"status {error.code}" + (f" ({words})" if words else "")


def _own_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call as episodes here have it: arguments as an object where their text is one."""
    function = call["function"]
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        with suppress(ValueError, RecursionError):  # it stays text, which is no right call
            arguments = json.loads(arguments) if arguments.strip() else {}
    named = {"name": function["name"], "arguments": {} if arguments is None else arguments}
    return {"id": call["id"], "type": "function", "function": named}


def _retry_after(error: urllib.error.HTTPError) -> float:
    try:
        return max(0.0, float(error.headers.get("Retry-After", 0)))
    except ValueError:  # a date
        return 0.0
