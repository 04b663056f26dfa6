"""Rendering a window into a preset's prompt, with foreign text kept from posing as anything but text."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rankk.llm.types import Message, Prompt
from rankk.reranking.presets import Preset

IDENTIFIER = re.compile(r"[\[［【]\s*+(\d++)\s*+[\]］】]")
CONTROL = (
    r"<[|｜][^<>|｜\s]{1,40}[|｜]>"  # <|im_end|>, <｜User｜>
    r"|</?(?:think|answer|tool_call|tool_response|s|bos|eos|unk|pad|start_of_turn|end_of_turn)>"
    r"|\[/?(?:INST|THINK|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS)\]"
    r"|<</?SYS>>"
)
"""Control tokens of common chat templates, for when the model's own list is not at hand."""

BREAK = "\u200b"  # zero-width space: the text reads the same, but is no longer that token
SURROGATE = re.compile("[\ud800-\udfff]")  # halves of a character, which no tokenizer and no file takes
FIELD = re.compile(r"\{(query|docs|num|rank|passage)\}")


def neutralize(text: str, special_tokens: Iterable[str] = ()) -> str:
    """Text that cannot become a control token, nor pass for a passage identifier (`[7]` becomes `(7)`).

    A zero-width space behind its first character breaks every token of `special_tokens` (the tokenizer's list, and
    whatever else the model reads as a tag) and those of common chat templates.
    """
    present, everywhere = _control(tuple(special_tokens))
    if present.search(text):
        text = everywhere.sub(rf"\1{BREAK}", text)
    return IDENTIFIER.sub(r"(\1)", SURROGATE.sub("\ufffd", text))


@lru_cache(maxsize=16)
def _control(special_tokens: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns that tell whether a control token is there (fast), and that match the first character of each.

    The second also finds tokens that overlap another.
    """
    own = (re.escape(token) for token in special_tokens if len(token) > 1)  # one character cannot be broken
    either = "|".join([*own, CONTROL])
    return re.compile(either, re.IGNORECASE), re.compile(rf"(?={either})(.)", re.IGNORECASE | re.DOTALL)


def render(preset: Preset, query: str, passages: Sequence[str]) -> Prompt:
    """The preset's prompt for passages numbered from 1; `query` and `passages` are neutralized already.

    Fields are filled in one pass: a query that reads "{docs}" stays as it is.
    """
    docs = preset.separator.join(
        _fill(preset.passage, rank=str(rank), passage=passage) for rank, passage in enumerate(passages, 1)
    )
    values = {"query": query, "docs": docs, "num": str(len(passages))}
    if preset.text is not None:
        return Prompt(text=_fill(preset.text, **values))
    return Prompt(messages=tuple(Message(m.role, _fill(m.content, **values)) for m in preset.messages))


def _fill(template: str, **values: str) -> str:
    return FIELD.sub(lambda found: values.get(found[1], found[0]), template)
