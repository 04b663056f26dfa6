"""Parsers: from a model's words to tie groups and a typed outcome. Never an exception, linear in the text's length.

`ranking` reads what follows the reasoning, in whatever form a ranking may take; `digits` takes every number, as the
programs did that made published runs.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from rankk.reranking.presets import Thinking
from rankk.reranking.types import Answer, Completion, Outcome

NUMBER = re.compile(r"(?<!\d)(?:(?<=\[)-)?\d{1,4}(?!\d)")  # [-1] is a number too: one that no passage has
LIST_MARKER = re.compile(r"^[ \t>*#-]*(\d{1,4})[.):][ \t]+(?=\D{0,40}\d)", re.MULTILINE)
LINK = re.compile(r"[\s\[\]()>=,;|*_`~&+\u200b\u2192\u227b-]*")
"""What may stand between two identifiers of one ranking: separators and markdown, no words."""
RANGE = re.compile(r"\]\s*[-\u2013\u2014]\s*\[")
PLAIN = re.compile(r"\]\s*[>=]\s*\[")
ANSWER = re.compile(r"<answer>((?:(?!<answer>).)*?)(?:</answer>|\Z)", re.DOTALL | re.IGNORECASE)
UNIFORM = str.maketrans("［］【】〔〕「」＞〉›»＝，、；", "[][][][]>>>>=,,;")  # noqa: RUF001
REFUSAL = re.compile(
    r"\b(?:i(?:['\u2019]m| am) (?:sorry|unable)|i (?:cannot|can(?:['\u2019]|no)t)|unable to (?:rank|assist|help)|as an ai)\b",
    re.IGNORECASE,
)
REFUSAL_CHARACTERS = 400  # a refusal stands at the beginning


@dataclass(frozen=True)
class _Number:
    value: int
    start: int
    end: int
    bracketed: bool


def parse_ranking(completion: Completion, n: int, thinking: Thinking | None) -> Answer:
    """The ranking of n passages in the answer that follows the reasoning.

    Understands `[3] > [2] = [4]`, several lines, prose around it, markdown, any script's digits, ranges, missing
    brackets. Of several rankings the longest counts, of equally long ones the last. Names are used once, at their
    first mention. Reasoning that ran out is never read.
    """
    text = answer_text(completion, thinking)
    if text is None:
        return Answer((), Outcome.TRUNCATED if completion.finish_reason == "length" else Outcome.EMPTY)
    text = text.translate(UNIFORM)
    numbers, repairs = _ranking_numbers(text)
    groups: list[list[int]] = []
    seen: set[int] = set()
    previous: _Number | None = None
    for number in numbers:
        gap = text[previous.end : number.start] if previous else ""
        values = [number.value]
        if previous and RANGE.fullmatch(gap) and previous.value < number.value <= n:
            values = list(range(previous.value + 1, number.value + 1))
            repairs.add("range")
        for value in values:
            if not 1 <= value <= n:
                repairs.add("out of range")
            elif value - 1 in seen:
                repairs.add("duplicate")
            elif groups and "=" in gap and ">" not in gap:
                groups[-1].append(value - 1)
            else:
                groups.append([value - 1])
            seen.add(value - 1)
        if previous and not PLAIN.fullmatch(gap):
            repairs.add("format")
        previous = number
    return _answer(groups, n, repairs, completion, text)


def parse_digits(completion: Completion, n: int, thinking: Thinking | None) -> Answer:  # noqa: ARG001
    """Every number in the whole text, first mention wins, out of range dropped (as published runs were made)."""
    order: dict[int, None] = {}
    repairs: set[str] = set()
    for found in re.finditer(r"\d+", completion.text or ""):
        position = int(found[0][:9]) - 1
        if not 0 <= position < n:
            repairs.add("out of range")
        elif position in order:
            repairs.add("duplicate")
        order.setdefault(position)
    groups = [[position] for position in order if 0 <= position < n]
    return _answer(groups, n, repairs, completion, completion.text or "")


Parser = Callable[[Completion, int, Thinking | None], Answer]
PARSERS: dict[str, Parser] = {"ranking": parse_ranking, "digits": parse_digits}


def answer_text(completion: Completion, thinking: Thinking | None) -> str | None:
    """What the model wrote after its reasoning; None where only reasoning is there."""
    text = completion.text or ""
    if thinking is not None and completion.reasoning is None:
        thought, closed, rest = text.rpartition(thinking.close)
        if closed:
            text = rest
        elif thinking.opened_by_template or text.lstrip().startswith(thinking.open):
            return None
    tagged = [found[1] for found in ANSWER.finditer(text)]
    return tagged[-1] if tagged else text


def _ranking_numbers(text: str) -> tuple[list[_Number], set[str]]:
    """The numbers that make up the ranking, and what had to be repaired to find them."""
    marked = {found.start(1) for found in LIST_MARKER.finditer(text)}
    numbers = [
        _Number(int(found[0]), found.start(), found.end(), _bracketed(text, found))
        for found in NUMBER.finditer(text)
        if found.start() not in marked
    ]
    chains: list[list[_Number]] = []
    for number in numbers:
        if chains and LINK.fullmatch(text, chains[-1][-1].end, number.start):
            chains[-1].append(number)
        else:
            chains.append([number])
    with_brackets = [chain for chain in chains if any(number.bracketed for number in chain)]
    chains = with_brackets or chains
    repairs = set() if with_brackets else {"no brackets"} if chains else set()
    if not chains:
        return [], repairs
    mentions = {number.value for chain in chains for number in chain}
    longest = max(len({number.value for number in chain}) for chain in chains)
    best = [chain for chain in chains if len({number.value for number in chain}) == longest][-1]
    if len(mentions) == 1 or 1 < longest >= len(mentions) / 2:
        if len(chains) > 1:
            repairs.add("prose")
        return best, repairs
    repairs.add("prose")
    return [number for chain in chains for number in chain if number.bracketed or not with_brackets], repairs


def _bracketed(text: str, found: re.Match[str]) -> bool:
    """Whether a bracket stands on one side at least (the first or last one is lost in many answers)."""
    before, after = text[max(0, found.start() - 2) : found.start()].rstrip(), text[found.end() : found.end() + 2].lstrip()
    return before.endswith("[") or after.startswith("]")


def _answer(groups: list[list[int]], n: int, repairs: set[str], completion: Completion, text: str) -> Answer:
    named = sum(len(group) for group in groups)
    frozen = tuple(tuple(group) for group in groups)
    if completion.finish_reason == "length" and named:
        repairs.add("cut off")
    listed = tuple(sorted(repairs))
    if named == n:
        return Answer(frozen, Outcome.REPAIRED if listed else Outcome.OK, listed)
    if named:
        return Answer(frozen, Outcome.PARTIAL, listed)
    if completion.finish_reason == "length":
        return Answer((), Outcome.TRUNCATED)
    return Answer((), Outcome.REFUSED if REFUSAL.search(text[:REFUSAL_CHARACTERS]) else Outcome.EMPTY)
