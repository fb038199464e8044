"""Files of the reader's own that the pages name, as a reader would have them."""

from __future__ import annotations

from pathlib import Path

import pages

from mrlm.cli import main

REWARD = """
from mrlm.tasks.math.reward import math_reward


def reward(completions, answer, **kwargs):
    return math_reward(completions, answer, **kwargs)
"""
# What the page shows of a task with options, whole.
OPTIONS = '''

def spelling(longest: int = 12, letters: str = "abcdefghijklmnopqrstuvwxyz"):
    """Words to be spelled backwards.

    Args:
        longest: Letters of the longest word.
        letters: What words are made of.
    """
    return TASK
'''
JUDGES = """
from mrlm.rewards import JudgeReward

polite = JudgeReward("http://localhost:8000/v1", prompt="Is it polite?", name="polite_reward")
"""
CHATS = """
{"conversations": [{"from": "human", "value": "Hi?"}, {"from": "gpt", "value": "Hello."}]}
{"conversations": [{"from": "human", "value": "2 + 2?"}, {"from": "gpt", "value": "4."}]}
"""
RATED = """
{"prompt": "Hi?",
 "chosen": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}],
 "rejected": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "No."}]}
""".replace("\n ", " ")
SVAMP = """
[{"Body": "A pack costs 76 dollars.", "Question": "What do 2 cost?", "Answer": 152.0},
 {"Body": "A pack costs 3 dollars.", "Question": "What do 2 cost?", "Answer": 6.0}]
"""
ASDIV = """
{"body": "Seven red apples and two green ones.", "question": "How many?", "answer": "9 (apples)"}
{"body": "Ann has 5 dollars, Bob 4.", "question": "Who has more?", "answer": "Ann"}
"""
OWN_FILES = {"chats.jsonl": CHATS, "rated.jsonl": RATED, "SVAMP.json": SVAMP, "asdiv.jsonl": ASDIV}
SUMS = 'prompt_text,target\n"What is 3 + 4?",7\n"What is 20 - 3?",17\n'


def write_files(folder: Path) -> None:
    """Into a folder that may have them already."""
    for name, text in (
        ("my_reward.py", REWARD),
        ("my_judges.py", JUDGES),
        ("sums.csv", SUMS),
        *OWN_FILES.items(),
        *pages.files().items(),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    task = folder / "my_task.py"
    if not task.exists():
        assert main(["new", str(task)]) == 0
        task.write_text(task.read_text(encoding="utf-8") + OPTIONS, encoding="utf-8")
