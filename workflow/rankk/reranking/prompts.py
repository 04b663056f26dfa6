"""Rendering a window into a preset's prompt, so that foreign text cannot act as markup or identifiers."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby

from rankk.llm.types import Message, Prompt
from rankk.reranking.presets import Preset

INVISIBLE = "\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
FILL = rf"[\s#:.*_`~$\"'{INVISIBLE}]*+"
IDENTIFIER = re.compile(  # what the parser `ranking` reads as an identifier: [7], [#7], [Passage 7], 〔7〕
    rf"[\[［【〔「『]({FILL}(?:(?:passage|document|doc){FILL})?\d[\d{INVISIBLE}]*+{FILL})[\]］】〕」』]", re.IGNORECASE
)
ZERO_WIDTH = re.compile(f"[{INVISIBLE}]")
CONTROL = (
    r"<[|｜][^<>|｜\s]{1,40}[|｜]?>|<[^<>|｜\s]{1,40}[|｜]>"  # <|im_end|>, <｜User｜>, <|turn>, <turn|>
    r"|[\[][|｜][^\[\]|｜\s]{1,40}[|｜][\]]"  # [|user|]
    r"|</?(?:think|thinking|thought|reasoning|answer|s|bos|eos|unk|pad|sop|eop|mask)>"
    r"|</?[a-z]{1,20}(?:[_:][a-z0-9]{1,20}){1,4}>"  # <end_of_turn>, <seed:think>, <SPECIAL_11>
    r"|\[(?:/?(?-i:[A-Z]{2,20}(?:_[A-Z]{1,20}){0,3})|[gs]MASK)\]"  # [INST], [TOOL_CALLS], [gMASK]
    r"|<</?SYS>>|\]~!?[a-z][\[\]]|\[[a-z]~\["
    r"|(?<!\S)/(?:no_)?think\b"
)
"""Control tokens of chat templates, for when the model's own list is not at hand."""

BREAK = "\u200b"  # zero-width space: the text reads the same, but is no longer that token
SURROGATE = re.compile("[\ud800-\udfff]")  # lone surrogates, which tokenizers and files cannot represent
FIELD = re.compile(r"\{(query|docs|num|rank|passage)\}")


LETTER = re.compile(rf"\[({FILL}[A-Z]{FILL})\]")
"""An identifier where passages are called by letters."""


def neutralize(text: str, special_tokens: Iterable[str] = (), identifiers: re.Pattern[str] | None = IDENTIFIER) -> str:
    """Text that cannot become a control token, nor pass for a passage identifier (`[7]` becomes `(7)`).

    `identifiers`: their form, None where the prompt has none.

    A zero-width space after its first character breaks every token of `special_tokens` (the tokenizer's list, and
    whatever else the model reads as a tag) and whatever has the form of a control token (`CONTROL`).
    """
    present, everywhere = _control(tuple(special_tokens))
    if present.search(text):
        text = everywhere.sub(rf"\1{BREAK}", text)
    text = SURROGATE.sub("\ufffd", text)
    return identifiers.sub(_in_round_brackets, text) if identifiers else text


def _in_round_brackets(match: re.Match[str]) -> str:
    return f"({ZERO_WIDTH.sub('', match[1]).strip()})"


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
    named = [{"rank": preset.identifier(rank), "passage": passage} for rank, passage in enumerate(passages, 1)]
    docs = preset.separator.join(_fill(preset.passage, **passage) for passage in named)
    values = {"query": _fill(preset.query, query=query), "docs": docs, "num": str(len(passages))}
    if preset.text is not None:
        return Prompt(text=_fill(preset.text, **values), prefix=preset.prefix)
    messages: list[Message] = []
    for each, templates in groupby(preset.messages, key=lambda template: template.each):
        turns = list(templates)
        for passage in named if each else [{}]:
            messages += (Message(turn.role, _fill(turn.content, **values, **passage)) for turn in turns)
    shown = _examples(preset)
    first = next((number for number, message in enumerate(messages) if message.role != "system"), 0) if shown else 0
    return Prompt(messages=(*messages[:first], *shown, *messages[first:]), prefix=preset.prefix)


def _examples(preset: Preset) -> list[Message]:
    """Turns that show the preset's solved windows."""
    messages: list[Message] = []
    for example in preset.examples:
        asked = render(preset.model_copy(update={"examples": []}), example.query, example.passages)
        messages += [message for message in asked.messages if message.role != "system"]
        messages.append(Message("assistant", example.answer))
    return messages


def _fill(template: str, **values: str) -> str:
    texts = [*_split(template)]
    texts[1::2] = [values.get(field, f"{{{field}}}") for field in texts[1::2]]
    return "".join(texts)


@lru_cache
def _split(template: str) -> list[str]:
    """Texts of a template with the names of fields between them."""
    return FIELD.split(template)
