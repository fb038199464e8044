from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrlm.tasks.math.answer_format import (
    ANSWER_FORMATS,
    ANSWER_TYPES,
    extract_answer,
    instruction,
    render_answer,
)

FOUND = [
    ("hash", "40 + 2 = 42\n#### 42", "42"),
    ("hash", "####42", "42"),
    ("hash", "  **#### 42**  \nThat is all.", "42"),
    ("hash", "#### Step 1\n40 + 2\n#### 42", "42"),
    ("hash", "#### 42\nAgain:\n#### 42.0", "42.0"),
    ("hash", "<think>\n#### 41\n</think>\n#### 42", "42"),
    ("boxed", r"So the answer is \boxed{42}.", "42"),
    ("boxed", r"$\boxed{\frac{3}{4}}$", r"\frac{3}{4}"),
    ("boxed", r"\boxed{42} and again \boxed{42.0}", "42.0"),
    ("boxed", r"It is not hard to see that \boxed{42}", "42"),
    ("boxed", r"It is not 12, it is \boxed{13}", "13"),
    ("tag", "Hm.\n<answer> 42 </answer>", "42"),
    ("hash", "#### 42</s>", "42"),
    ("hash", "#### 42<|im_end|>\n<|endoftext|>", "42"),
    ("hash", "#### 42 <|eot_id|>\nuser", "42"),
    ("hash", "#### 42\n<think>\n#### 43", "42"),
    ("boxed", r"\fbox{42}", "42"),
    ("boxed", r"so $\boxed 42$.", "42"),
    ("phrase", "The answer is: 42", "42"),
    ("phrase", "Answer : 42", "42"),
    ("phrase", "- Answer: 42", "42"),
    ("phrase", "* **Answer**: 42", "42"),
    ("phrase", "So the final answer is 42", "42"),
    ("phrase", "The answer is 40 + 2.\nAnswer: 42", "42"),
    ("tag", "<answer>42</answer><end_of_turn>", "42"),
    ("last_number", "It is 42.</s>", "42"),
    ("phrase", "40 + 2\nAnswer: 42", "42"),
    ("phrase", "**Final Answer:** 42", "42"),
    ("last_number", "She has 3 red and 4 blue ones, so 7.", "7"),
    ("last_number", "40 + 2 = 42 apples!", "42"),
    ("last_number", "It costs **$1,234.50**.", "1,234.50"),
    ("last_number", "It fell to -3 degrees", "-3"),
    ("last_number", "- 5 apples", "5"),
    ("last_number", "That is 1 million", "1 million"),
    ("last_number", "x" * 5000 + " 42", "42"),
    ("last_number", "42" + " so it is" * 100, "42"),
]
NOT_FOUND = [
    ("hash", "The answer is 42"),
    ("hash", "The answer is not #### 42"),
    ("hash", "#### 41\n#### 42"),
    ("hash", "####\n42"),
    ("hash", "##### 42"),
    ("hash", "#### 42\n" * 21),
    ("boxed", r"\boxed{}"),
    ("boxed", r"\boxed{}\boxed{42}"),
    ("boxed", r"\boxed{41} \boxed{42}"),
    ("boxed", r"\boxed{42"),
    ("boxed", r"The answer is not \boxed{42}"),
    ("boxed", r"It isn't \boxed{42}"),
    ("boxed", r"\boxed{42} is wrong"),
    ("boxed", r"\boxed{42} or 43"),
    ("boxed", "<think>\n\\boxed{42}"),
    ("hash", "<think>\n#### 42"),
    ("hash", "done</think>\n<think>\n#### 42"),
    ("phrase", "The answer is: 42\nThe answer is: 43"),
    ("boxed", r"\boxed{42} \text{ is wrong}"),
    ("boxed", r"\boxed{41} and \boxed{42}"),
    ("tag", "<answer>42"),
    ("tag", "<answer></answer>"),
    ("tag", "<answer>41</answer><answer>42</answer>"),
    ("phrase", "I do not know the answer: 42"),
    ("phrase", "Answer: 41\nAnswer: 42"),
    ("last_number", "no digits"),
    ("last_number", "The answer is not 42."),
    ("last_number", "41 or 42"),
    ("last_number", "41, 42"),
    ("last_number", "1 2 3 ... 42"),
    ("last_number", "40 41 42"),
    ("last_number", "between 40 and 42"),
    ("last_number", "40+42"),
    ("last_number", "6 * 42"),
    ("last_number", "10-42"),
    ("last_number", "42 + x"),
    ("last_number", "x42"),
    ("last_number", "42" + " " * 3000),
    ("last_number", "9" * 3000),
]


@pytest.mark.parametrize(("answer_format", "text", "answer"), FOUND)
def test_found(answer_format: str, text: str, answer: str) -> None:
    assert extract_answer(text, answer_format) == answer


@pytest.mark.parametrize(("answer_format", "text"), NOT_FOUND)
def test_not_found(answer_format: str, text: str) -> None:
    assert extract_answer(text, answer_format) is None


@given(
    st.sampled_from(ANSWER_FORMATS),
    st.integers(-(10**9), 10**9),
    st.sampled_from(["", "Hm.\n", "1\n"]),
)
def test_what_is_rendered_is_found(answer_format: str, number: int, before: str) -> None:
    assert extract_answer(before + render_answer(str(number), answer_format), answer_format) == str(
        number
    )


@given(
    st.sampled_from(ANSWER_FORMATS),
    st.text(alphabet="#42 \n\\boxed{}<answer>/Answer:-*,.", max_size=80),
)
def test_an_answer_is_a_piece_of_the_text(answer_format: str, text: str) -> None:
    answer = extract_answer(text, answer_format)
    assert answer is None or (answer and answer.lstrip("-") in text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{-2} and \boxed{3}", "-2, 3"),
        (r"\(\boxed{-2}\), \(\boxed{3}\)", "-2, 3"),
        (r"\boxed{1} papers and \boxed{2} bins", "1, 2"),
        (r"\boxed{2}, \boxed{2}", "2"),
        (r"First \boxed{1} and \boxed{2}. In short, \boxed{1} and \boxed{2}", "1, 2"),
        (r"\boxed{1} no no no no no \boxed{2}", None),
        (r"\boxed{1}. Wait, it is \boxed{2}", None),
        (r"\boxed{1}, so \boxed{2}", None),
        ("\\boxed{1}\n\n\\boxed{2}", None),
        (r"\boxed{1} and \boxed{}", None),
    ],
)
@pytest.mark.parametrize("answer_type", ["expression", "list"])
def test_several_boxes_are_a_list(text: str, answer: str | None, answer_type: str) -> None:
    assert extract_answer(text, "boxed", answer_type) == answer


def test_prompts_ask_for_what_the_type_is() -> None:
    asked = [instruction("boxed", answer_type) for answer_type in ANSWER_TYPES]
    assert asked == [
        "\nPut the final number in \\boxed{}.",
        "\nPut the final answer in \\boxed{}.",
        "\nPut the letter of the choice in \\boxed{}.",
        "\nPut all answers, separated by commas, in \\boxed{}.",
    ]
    assert "letter" in instruction("hash", "choice") and "number" not in instruction("tag", "list")
