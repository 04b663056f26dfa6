"""Rendering a window into a preset's prompt, with foreign text kept from posing as anything but text."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rankk.reranking.presets import Preset
from rankk.reranking.types import Message, Prompt

IDENTIFIER = re.compile(r"\[(\d{1,4})\]")
CONTROL = r"<\|[^<>|\s]{1,40}\|>|</?(?:think|answer|s|bos|eos|unk|pad|start_of_turn|end_of_turn)>|\[/?INST\]|<</?SYS>>"
"""Control tokens of common chat templates, for when the model's own list is not at hand."""

BREAK = "\u200b"  # zero-width space: the text reads the same, but is no longer that token
FIELD = re.compile(r"\{(query|passages|num|rank|passage)\}")


def neutralize(text: str, special_tokens: Iterable[str] = ()) -> str:
    """Text that cannot become a control token, nor pass for a passage identifier (`[7]` becomes `(7)`)."""
    broken = _control(tuple(special_tokens)).sub(lambda found: found[0][0] + BREAK + found[0][1:], text)
    return IDENTIFIER.sub(r"(\1)", broken)


@lru_cache(maxsize=16)
def _control(special_tokens: tuple[str, ...]) -> re.Pattern[str]:
    own = [re.escape(token) for token in sorted(special_tokens, key=len, reverse=True) if len(token) > 1]
    return re.compile("|".join([*own, CONTROL]))


def render(preset: Preset, query: str, passages: Sequence[str]) -> Prompt:
    """The preset's prompt for passages numbered from 1; `query` and `passages` are neutralized already.

    Fields are filled in one pass: a query that reads "{passages}" stays as it is.
    """
    shown = preset.separator.join(
        fill(preset.passage, rank=str(rank), passage=passage) for rank, passage in enumerate(passages, 1)
    )
    values = {"query": query, "passages": shown, "num": str(len(passages))}
    if preset.text is not None:
        return Prompt(text=fill(preset.text, **values))
    return Prompt(messages=tuple(Message(m.role, fill(m.content, **values)) for m in preset.messages))


def fill(template: str, **values: str) -> str:
    """The template with its {fields} filled in, in one pass."""
    return FIELD.sub(lambda found: values.get(found[1], found[0]), template)
