"""Try a reward function on a task: what it pays wrongly, where it breaks, how fast it is.

    check = check_reward("my_reward.py:reward", TASKS["math"])
    check.role, check.passed, [result.case.name for result in check.accepted_attacks]

First it is found out whether the reward judges correctness or form; each is tried in its own way.
The function is called as TRL calls it, with gold answers of generated rows, with right answers in
other forms, and with the attacks that the task brings. It runs with the user's rights and without a
sandbox, in a process of its own that starts in an empty folder: a completion that hangs it, ends
its process, or changes it so that later answers are judged otherwise, is a result, not the end of
the check.

Not covered: rewards that need a model in the trainer's process, token ids (``completion_ids`` are
the bytes of the text) or the environments of an episode.
"""

from mrlm.reward_check.check import CaseResult, RewardCheck, check_reward

__all__ = ["CaseResult", "RewardCheck", "check_reward"]
