"""The board's server: what it answers, what it refuses, and that it follows a run that goes on."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from mrlm.evaluation.comparison import compare
from mrlm.evaluation.evaluation import Evaluation
from mrlm.files import append_json_lines, write_json
from mrlm.report.server import BoardServer
from mrlm.runs.folder import RunFolder

Make = Callable[..., Evaluation]


def finished(folder: Path, before: Evaluation, after: Evaluation) -> None:
    run = RunFolder(folder)
    before.save(run.eval_before)
    after.save(run.eval_after)
    run.write_config({"learning_rate": 1e-5})
    run.write_metrics({"step": i, "reward": i / 10} for i in range(1, 6))
    run.write_results(compare(before, after), title=f"PPO on {folder.name}")


@pytest.fixture
def root(evaluation: Make, tmp_path: Path) -> Path:
    before, after = evaluation([0.0] * 8), evaluation([1.0] * 7 + [0.0])
    finished(tmp_path / "runs" / "one", before, after)
    finished(tmp_path / "runs" / "sweep" / "two", before, before)
    (tmp_path / "secret.jsonl").write_text('{"secret": 1}\n')
    return tmp_path / "runs"


class Client:
    def __init__(self, server: BoardServer) -> None:
        self.server = server

    def get(self, path: str, host: str | None = None, method: str = "GET") -> tuple[Any, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=60)
        connection.request(method, path, headers={"Host": host or "localhost"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def ask(self, path: str, *params: tuple[str, str], status: int = 200) -> Any:
        answer, text = self.get(f"/api/{path}?{urlencode(params)}")
        assert answer.status == status, text
        return json.loads(text) if status == 200 else text


@pytest.fixture
def client(root: Path) -> Iterator[Client]:
    with BoardServer(root) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield Client(server)
        server.shutdown()
        thread.join()


def test_the_list_has_every_run_below_the_folder(client: Client, root: Path) -> None:
    (root / "one" / "checkpoint-5").mkdir()
    (root / "one" / "checkpoint-5" / "metrics.jsonl").write_text("{}\n")
    (root / "one" / "eval_after").joinpath("notes.txt").touch()

    found = client.ask("runs")

    assert found["root"] == "runs" and found["broken"] == []
    lines = {line["id"]: line for line in found["runs"]}
    assert lines.keys() == {"one", "sweep/two"}
    assert lines["one"]["state"] == "finished" and lines["one"]["title"] == "PPO on one"
    assert (lines["one"]["before"], lines["one"]["after"]) == (0.0, 0.875)
    assert lines["one"]["rewards"] == [0.1, 0.2, 0.3, 0.4, 0.5] and lines["one"]["step"] == 5
    assert lines["one"]["is_clear"] and not lines["sweep/two"]["is_clear"]


def test_a_run_that_cannot_be_read_does_not_hide_the_others(client: Client, root: Path) -> None:
    (root / "broken").mkdir()
    (root / "broken" / "metrics.jsonl").touch()
    (root / "broken" / "results.json").write_text('{"comparison": {}}')

    found = client.ask("runs")

    assert len(found["runs"]) == 2
    assert found["broken"][0].startswith("broken: ")
    assert "not written by this version" in client.ask("run", ("id", "broken"), status=409)


def test_a_run_is_followed_while_it_goes(client: Client, root: Path) -> None:
    folder = root / "new"
    live = {"title": "PPO", "task": "math", "phase": "Evaluation before", "training": False}
    write_json(folder / "live.json", {**live, "max_steps": 9, "findings": []})
    append_json_lines(folder / "metrics.jsonl", [{"step": 56, "reward": 1.0}])  # an earlier run's
    run = client.ask("run", ("id", "new"))
    assert run["state"] == "running" and run["phase"] == "Evaluation before"
    assert run["step"] is None and not run["trains"]

    finding = {"step": 2, "name": "equal_rewards", "message": "Nothing to learn."}
    write_json(folder / "live.json", {**live, "training": True, "findings": [finding]})
    (folder / "metrics.jsonl").write_text('{"step": 1, "reward": 0.0}\n')
    run = client.ask("run", ("id", "new"))
    assert run["findings"] == [finding] and run["step"] == 1
    first = client.ask("rows", ("id", "new"), ("file", "metrics"))
    assert [row["step"] for row in first["rows"]] == [1]
    append_json_lines(folder / "metrics.jsonl", [{"step": 2, "reward": 0.5}])
    more = ("cursor", first["cursor"])
    second = client.ask("rows", ("id", "new"), ("file", "metrics"), more)
    assert second["rows"] == [{"step": 2, "reward": 0.5}] and not second["restart"]

    write_json(folder / "live.json", {**live, "stopped": "KeyboardInterrupt"})
    assert client.ask("run", ("id", "new"))["state"] == "stopped"


def test_results_of_an_earlier_run_are_not_shown_for_the_new_one(
    client: Client, root: Path
) -> None:
    write_json(root / "one" / "live.json", {"title": "PPO", "training": True})
    run = client.ask("run", ("id", "one"))
    assert run["results"] is None and run["state"] == "running" and "after" not in run["stages"]
    (root / "one" / "live.json").unlink()
    assert client.ask("run", ("id", "one"))["state"] == "finished"


def test_without_news_for_long_a_run_is_not_called_running(client: Client, root: Path) -> None:
    folder = root / "new"
    write_json(folder / "live.json", {"title": "PPO", "training": True})
    os.utime(folder / "live.json", (1e9, 1e9))
    assert client.ask("run", ("id", "new"))["state"] == "silent"


def test_a_run_on_several_tasks_has_its_results_below(client: Client, root: Path) -> None:
    run = RunFolder(root / "sweep")
    run.write_metrics([{"step": 1, "reward": 0.5}])
    assert client.ask("run", ("id", "sweep"))["state"] == "running"
    run.write_config({"mixture": "math tools"})
    found = client.ask("run", ("id", "sweep"))
    assert found["state"] == "finished" and found["results"] is None
    assert {"sweep", "sweep/two"} <= {line["id"] for line in client.ask("runs")["runs"]}


def test_several_runs_are_compared(client: Client) -> None:
    table = client.ask("compare", ("id", "sweep/two"), ("id", "one"))
    assert [row[0] for row in table["rows"]] == ["sweep/two", "one"]
    assert table["rows"][1][7].startswith("+87.5 (p = ")
    assert "name 2 to 6" in client.ask("compare", ("id", "one"), status=409)


@pytest.mark.parametrize(
    "name",
    ["../secret", "..", "/etc", "one/../../secret", "one\0", "%2e%2e", "nothing", "", "one/model"],
)
def test_only_runs_that_were_found_have_names(name: str, client: Client) -> None:
    for path in ("run", "compare"):
        client.ask(path, ("id", name), status=404)
    client.ask("rows", ("id", name), ("file", "metrics"), status=404)


@pytest.mark.parametrize("file", ["../secret.jsonl", "/etc/passwd", "results.json", "", "model"])
def test_only_a_runs_own_files_have_names(file: str, client: Client) -> None:
    client.ask("rows", ("id", "one"), ("file", file), status=404)


def test_no_link_leads_out_of_a_run(client: Client, root: Path) -> None:
    (root / "one" / "completions.jsonl").symlink_to(root.parent / "secret.jsonl")
    client.ask("rows", ("id", "one"), ("file", "completions"), status=404)
    (root / "link").symlink_to(root.parent)
    (root.parent / "metrics.jsonl").write_text('{"secret": 1}\n')
    assert {line["id"] for line in client.ask("runs")["runs"]} == {"one", "sweep/two"}


@pytest.mark.parametrize(
    "path",
    ["/../secret.jsonl", "/one/metrics.jsonl", "/api", "/api/rows", "/api/run", "/favicon.ico"],
)
def test_what_is_not_there(path: str, client: Client) -> None:
    answer, text = client.get(quote(path))
    assert answer.status == 404 and "secret" not in text


def test_it_only_reads(client: Client) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert client.get("/api/runs", method=method)[0].status == 501


def test_a_page_elsewhere_cannot_ask(client: Client) -> None:
    """One whose name an attacker's name server makes to lead to this machine."""
    assert client.get("/api/runs", host="evil.example:7788")[0].status == 403
    for host in ("localhost", "127.0.0.1:1", "[::1]:80"):
        assert client.get("/api/runs", host=host)[0].status == 200
    answer, page = client.get("/")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert (
        page.startswith("<!doctype html>")
        and '<script type="application/json" id="data">null' in page
    )


def test_one_run_is_a_folder_of_runs(root: Path) -> None:
    with BoardServer(root / "one") as server:
        (line,) = server.answer("/api/runs", {})["runs"]
    assert (line["id"], line["name"]) == (".", "one")


@pytest.mark.integration
def test_the_command_says_where_and_ends_with_ctrl_c(root: Path) -> None:
    command = [sys.executable, "-m", "mrlm.cli", "board", str(root), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        port = int(url.removeprefix("http://127.0.0.1:").removesuffix("/"))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/api/runs")
        assert len(json.loads(connection.getresponse().read())["runs"]) == 2
        connection.close()
        taken = subprocess.run(
            [*command[:-1], str(port)], capture_output=True, text=True, timeout=300
        )
        assert taken.returncode == 2 and "--port 0" in taken.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
