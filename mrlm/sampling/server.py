"""What a server answers, in the place of a model here: OpenAI's chat completions.

vLLM, llama.cpp's ``llama-server``, Ollama and others speak it. The server has the model, its chat
template and its tokenizer, so conversations go out and messages come back; no token ids. Of a row
without an answer nothing is known: it has no score, and the reason stands in its record.

Not covered: images, streaming, log-probabilities.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from mrlm.chat import Endpoint, EndpointError
from mrlm.sampling.types import SamplingParams
from mrlm.task import Task

if TYPE_CHECKING:
    from mrlm.sampling.environments import StartedEnvironment

__all__ = ["Answer", "ChatServer"]


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
class ChatServer(Endpoint):
    """A server that speaks OpenAI's chat completions; ``timeout`` is that of one turn."""

    max_bytes: ClassVar[int] = 1 << 24
    max_pause: ClassVar[float] = 30.0

    timeout: float = 300.0
    retries: int = 4
    concurrency: int = 8

    @property
    def name_or_path(self) -> str:
        """The model's name, as a model here has it."""
        return self.model

    def models(self) -> list[str]:
        """Names of the models that it serves.

        Raises:
            EndpointError: It cannot be reached, or does not say.
        """
        try:
            return [str(model["id"]) for model in self.request("models")["data"]]
        except (KeyError, TypeError) as error:
            raise EndpointError(f"{self.base_url}/models: no list of models") from error

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
            EndpointError: Not one of the samples was answered.
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
            raise EndpointError(
                f"{self.base_url} answered none of {len(answers)} samples: {answers[0].error}. "
                "Check the address, the model's name and the key, and that the server has started."
            )
        return answers

    def _ask(self, row: Mapping[str, Any], task: Task, params: SamplingParams) -> Answer:
        """One turn."""
        try:
            message, num_tokens, finished = self._turn(row["prompt"], params)
        except EndpointError as error:
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
        except EndpointError as error:
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
            EndpointError: There is none.
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
        completion = self.request("chat/completions", body)
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
            raise EndpointError("the response is no chat completion") from error


def _own_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call as episodes here have it: arguments as an object where their text is one."""
    function = call["function"]
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        with suppress(ValueError, RecursionError):  # it stays text, which is no right call
            arguments = json.loads(arguments) if arguments.strip() else {}
    named = {"name": function["name"], "arguments": {} if arguments is None else arguments}
    return {"id": call["id"], "type": "function", "function": named}
