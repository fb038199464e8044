"""Endpoints that speak OpenAI's interface, against a real HTTP server."""

from __future__ import annotations

import contextlib
import logging
import pickle
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from chat_server import Server

from mrlm.chat import ChatEndpoint

SECRET = "sk-do-not-tell-anyone"
HELLO = [[{"role": "user", "content": "hello"}]]


def test_protocol_and_key(chat_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", SECRET)
    chat_server.reply = lambda body: body["messages"][-1]["content"] + "!"
    endpoint = chat_server.endpoint(api_key_env="JUDGE_KEY", max_tokens=7)
    conversations = [[{"role": "user", "content": str(i)}] for i in range(9)]
    assert endpoint(conversations) == [f"{i}!" for i in range(9)]
    request, headers = chat_server.requests[0], chat_server.headers[0]
    assert request["path"] == "/v1/chat/completions"
    assert (request["model"], request["max_tokens"], request["temperature"]) == ("judge-1", 7, 0.0)
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert SECRET not in repr(endpoint) and SECRET.encode() not in pickle.dumps(endpoint)


def test_no_key_is_sent_where_none_is_set(
    chat_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    chat_server.endpoint()(HELLO)
    assert "Authorization" not in chat_server.headers[0]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_retries_until_it_answers(status: int, chat_server: Server) -> None:
    chat_server.reply = lambda body: status if len(chat_server.requests) < 3 else "at last"
    assert chat_server.endpoint(retries=2)(HELLO) == ["at last"]
    assert len(chat_server.requests) == 3


@pytest.mark.parametrize(
    ("reply", "requests"),
    [
        (500, 3),
        (401, 1),
        (404, 1),
        (302, 1),
        (b"not json", 1),
        (b"{}", 1),
        (b"[" * 99_999, 1),
        (b'{"choices": []}', 1),
        (b'{"choices": [{"message": {"content": null}}]}', 1),
        (b"\xff\xfe", 1),
        (b" " * (2 << 20), 1),
    ],
)
def test_what_is_no_answer_is_none_and_logged_without_secrets(
    reply: Any,
    requests: int,
    chat_server: Server,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    chat_server.reply = lambda body: reply
    caplog.set_level(logging.DEBUG)
    assert chat_server.endpoint(retries=2)([[{"role": "user", "content": "a private text"}]]) == [
        None
    ]
    assert len(chat_server.requests) == requests
    assert "gave no answer" in caplog.text
    assert SECRET not in caplog.text and "a private text" not in caplog.text


def test_redirects_do_not_carry_the_key_away(
    chat_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)

    def redirect(handler: Any) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"{chat_server.url}/elsewhere")
        handler.end_headers()

    chat_server.reply = lambda body: redirect
    assert chat_server.endpoint()(HELLO) == [None]
    assert len(chat_server.requests) == 1


def test_a_silent_and_a_slow_server_time_out(chat_server: Server) -> None:
    """Both would answer in the end, to one who waited."""
    release = threading.Event()
    answer = b'{"choices": [{"message": {"content": "too late"}}]}'

    def silent(handler: Any) -> None:
        release.wait(30)
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(answer)

    def dripping(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(600):
            handler.wfile.write(b" ")
            if release.wait(0.05):
                return
        handler.wfile.write(answer)

    for behaviour in (silent, dripping):
        # An endpoint that gave up has closed its end.
        chat_server.reply = lambda body, behaviour=behaviour: partial(gone_is_fine, behaviour)
        assert chat_server.endpoint(timeout=0.3, retries=1)(HELLO) == [None]
    release.set()
    assert len(chat_server.requests) == 4


def gone_is_fine(behaviour: Callable[[Any], None], handler: Any) -> None:
    with contextlib.suppress(OSError):
        behaviour(handler)


def test_nobody_listens() -> None:
    endpoint = ChatEndpoint("http://127.0.0.1:9/v1", "m", timeout=60, retries=0)
    assert endpoint(HELLO) == [None]


@pytest.mark.parametrize("url", ["localhost:8000", "file:///etc/passwd", "ftp://host/v1", ""])
def test_only_web_addresses(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        ChatEndpoint(url, "m")
