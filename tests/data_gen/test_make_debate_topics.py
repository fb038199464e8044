from __future__ import annotations

import json
from pathlib import Path

import pytest
from make_debate_topics import main


def test_writes_the_eight_topics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    main([])
    topics = json.loads(Path("debate_topics.json").read_text())
    assert [topic["id"] for topic in topics] == [f"debate_{n:03d}" for n in range(1, 9)]
    subjects = [
        "work from home",
        "Social media",
        "electric vehicles",
        "artificial intelligence",
        "basic income",
        "space",
        "Online education",
        "privacy",
    ]
    for topic, subject in zip(topics, subjects, strict=True):
        assert list(topic) == ["id", "topic", "pro", "con", "neither"]
        assert subject in topic["topic"]
        assert len(topic["pro"]) == len(topic["con"]) >= 3 and topic["neither"]
        assert "{" not in json.dumps([topic["pro"], topic["con"]])
    first = Path("debate_topics.json").read_text()
    main([])
    assert Path("debate_topics.json").read_text() == first
    main(["--seed", "1"])
    assert Path("debate_topics.json").read_text() != first


def test_other_topics(tmp_path: Path) -> None:
    output = tmp_path / "topics.json"
    main(["--topics", "zoos", "dams", "--output", str(output)])
    assert [topic["topic"][:4] for topic in json.loads(output.read_text())] == ["Zoos", "Rive"]
    main(["--topics", "all", "--output", str(output)])
    assert len(json.loads(output.read_text())) >= 60
    with pytest.raises(ValueError, match="cats"):
        main(["--topics", "cats", "--output", str(output)])
    assert len(json.loads(output.read_text())) >= 60
