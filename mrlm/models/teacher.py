"""The teacher of a distillation: any model that means the student's tokens by the same numbers.

Distillation compares what both say about every next token, so the distributions must be over the
same tokens. TRL looks at the sizes of the vocabularies only; two tokenizers of one size would be
compared token by token, and the student would learn noise. Here the tokens are compared.

Not covered: teachers with other tokenizers (TRL's experimental GOLD trainer), quantised teachers,
and teachers behind a server.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from peft import PeftModel

from mrlm.errors import ModelError
from mrlm.models.policy import load_policy

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from trl.trainer.model_config import ModelConfig

__all__ = ["load_teacher"]

_SAME_TOKENS = (
    "Distillation compares both models token by token: choose a teacher of the student's family, "
    "such as a larger one of the same release, or a model that was trained from the student."
)


def load_teacher(
    model_config: ModelConfig,
    config: Any,
    student: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
) -> PreTrainedModel:
    """The model that ``config.teacher_model_name_or_path`` names, fit to teach this student.

    On a GPU its weights are in bf16 where the training computes in it, which halves them; on a CPU
    in fp32, so that it samples as fast as the student. Numbers that only pad the teacher's
    vocabulary, as larger models of a family have, are cut off.

    Args:
        model_config: Of the student; its attention is the teacher's, too.
        config: A ``DistillationConfig``.
        student: Whose tokens count.
        tokenizer: The student's.

    Returns:
        The teacher, on the training's device unless weights will be sharded.

    Raises:
        ModelError: There is no such model, or its tokens are not the student's.
    """
    if config.teacher_model_init_kwargs:
        raise ModelError(
            "teacher_model_init_kwargs: the teacher is loaded as the student is, with its "
            "--attn_implementation and --trust_remote_code; leave the option out."
        )
    name = config.teacher_model_name_or_path
    asked = replace(
        model_config,
        model_name_or_path=name,
        model_revision=config.teacher_model_revision,
        dtype="bfloat16" if config.bf16 and config.device.type != "cpu" else "float32",
        load_in_4bit=False,
        load_in_8bit=False,
    )
    teacher, teacher_tokenizer = load_policy(asked, config, path=name)
    _check_tokens(name, teacher_tokenizer, tokenizer)
    if isinstance(teacher, PeftModel):
        teacher = teacher.merge_and_unload()
    _fit_vocabulary(name, teacher, student)
    plain: PreTrainedModel = teacher.requires_grad_(False).eval()
    return plain


def _check_tokens(
    name: str, teacher: PreTrainedTokenizerBase, student: PreTrainedTokenizerBase
) -> None:
    theirs, ours = teacher.get_vocab(), student.get_vocab()
    strange = [token for token, number in ours.items() if theirs.get(token) != number]
    if strange:
        example = strange[0]
        there = f"is {theirs[example]}" if example in theirs else "does not exist"
        raise ModelError(
            f"The teacher {name!r} has another tokenizer: {len(strange):,} of the student's "
            f"{len(ours):,} tokens are not the same there; {example!r} is {ours[example]} and "
            f"{there} in the teacher's. {_SAME_TOKENS}"
        )


def _fit_vocabulary(name: str, teacher: Any, student: Any) -> None:
    """Cut the teacher's output to the student's: what is cut no token of the student's has."""
    wanted, size = (model.config.get_text_config().vocab_size for model in (student, teacher))
    if size < wanted:
        raise ModelError(
            f"The teacher {name!r} gives chances to {size:,} tokens, the student to {wanted:,}: "
            f"the teacher must have at least as many. {_SAME_TOKENS}"
        )
    if size > wanted:
        teacher.resize_token_embeddings(wanted)
