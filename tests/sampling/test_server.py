"""Evaluating what a server answers: a real HTTP server on a local port, with scripted answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import mrlm
from mrlm import cli
from mrlm.chat import EndpointError
from mrlm.sampling.server import ChatServer
from mrlm.task import Task
from mrlm.tasks.tools import TASK
from mrlm.tasks.tools.own.environment_task import environment_task
from mrlm.tasks.tools.user_rows import user_rows

Answer = Callable[[dict[str, Any]], Any]


class Server:
    """Speaks chat completions; ``answer(body)`` gives a message, or a status with headers."""

    def __init__(self, answer: Answer, models: tuple[str, ...] = ("only",)) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.in_flight = self.most_in_flight = 0
        lock, server = threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: Any) -> None:
                pass

            def do_GET(self) -> None:
                assert self.path == "/v1/models"
                self.send({"data": [{"id": name} for name in models]})

            def do_POST(self) -> None:
                assert self.path == "/v1/chat/completions"
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    server.requests.append(body)
                    server.keys.append(self.headers["Authorization"])
                    server.in_flight += 1
                    server.most_in_flight = max(server.most_in_flight, server.in_flight)
                try:
                    found = answer(body)
                finally:
                    with lock:
                        server.in_flight -= 1
                if isinstance(found, tuple):
                    status, headers, payload = found
                    self.send(payload, status, headers)
                else:
                    finish = "tool_calls" if found.get("tool_calls") else "stop"
                    choice = {"message": {"role": "assistant"} | found, "finish_reason": finish}
                    choice["finish_reason"] = found.pop("finish_reason", finish)
                    self.send({"choices": [choice], "usage": {"completion_tokens": 3}})

            def send(self, payload: Any, status: int = 200, headers: Any = ()) -> None:
                data = (
                    payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
                )
                self.send_response(status)
                for name, value in dict(headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"


@contextmanager
def serving(answer: Answer, **options: Any) -> Iterator[Server]:
    server = Server(answer, **options)
    thread = threading.Thread(target=server.http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()


def client(server: Server, **options: Any) -> ChatServer:
    return ChatServer(server.url, "only", pause=0.01, **options)


def solve(rows: Any) -> Answer:
    """Gives the right answer to each of the rows."""
    by_prompt = {json.dumps(list(row["prompt"])): row for row in rows}
    return lambda body: {"content": by_prompt[json.dumps(body["messages"])]["solution"]}


def rows_of(name: str, number: int) -> tuple[Task, list[Any]]:
    task = mrlm.make_task(name)
    return task, list(task.build_dataset(number, 0, "test"))


def test_answers_are_scored_as_those_of_a_model_here() -> None:
    task, rows = rows_of("math", 12)
    right = solve(rows)

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        return right(body) if len(server.requests) % 2 else {"content": "No idea."}

    with serving(answer) as server:
        own = client(server, concurrency=1)
        found = mrlm.evaluate(
            own,
            None,
            task,
            mrlm.SamplingParams(64, temperature=0.0),
            num_rows=12,
            progress=False,
        )
    assert found.summary.accuracy == 0.5 and found.summary.num_unscored == 0
    assert found.settings.model == "only" and found.settings.server == server.url
    assert any("Measured at the server" in warning for warning in found.warnings())
    assert found.summary.mean_tokens == 3 and found.summary.truncated_share == 0
    assert all(record.messages == [] for record in found.records)
    body = server.requests[0]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("only", 0.0, 64)
    assert "tools" not in body


def test_several_samples_are_several_requests_with_their_seeds() -> None:
    task, _ = rows_of("math", 3)
    with serving(lambda body: {"content": str(body["seed"])}) as server:
        params = mrlm.SamplingParams(8, num_generations=4, temperature=0.7, top_p=0.9)
        found = mrlm.evaluate(
            client(server, concurrency=3), None, task, params, num_rows=3, progress=False
        )
    assert [(record.sample, record.completion) for record in found.records] == [
        (i % 4, str(i)) for i in range(12)
    ]
    assert {(body["temperature"], body["top_p"]) for body in server.requests} == {(0.7, 0.9)}
    assert set(found.summary.pass_at_k) == {1, 2, 4}


def test_no_more_requests_are_in_flight_than_allowed() -> None:
    task, _ = rows_of("math", 12)
    gate = threading.Barrier(3, timeout=30)

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        gate.wait()  # three at once, or none goes on
        return {"content": "5"}

    with serving(answer) as server:
        mrlm.evaluate(
            client(server, concurrency=3),
            None,
            task,
            num_rows=12,
            progress=False,
        )
    assert server.most_in_flight == 3


def test_what_is_busy_is_asked_again() -> None:
    task, rows = rows_of("math", 4)
    right, turned_away = solve(rows), set()

    def answer(body: dict[str, Any]) -> Any:
        key = json.dumps(body["messages"])
        if key not in turned_away:
            turned_away.add(key)
            return 503, {"Retry-After": "0"}, {"error": {"message": "loading the model"}}
        return right(body)

    with serving(answer) as server:
        found = mrlm.evaluate(client(server), None, task, num_rows=4, progress=False)
    assert found.summary.accuracy == 1.0 and len(server.requests) == 8


def test_what_gets_no_answer_is_not_measured() -> None:
    """Neither wrong nor right: it is counted, bounded, and says why."""
    task, rows = rows_of("math", 8)
    right = solve(rows)
    refused = json.dumps(list(rows[2]["prompt"])), json.dumps(list(rows[5]["prompt"]))

    def answer(body: dict[str, Any]) -> Any:
        if json.dumps(body["messages"]) in refused:
            return 400, {}, {"error": {"message": "the prompt is  too\nlong"}}
        return right(body)

    with serving(answer) as server:
        found = mrlm.evaluate(client(server), None, task, num_rows=8, progress=False)

    summary = found.summary
    assert summary.accuracy == 1.0 and summary.num_unscored == 2
    assert summary.accuracy_bounds == (0.75, 1.0)
    assert summary.rewards["math_reward"] == 1.0 and summary.truncated_share == 0
    assert summary.errors == {"server: status 400 (the prompt is too long)": 2}
    assert any("Samples without a score: 2 of 8" in warning for warning in found.warnings())
    assert len(server.requests) == 8, "a refusal is final"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((200, {}, "not JSON"), "no JSON"),
        ((200, {}, {"choices": []}), "no chat completion"),
        ((200, {}, {"choices": [{"message": {"content": [1]}}]}), "no chat completion"),
        (
            (401, {}, {"error": {"message": "wrong key sk-secret"}}),
            r"status 401 \(wrong key \.\.\.",
        ),
        ((404, {}, "nothing here"), "status 404"),
        ((302, {"Location": "http://127.0.0.1:1/"}, ""), "status 302"),
    ],
)
def test_a_server_that_answers_nothing_is_an_error(
    reply: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    task, _ = rows_of("math", 2)
    with serving(lambda body: reply) as server, pytest.raises(EndpointError, match=said) as error:
        mrlm.evaluate(client(server), None, task, num_rows=2, progress=False)
    assert "none of 2 samples" in str(error.value) and "sk-secret" not in str(error.value)
    assert server.keys == ["Bearer sk-secret"] * 2


def test_attempts_come_to_an_end() -> None:
    task, _ = rows_of("math", 1)
    with serving(lambda body: (500, {}, "")) as server, pytest.raises(EndpointError, match="3 att"):
        mrlm.evaluate(client(server, retries=2), None, task, num_rows=1, progress=False)
    assert len(server.requests) == 3


def test_cut_answers_are_told() -> None:
    task, _ = rows_of("math", 2)
    with serving(lambda body: {"content": "5", "finish_reason": "length"}) as server:
        found = mrlm.evaluate(client(server), None, task, num_rows=2, progress=False)
    assert found.summary.truncated_share == 1.0


def play(row: Any) -> list[dict[str, Any]]:
    """The assistant's turns of a worked solution, as a server says them."""
    turns = []
    for message in row["solution"]:
        if message["role"] == "assistant":
            calls = [
                {
                    "id": f"call-{len(turns)}-{i}",
                    "type": "function",
                    "function": {
                        "name": call["function"]["name"],
                        "arguments": json.dumps(call["function"]["arguments"]),
                    },
                }
                for i, call in enumerate(message.get("tool_calls") or ())
            ]
            content = message["content"] or None
            turns.append({"content": content} | ({"tool_calls": calls} if calls else {}))
    return turns


def test_tools_are_played_in_the_tasks_environment() -> None:
    task, rows = rows_of("tools", 8)
    solutions = {row["prompt"][-1]["content"]: play(row) for row in rows}

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        said = [m for m in body["messages"] if m["role"] == "assistant"]
        question = next(m for m in body["messages"] if m["role"] == "user")["content"]
        for message in said:
            for call in message.get("tool_calls", ()):
                assert isinstance(call["function"]["arguments"], str)
        return dict(solutions[question][len(said)])

    with serving(answer) as server:
        found = mrlm.evaluate(client(server), None, task, num_rows=8, progress=False)

    assert found.summary.accuracy == 1.0, [record.errors for record in found.records]
    record = next(r for r in found.records if any(m.get("tool_calls") for m in r.messages))
    call = next(m for m in record.messages if m.get("tool_calls"))["tool_calls"][0]
    result = next(m for m in record.messages if m["role"] == "tool")
    assert isinstance(call["function"]["arguments"], dict)
    assert result["tool_call_id"] == call["id"]
    assert record.completion.startswith("→ ")
    names = [tool["function"]["name"] for tool in server.requests[0]["tools"]]
    assert names and all(isinstance(name, str) for name in names)


class Asking:
    """Owns its reward, and waits for its tool."""

    def reset(self, **row: Any) -> str:
        self.asked = False
        return "Ask the oracle."

    async def ask(self) -> str:
        """Ask the oracle."""
        self.asked = True
        return "Yes."

    async def get_reward(self) -> float:
        return float(self.asked)


def test_asynchronous_tools_and_the_environments_reward() -> None:
    task = environment_task(Asking, max_rounds=2)
    call = {"id": "c", "type": "function", "function": {"name": "ask", "arguments": "{}"}}

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        turns = {"Yes.": {"content": "Done."}}
        return turns.get(body["messages"][-1]["content"], {"tool_calls": [dict(call)]})

    with serving(answer) as server:
        found = mrlm.evaluate(client(server), None, task, num_rows=2, progress=False)
    assert found.summary.accuracy == 1.0
    assert [record.rewards for record in found.records] == [{"Asking": 1.0}] * 2
    assert server.requests[0]["messages"][0]["content"] == "Ask the oracle."


def test_rows_show_the_server_their_own_tools() -> None:
    tool = {"name": "get_rain", "parameters": {"properties": {"city": {"type": "string"}}}}
    made = {"name": "get_rain", "arguments": {"city": "Rome"}}
    built = user_rows().build({"question": "Rain?", "tools": [tool], "calls": [made]})
    assert isinstance(built, list)
    row = {**built[0], "id": "1", "difficulty": "unknown"}
    function = {"name": "get_rain", "arguments": json.dumps(made["arguments"])}
    call = {"id": "c", "type": "function", "function": function}
    with serving(lambda body: {"content": None, "tool_calls": [dict(call)]}) as server:
        found = mrlm.evaluate(client(server), None, TASK, rows=[row], progress=False)
    assert found.summary.accuracy == 1.0 and len(server.requests) == 1
    assert [t["function"]["name"] for t in server.requests[0]["tools"]] == ["get_rain"]


def test_episodes_are_bounded_and_wrong_calls_are_answered() -> None:
    task, _ = rows_of("tools", 2)
    call = {"id": "c", "type": "function", "function": {"name": "shout", "arguments": "{no JSON"}}

    with serving(lambda body: {"content": None, "tool_calls": [dict(call)]}) as server:
        found = mrlm.evaluate(client(server), None, task, num_rows=2, progress=False)
    assert found.summary.accuracy == 0.0
    assert len(server.requests) == 2 * (task.max_tool_calling_iterations + 1)
    results = [m["content"] for m in found.records[0].messages if m["role"] == "tool"]
    assert results and all("error" in result for result in results)

    with serving(lambda body: {"content": None, "tool_calls": [dict(call)]}) as server:
        params = mrlm.SamplingParams(6, temperature=0.0)  # a turn is 3 tokens
        found = mrlm.evaluate(client(server), None, task, params, num_rows=2, progress=False)
    assert len(server.requests) == 4 and found.summary.truncated_share == 1.0
    assert [body["max_tokens"] for body in server.requests].count(3) == 2


def test_the_command_measures_a_server(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _, rows = rows_of("math", 3)
    command = ["eval", "--task", "math", "--num_rows", "3"]
    with serving(solve(rows)) as server:
        folder = tmp_path / "at_server"
        asked = [*command, "--model", server.url, "--output_dir", str(folder)]
        assert cli.main([*asked, "--json"]) == 0
        results = json.loads(capsys.readouterr().out)
        assert cli.main([*command, "--model", server.url]) == 0
        assert "Measured at the server" in capsys.readouterr().out
    assert results["settings"]["server"] == server.url
    assert results["settings"]["model"] == "only" and results["summary"]["accuracy"] == 1.0
    loaded = mrlm.Evaluation.load(folder)
    assert loaded.settings.server == server.url
    assert mrlm.compare(loaded, loaded).p_value == 1.0


def test_several_models_are_to_be_chosen_from(capsys: pytest.CaptureFixture[str]) -> None:
    _, rows = rows_of("math", 2)
    command = ["eval", "--task", "math", "--num_rows", "2", "--json"]
    with serving(solve(rows), models=("big", "small")) as server:
        assert cli.main([*command, "--model", server.url]) == 2
        assert "big, small: choose with --served_model" in capsys.readouterr().err
        assert cli.main([*command, "--model", server.url, "--served_model", "small"]) == 0
    assert {body["model"] for body in server.requests} == {"small"}
    assert json.loads(capsys.readouterr().out)["settings"]["model"] == "small"


def test_mistakes_are_told_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    command = ["eval", "--task", "math", "--num_rows", "2"]
    assert cli.main([*command, "--served_model", "m"]) == 2
    assert "--served_model goes with" in capsys.readouterr().err
    with serving(lambda body: {"content": ""}) as server:
        pass
    assert cli.main([*command, "--model", server.url]) == 1  # nobody there any more
    assert "refused" in capsys.readouterr().err
    assert cli.main([*command, "--model", server.url, "--concurrency", "0"]) == 2
    assert "concurrency" in capsys.readouterr().err
