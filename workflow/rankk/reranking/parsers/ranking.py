"""The ranking in an answer, in whatever form a model gives it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import ClassVar

from rankk.llm.types import Completion, Thinking
from rankk.reranking.parsers.base import ASKED, Parser, answer_of, mention, refuses
from rankk.reranking.parsers.items import Chain, chains_of, flatten, uniform
from rankk.reranking.parsers.outranks import with_firsts
from rankk.reranking.parsers.plain import LETTER
from rankk.reranking.parsers.records import read_records
from rankk.reranking.types import Answer

ANSWER_TAG = re.compile(r"</?answer>", re.IGNORECASE)
OTHER_THOUGHT = re.compile(
    r"\s*(?:<(thoughts?|thinking|reason(?:ing)?|reflection|analysis|rationale|scratchpad|cot|seed:think)>|\[(think)\])",
    re.IGNORECASE,
)
"""Tags of reasoning that a preset does not know of."""
LEAST_FIRST = re.compile(r"\b(?:least|worst)\b[^.:\n]{0,30}\b(?:to|first)\b|\bascending\b", re.IGNORECASE)
RANKED = re.compile(r"\[\d|\d{1,4}[ ]*>")
"""The beginning of an answer that is not a thought: text without any letter."""
EXAMPLE = re.compile(
    r"(?:\b(?:e\.?g|z\.[ ]?b|for instance|such as|as in|examples?|samples?)(?:[.,]*+[ ]\w++){0,2}+\W{0,6}"
    r"|\b(?:form|format)[ \"'(]{1,3}|\([^\W\d_][^()\[\]\n]{0,40})\Z",
    re.IGNORECASE,
)
"""Words before a ranking that only shows the form, or that is an aside in parentheses."""
SIGNED = re.compile(r"([>=]?)\s*+\[([0-9]++)\]")
"""Identifiers of the asked form, with the signs before them."""
FINAL = re.compile(r"\b(?:final(?:ly)?|revised|corrected|updated)\b", re.IGNORECASE)


class Ranking(Parser):
    """The ranking of n passages in the answer that follows the reasoning.

    Understands `[3] > [2] = [4]`, lists over several lines, prose and markdown around it, any script's digits, ranges
    (`[4]-[8]`), missing brackets, and ranks or scores of each passage in lines, tables and JSON. Where an answer holds
    several forms, rankings with `>` count before ranks and scores, these before lists, lists before lines that begin
    with an identifier, those before identifiers in running text. Of several rankings that share identifiers the one
    that is called final counts, else the longest, of equally long ones the last; rankings that share none are read one
    after the other. An example of the form does not count beside a ranking; what words put before a ranking comes
    first. An identifier counts at its first mention.

    Not usable are rankings with `<`, which models write for "before" as well as for "less relevant than"; numbers that
    can be ranks as well as scores; scores of which one is no number; and remarks about the passages in the order of the
    prompt, which are no ranking. A thought that was not closed is never read. In an answer cut off at its token limit
    the identifiers before the cut count (partial, `cut off`), but for one that ends where the text ends, which may have
    lost a digit.
    """

    name: ClassVar[str] = "ranking"

    def parse(self, completion: Completion, n: int, thinking: Thinking | None) -> Answer:
        """The ranking, or an empty answer."""
        cut_off = completion.finish_reason == "length"
        text, repairs = answer_text(completion, thinking)
        text = text.strip()
        if ASKED.fullmatch(text):
            if ">" in text and "\n" not in text:  # most answers: what follows would find the same
                ranking = [(int(number), sign == "=") for sign, number in SIGNED.findall(text)]
                return answer_of(_groups([ranking], n, repairs), n, repairs, text, completion.finish_reason)
        else:
            repairs.add("prose" if LETTER.search(text) else "format")
        chains = with_firsts(chains_of(uniform(text), drop_last=cut_off), n)
        chosen, form = _choose(chains, n)
        if form != "ranking":
            records = read_records(text.rpartition("\n")[0] if cut_off else text, n)
            if records is not None:
                groups = [[id_ - 1 for id_ in group] for group in records]
                return answer_of(groups, n, repairs | {"scores"}, text, completion.finish_reason)
        if form == "prose" and (cut_off or refuses(text)):
            chosen = []  # a cut-off sentence or a refusal that mentions passages is not a ranking
        account = form in ("lines", "prose") or len(chosen) > 1 or (form == "list" and _marked(chosen))
        if account and _in_the_prompts_order(chosen, n):
            chosen = []
        if text.startswith("{") and sum(map(len, chosen)) == 1:  # a number of a JSON object
            chosen = []
        if any(not item.bracketed for chain in chosen for item in chain):
            repairs.add("brackets")
        groups = _groups((flatten(chain, n, repairs) for chain in chosen), n, repairs)
        if form != "ranking" and LEAST_FIRST.search(text):
            groups.reverse()
        return answer_of(groups, n, repairs, text, completion.finish_reason)


def answer_text(completion: Completion, thinking: Thinking | None) -> tuple[str, set[str]]:
    """What the model wrote after its reasoning, empty where only reasoning is there; and repairs.

    Without the tag that closes a thought, text that may be one is an answer only if it is nothing but a ranking
    (`no thought`) or ends in a closed <answer> (`thought not closed`). At the token limit, where the thought was
    opened, it never is.
    """
    text = (completion.text or "").rstrip()
    tags = thinking or Thinking()
    before, closed, after = text.rpartition(tags.close)
    if closed:
        if not after and tags.close in before:  # closed twice
            after = before.rpartition(tags.close)[2]
        return _tagged(after.split(tags.open)[0]), set()
    opened = tags.opened_by_template or text.lstrip().startswith(tags.open)
    cut_off = completion.finish_reason == "length"
    if completion.reasoning is not None or not (opened or (thinking and cut_off)):
        return _tagged(_behind_other_thought(text.split(tags.open)[0])), set()
    if opened and cut_off:
        return "", set()
    if RANKED.match(text.lstrip()) and not LETTER.search(text):
        return text, {"no thought"} if opened else set()
    closed_answer = not cut_off and text[-len("</answer>") :].lower() == "</answer>"
    return (_tagged(text), {"thought not closed"}) if closed_answer else ("", set())


def _behind_other_thought(text: str) -> str:
    """The text after a thought in tags that the preset does not declare; empty if the thought is not closed."""
    match = OTHER_THOUGHT.match(text)
    if match is None:
        return text
    close = f"</{match[1]}>" if match[1] else f"[/{match[2]}]"
    return text[text.lower().rfind(close.lower()) + len(close) :] if close.lower() in text.lower() else ""


def _tagged(text: str) -> str:
    """The last <answer> that is not blank; the whole text where there is none."""
    tags = list(ANSWER_TAG.finditer(text))
    ends = [*(tag.start() for tag in tags[1:]), len(text)]
    parts = [text[tag.end() : end] for tag, end in zip(tags, ends, strict=False) if not tag[0].startswith("</")]
    return next((part for part in reversed(parts) if part.strip()), "" if parts else text)


def _choose(chains: Sequence[Chain], n: int) -> tuple[list[Chain], str]:
    """The chains that make up the ranking, and the form it has."""
    less = [turned for chain in chains if (turned := _turned(chain))]
    chains = [piece for chain in chains for part in _without_less_than(chain) for piece in _apart(part)]
    named = [chain for chain in chains if any(item.named for item in chain)]
    compared = [chain for chain in named or chains if any(item.compared for item in chain[1:])]
    if compared or less:
        greater = any(">" in item.before for chain in compared or less for item in chain[1:])
        return _of_several(compared or less, n), "ranking" if greater else "ties"
    alone = [chain for chain in named or chains if chain[0].begins and chain[-1].ends]
    if len(alone) > 1 or any(len(chain) > 1 for chain in alone):
        return _of_several(alone, n), "list"
    if alone == chains and len(alone) == 1:  # a number and nothing else
        return alone, "list"
    whole = [chain for chain in chains if sorted(item.value for item in chain) == list(range(1, n + 1)) != [1]]
    if not named and len(whole) == 1:
        return whole, "prose"
    lines = [chain for chain in named if chain[0].first_on_line]
    if len(lines) > 1:
        return lines, "lines"
    return named, "prose"


def _turned(chain: Chain) -> Chain:
    """A chain in which all signs are `<` or `=`, best first; else nothing."""
    signs = "".join(re.sub(r"[^<>=]", "", item.before) for item in chain[1:])
    if "<" not in signs or ">" in signs or not all(item.compared for item in chain[1:]):
        return []
    before = [chain[0].before, *(item.before.replace("<", ">") for item in reversed(chain[1:]))]
    return [replace(item, before=text) for item, text in zip(reversed(chain), before, strict=True)]


def _without_less_than(chain: Chain) -> list[Chain]:
    """A chain, or those of its parts that hold no `<`: parts that only punctuation joins."""
    if not any("<" in item.before for item in chain[1:]):
        return [chain]
    parts = _parts(chain, [position for position, item in enumerate(chain) if position and not item.compared])
    return [part for part in parts if len(part) > 1 and not any("<" in item.before for item in part[1:])]


def _apart(chain: Chain) -> list[Chain]:
    """A ranking, or its lines where these repeat identifiers, or what follows an example: rankings of their own."""
    if EXAMPLE.search(chain[0].before):
        return _parts(chain, [number for number, item in enumerate(chain) if number > 1 and not item.compared][:1])
    ends = [number for number, item in enumerate(chain) if number and "\n" in item.before and not item.compared]
    if not ends or not any(item.compared for item in chain[1:]):
        return [chain]
    parts = _parts(chain, ends)
    values = [value for part in parts for value in {item.value for item in part}]
    return parts if len(set(values)) < len(values) else [chain]


def _parts(chain: Chain, starts: Sequence[int]) -> list[Chain]:
    return [chain[start:end] for start, end in pairwise([0, *starts, len(chain)])]


def _of_several(chains: list[Chain], n: int) -> list[Chain]:
    """Rankings that complement each other, or else the final or longest of them; of equally long ones the last.

    Examples do not count beside others.
    """
    chains = [chain for chain in chains if not EXAMPLE.search(chain[0].before)] or chains[-1:]
    if len(chains) == 1:
        return chains
    sets = [{item.value for item in chain if 1 <= item.value <= n} for chain in chains]
    if sum(map(len, sets)) == len(set().union(*sets)):
        return chains
    if final := [chain for chain in chains[1:] if FINAL.search(chain[0].before)]:
        return final[-1:]
    return [chains[max(range(len(chains)), key=lambda position: (len(sets[position]), position))]]


def _marked(chains: Iterable[Chain]) -> bool:
    """Whether different signs stand behind the identifiers: [1] ✅ [2] ❌."""
    return len({item.before.strip(" ,;") for chain in chains for item in chain[1:]} - {"", "and", "or"}) > 1


def _in_the_prompts_order(chains: Iterable[Chain], n: int) -> bool:
    """Whether several identifiers are mentioned as 1, 2, 3, …: an account of the passages, not a ranking."""
    values = [value for chain in chains for value, _ in flatten(chain, n, set())]
    return len(values) > 1 and values == list(range(1, len(values) + 1))


def _groups(rankings: Iterable[Iterable[tuple[int, bool]]], n: int, repairs: set[str]) -> list[list[int]]:
    """Tie groups of positions from 0; adds what had to be repaired. `rankings`: as from `flatten`."""
    positions: dict[int, None] = {}
    groups: list[list[int]] = []
    for ranking in rankings:
        previous = -1
        for value, tied in ranking:
            if mention(value - 1, n, positions, repairs):
                if tied and groups and previous in groups[-1]:
                    groups[-1].append(value - 1)
                else:
                    groups.append([value - 1])
            previous = value - 1
    return groups
