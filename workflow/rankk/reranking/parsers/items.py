"""Finding identifiers in an answer and how they are connected: the first half of the parser `ranking`.

An item is a number that may name a passage. Items with nothing but separators between them form a chain. Every
pattern is linear: what can repeat is possessive.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rankk.reranking.parsers.plain import LETTER, plain

LABELLED = re.compile(r"\b(?P<word>[^\W\d_]{1,20}+\.?[ ]?+)(?P<number>\d{1,4}+)[^\W\d_]{0,3}+")
"""D3, No.3, 第3段: a number with a word before it."""
COMPARISON = re.compile("[>=<]")
COMPARED = re.compile(r"\s*+(?:[>=<]|$)", re.MULTILINE)
REMARK = re.compile(r"(?<=\])(?:[^\[\](\n>=<]|\([^()\n]*+\))*+(?=>\s*+\[)")
"""[3] (9) > [1]: best match > [2] (as [4]) > [4]"""
ARROW = r"[-=]*+(?:(?<=[-=])>|[→⟶⟹⇒➜➔➡➞]\ufe0f?)"
PLACE = re.compile(
    rf"^[ *+#|(-]*+(?:(?:rank|place|position|top|no\.?|nr\.?)[ #:]*+)?(?P<place>\d{{1,4}}+)(?:[ ]*+{ARROW}"
    r"|(?:st|nd|rd|th)\b(?:[ ]+(?:place|rank|position))?[ ]*+:)(?=[^>→\n]*+$)",
    re.IGNORECASE | re.MULTILINE,
)
"""Rank 1 → [3], 1st: 3"""
MAPPED = re.compile(
    rf"(?<=\])[ ]*+{ARROW}[ ]*+(?=\d++(?:[./]\d++)?+[ ]*+(?:$|[,;]))|(?<![-=]){ARROW}[ ]*+(?=\d++[./]\d)", re.MULTILINE
)
"""[1] → 7, Passage 1 → 7/10"""
DASHED = re.compile(r"\s*+\d{1,4}+(?:[ ]?-[ ]?\d{1,4}+){2,}+\s*+")

LABEL = r"\b(?:passage|document|doc)\s*+\#?"
COUNTER = re.compile(  # "1." of a numbered list, before an identifier
    rf"(?:(?<![\w.\[])\d{{1,4}}[.):][ ]*+(?=\[|{LABEL}\d)|^[ >+-]*+\d{{1,4}}[.)][ ]++(?=\d))",
    re.IGNORECASE | re.MULTILINE,
)
ASIDE = re.compile(  # "(score 9)", 0.87, 10:30
    rf"\((?!\s*+{LABEL}\d)(?=[^()\[\]\n]*[^\W\d_])[^()\[\]\n]*+\)|(?<!\d)\d++(?:[.:]\d++)++", re.IGNORECASE
)
ITEM = re.compile(
    rf"(?P<mark>\[\s*+(?:{LABEL}|[DP])?-?|{LABEL}|(?<![A-Za-z\d.]))(?P<number>\d++)(?![A-Za-z%])(?P<close>\s*+\])?",
    re.IGNORECASE,
)
LINK = re.compile(  # allowed text between two items of a chain
    r"(?:[\s\[\](){}><=,;|/+\#-]++|\.{2,}+|…|\.(?=[ ]*+\n)|\b(?:and|or|vs|over|before|then|followed by|to|through)\b"
    r")*+",
    re.IGNORECASE,
)
SIGNS = re.compile(r"(?:[^\w\n.!?\\&]++|\\[A-Za-z]{0,30}+|&(?:[a-z]{2,8}+;)?+)*+")
"""Characters allowed between two bracketed identifiers on one line: no words, no end of a sentence."""
DOTS = re.compile(r"\.{2,}|…")
RANGE = re.compile(r"[ ]*+-[ ]*+|[ ]++(?:to|through)[ ]++")
LONGEST = 9  # digits of a number that can be an identifier


@dataclass(slots=True)
class Item:
    """A number that may name a passage.

    `before`: the text since the previous item. `named`: marked as an identifier by a bracket or a word. `bracketed`:
    in a bracket of its own. `in_bracket`: a bracket is still open behind it. `first_on_line`, `ends`: no words before
    or behind it on its line. `begins`: first on its line or after a colon.
    """

    value: int
    before: str
    named: bool
    bracketed: bool
    in_bracket: bool
    first_on_line: bool
    begins: bool
    ends: bool = True

    @property
    def compared(self) -> bool:
        """Whether `>`, `=` or `<` stands before it."""
        return any(sign in self.before for sign in ">=<")


Chain = list[Item]


def uniform(text: str) -> str:
    """The text with brackets, separators and markdown in one form, list counters and asides blanked."""
    text = plain(MAPPED.sub(":", _without_places(text))).replace("\t", " ")
    if DASHED.fullmatch(text):
        return text.replace("-", ">")
    return COUNTER.sub(_blank, ASIDE.sub(_blank, REMARK.sub(_blank, _with_one_label(text))))


def _without_places(text: str) -> str:
    """Lines that give the places 1, 2, 3, … an identifier each, without the places."""
    places = [int(match["place"]) for match in PLACE.finditer(text)]
    return PLACE.sub("", text) if len(places) > 1 and places == list(range(1, len(places) + 1)) else text


def _with_one_label(text: str) -> str:
    """Numbers that all have one word before them, and are compared or all that the text holds, as passages."""
    if "[" in text:
        return text
    labelled = list(LABELLED.finditer(text))
    if LETTER.search(LABELLED.sub("", text)):
        labelled = [match for match in labelled if COMPARED.match(text, match.end())] if COMPARISON.search(text) else []
    if len(labelled) < 2 or len({match["word"].strip().lower() for match in labelled}) > 1:
        return text
    starts = {match.start() for match in labelled}
    return LABELLED.sub(lambda match: f"passage {match['number']}" if match.start() in starts else match[0], text)


def chains_of(text: str, *, drop_last: bool) -> list[Chain]:
    """All chains of a uniform text. `drop_last`: an item that ends with the text may be cut, and is left out."""
    chains: list[Chain] = []
    previous: Item | None = None
    end = 0
    for match in ITEM.finditer(text):
        if drop_last and match.end() == len(text) and not match["close"]:
            break
        item = _item(match, text[end : match.start()], previous)
        if previous is not None and _linked(previous, item):
            chains[-1].append(item)
        else:
            chains.append([item])
        if previous is not None:
            rest, newline, _ = item.before.partition("\n")
            previous.ends = bool(newline) and not LETTER.search(rest)
        previous, end = item, match.end()
    if previous is not None:
        previous.ends = not LETTER.search(text[end:].partition("\n")[0])
    return chains


def flatten(chain: Chain, n: int, repairs: set[str]) -> Iterator[tuple[int, bool]]:
    """A chain's identifiers, and whether each is tied with the one before it.

    Ranges (`[4]-[8]`) and the rest of a sequence (`[1] > [2] > ... > [9]`) are written out.
    """
    dashes = [RANGE.fullmatch(item.before) is not None for item in chain[1:]]
    for position, item in enumerate(chain):
        if position:
            first, last = chain[position - 1].value, item.value
            step = 1 if first < last else -1
            left_out = range(first + step, last, step) if 1 <= first <= n and 1 <= last <= n else range(0)
            around = dashes[max(0, position - 2) : position - 1] + dashes[position : position + 1]
            if (dashes[position - 1] and not any(around)) or _goes_on(chain, position, step, left_out):
                repairs.add("range")
                yield from ((value, False) for value in left_out)
        yield item.value, bool(position) and "=" in item.before and not COMPARISON.search(item.before.replace("=", ""))


def _goes_on(chain: Chain, position: int, step: int, left_out: range) -> bool:
    """Whether dots before an item stand for the identifiers between it and two that count towards it."""
    return (
        position > 1
        and DOTS.search(chain[position].before) is not None
        and chain[position - 1].value - chain[position - 2].value == step
        and not any(item.value in left_out for item in chain)
    )


def _item(match: re.Match[str], before: str, previous: Item | None) -> Item:
    mark, digits, close = match["mark"], match["number"], match["close"]
    inside = previous is not None and previous.in_bracket and "]" not in before and LINK.fullmatch(before) is not None
    opened = mark.startswith("[")
    _, newline, tail = before.rpartition("\n")
    first_on_line = bool(newline or previous is None) and not LETTER.search(tail)
    negative = mark.endswith("-") or len(digits) > LONGEST
    return Item(
        value=0 if negative else int(digits),
        before=before,
        named=bool(mark or close or inside),
        bracketed=opened and bool(close),
        in_bracket=(opened or inside) and not close,
        first_on_line=first_on_line,
        begins=first_on_line or before.rstrip().endswith(":"),
    )


def _linked(previous: Item, item: Item) -> bool:
    """Whether an item continues the chain. A bare number next to a named one needs `>`, `=` or `<`."""
    if LINK.fullmatch(item.before) is None:
        alike = item.named == previous.named and item.bracketed == previous.bracketed
        bare = not item.named and ":" not in item.before
        return alike and (item.bracketed or bare) and SIGNS.fullmatch(item.before) is not None
    if previous.named == item.named:
        return item.named or RANGE.fullmatch(item.before) is None
    return item.compared


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
