"""The file tool: what it does, and every way out of the folder that we know."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from mrlm.tasks.tools.builtin import file_system, make_file_system
from mrlm.tasks.tools.builtin.files import MAX_FILE_SIZE, MAX_FILES


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    secret = tmp_path / "outside" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text("secret")
    return secret


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "docs").mkdir(parents=True)
    (folder / "a.txt").write_text("hello")
    (folder / "docs" / "b.txt").write_text("béta")
    return folder


@pytest.fixture
def tool(root: Path) -> Any:
    return make_file_system(root)


def test_list_read_write(tool: Any, root: Path) -> None:
    assert tool("list") == "a.txt\ndocs/"
    assert tool("list", "docs") == tool("list", "./docs/") == "b.txt"
    assert tool("read", "docs/b.txt") == "béta"
    assert tool("write", "new/c.txt", "x\ny") == "Wrote 3 characters to new/c.txt."
    assert (root / "new" / "c.txt").read_text() == "x\ny"
    tool("write", "a.txt", "hi")
    assert tool("read", "a.txt") == "hi", "what was longer before is gone"
    tool("write", "a.txt")
    assert tool("read", "a.txt") == "The file is empty."


def test_the_plain_function_has_a_private_folder() -> None:
    file_system("write", "note.txt", "mine")
    assert file_system("read", "note.txt") == "mine"
    other = make_file_system()
    assert other("list") == "The folder is empty."


@pytest.mark.parametrize("action", ["list", "read", "write"])
@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../outside/secret.txt",
        "docs/../../outside/secret.txt",
        "./../outside",
        "docs/../../../../../../../../etc/passwd",
        "/etc/passwd",
        "//etc/passwd",
        "/",
        "~",
        "~/x",
        "~root",
        "..\\outside",
        "a\\..\\..\\x",
        "C:\\x",
        "a.txt\x00.png",
        "\x00",
        "a\nb",
        "a\x1b[2J",
        "\ud800",
        "\u202egpj.exe",
        "x" * 10_000,
        "a/" * 5000,
        "d/e/f/g/h/i.txt",
        "",
        None,
        5,
        ["a.txt"],
        b"a.txt",
        True,
    ],
)
def test_no_path_leads_outside(
    tool: Any, outside: Path, root: Path, action: str, path: Any
) -> None:
    before = sorted(root.rglob("*"))
    with pytest.raises(ValueError) as caught:
        tool(action, path, "overwritten")
    assert str(root) not in str(caught.value), "the real place stays unknown"
    assert outside.read_text() == "secret"
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("action", ["list", "read", "write"])
def test_no_link_leads_outside(tool: Any, outside: Path, root: Path, action: str) -> None:
    (root / "link.txt").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / "dangling").symlink_to(outside.parent / "new.txt")
    (root / "loop").symlink_to(root / "loop")
    os.link(outside, root / "hard.txt")
    for path in (
        "link.txt",
        "folder",
        "folder/secret.txt",
        "dangling",
        "loop",
        "hard.txt",
        "docs/../link.txt",
    ):
        with pytest.raises(ValueError):
            tool(action, path, "overwritten")
    assert [p.name for p in outside.parent.iterdir()] == ["secret.txt"]
    assert outside.read_text() == "secret"


def test_a_link_that_appears_meanwhile_leads_nowhere(tool: Any, outside: Path, root: Path) -> None:
    """A racing thread swaps a folder for a link again and again."""
    stop = threading.Event()
    (root / "swap").mkdir()
    (root / "swap" / "secret.txt").write_text("public")

    def swap() -> None:
        while not stop.is_set():
            (root / "swap").rename(root / "kept")
            (root / "swap").symlink_to(outside.parent)
            (root / "swap").unlink()
            (root / "kept").rename(root / "swap")

    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    for _ in range(2_000):
        try:
            seen.add(tool("read", "swap/secret.txt"))
        except ValueError:
            seen.add("refused")
    stop.set()
    thread.join()
    assert seen <= {"public", "refused"}


def test_pipes_sockets_and_folders_are_no_files(tool: Any, root: Path) -> None:
    """Opened as a file, the pipe would wait for its other end for ever."""
    os.mkfifo(root / "pipe")
    for action in ("read", "write"):
        for path in ("pipe", "docs", "."):
            with pytest.raises(ValueError):
                tool(action, path, "x")
    with pytest.raises(ValueError):
        tool("list", "a.txt")


def test_devices_are_no_files() -> None:
    with pytest.raises(ValueError, match="plain file"):
        make_file_system("/dev")("read", "zero")


def test_sizes_are_bounded(tool: Any, root: Path) -> None:
    with (root / "huge.bin").open("wb") as file:
        file.truncate(50 * 2**30)  # sparse
    assert len(tool("read", "huge.bin")) <= MAX_FILE_SIZE
    with pytest.raises(ValueError, match="at most"):
        tool("write", "big.txt", "x" * (MAX_FILE_SIZE + 1))
    assert not (root / "big.txt").exists()
    with pytest.raises(ValueError, match="files"):
        for i in range(MAX_FILES + 1):
            tool("write", f"{i}.txt", "")
    assert len(list(root.iterdir())) <= MAX_FILES
    for i in range(200):
        (root / f"more-{i}").touch()
    assert len(tool("list").split("\n")) <= MAX_FILES


def test_binary_and_odd_text_survive(tool: Any, root: Path) -> None:
    (root / "bytes.bin").write_bytes(bytes(range(256)))
    assert "ABC" in tool("read", "bytes.bin")
    tool("write", "odd.txt", "\ud800x")
    assert tool("read", "odd.txt") == "?x"


def test_missing_files_are_named(tool: Any) -> None:
    with pytest.raises(ValueError, match=r"cannot read .none\.txt.: No such file"):
        tool("read", "none.txt")


@pytest.mark.parametrize("action", ["delete", "", "READ", None, 1])
def test_other_actions_are_refused(tool: Any, action: Any) -> None:
    with pytest.raises(ValueError, match="list"):
        tool(action, "a.txt")


def test_a_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder"):
        make_file_system(tmp_path / "none")
