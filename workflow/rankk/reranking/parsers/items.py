"""Finding identifiers in an answer, and how they hang together: the reading half of the parser `ranking`.

An item is a number that may name a passage. Items with nothing but separators between them form a chain. Every
pattern is linear: what can repeat is possessive.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LETTER = re.compile(r"[^\W\d_]")

UNIFORM = str.maketrans(
    {
        **dict.fromkeys("［【〔「『", "["),
        **dict.fromkeys("］】〕」』", "]"),
        **dict.fromkeys("＞﹥〉⟩≻≽⪰⪼≥⩾⪖≫⋙⊳▷▶►›→⇒⟶⟹↠➜➔➙➝➞➡➤", ">"),
        **dict.fromkeys("＜﹤〈⟨≺≼⪯⪻≤⩽⪕≪⋘⊲◁◀◄‹←⇐⟵⟸↞", "<"),
        **dict.fromkeys("＝≈≃≡≅∼", "="),
        **dict.fromkeys("，、；،؛", ","),
        **dict.fromkeys("–—−‑－", "-"),
        **dict.fromkeys("*_`~$\"'“”«»\t\r\u00a0\u3000", " "),
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"),
        **dict(zip("（）：．。…", "():..…", strict=True)),
        **{chr(0x2460 + position): f"[{position + 1}]" for position in range(20)},  # ① … ⑳
    }
)
"""Other scripts' brackets and signs, and markdown, in their plain form. Digits stay: int() reads any script's."""
ARROW = r"(?:long|hook|two|x)?%sarrow[a-z]*"
GREATER = re.compile(  # LaTeX and HTML
    rf"\\(?:succ[a-z]*|gtr?[a-z]*|ggg?|geq?[a-z]*|{ARROW % 'right'}|to|triangleright[a-z]*|rangle)\b"
    r"|&(?:gt|ge|rarr|raquo);",
    re.IGNORECASE,
)
LESS = re.compile(
    rf"\\(?:prec[a-z]*|lt|less[a-z]*|lll?|le|leqq?|leqslant|{ARROW % 'left'}|gets|triangleleft[a-z]*|langle)\b"
    r"|&(?:lt|le|larr|laquo);",
    re.IGNORECASE,
)
LINE_TAG = re.compile(r"</?(?:br|p|li|tr|div|ol|ul)[ ]?/?>", re.IGNORECASE)
TAG = re.compile(r"</?[a-z][a-z_:-]{0,30}+[ ]?/?>", re.IGNORECASE)
LETTERED = re.compile(r"\b[DP]\d{1,4}+\s*+[>=<]")  # D3 > D1
LETTERED_MARK = re.compile(r"\b[DP](?=\d)")

LABEL = r"\b(?:passage|document|doc)\s*+\#?"
COUNTER = re.compile(  # "1." of a numbered list, before an identifier
    rf"(?:(?<![\w.\[])\d{{1,4}}[.):][ ]*+(?=\[|{LABEL}\d)|^[ >+-]*+\d{{1,4}}[.)][ ]++(?=\d))",
    re.IGNORECASE | re.MULTILINE,
)
ASIDE = re.compile(  # "(score 9)", 0.87, 10:30
    rf"\((?!\s*+{LABEL}\d)(?=[^()\[\]\n]*[^\W\d_])[^()\[\]\n]*+\)|(?<!\d)\d++(?:[.:]\d++)++", re.IGNORECASE
)
ITEM = re.compile(
    rf"(?P<mark>\[\s*+(?:{LABEL})?-?|{LABEL}|(?<![A-Za-z\d.]))(?P<number>\d++)(?![A-Za-z%])(?P<close>\s*+\])?",
    re.IGNORECASE,
)
LINK = re.compile(  # what may stand between two items of a chain
    r"(?:[\s\[\](){}><=,;|/+\#-]++|\.{2,}+|…|\.(?=[ ]*+\n)|\b(?:and|or|vs|over|before|then|followed by)\b)*+",
    re.IGNORECASE,
)
SIGNS = re.compile(r"(?:[^\w\n.!?\\&]++|\\[A-Za-z]{0,30}+|&(?:[a-z]{2,8}+;)?+)*+")
"""What else may stand between two bracketed identifiers on one line: no words, and nothing that ends a sentence."""
RANGE = re.compile(r"[ ]*+-[ ]*+")
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
    text = TAG.sub(" ", LINE_TAG.sub("\n", LESS.sub("<", GREATER.sub(">", text)))).translate(UNIFORM)
    if LETTERED.search(text):
        text = LETTERED_MARK.sub("passage ", text)
    return COUNTER.sub(_blank, ASIDE.sub(_blank, text))


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
    """A chain's identifiers with ranges written out, and whether each is tied with the one before it."""
    dashes = [RANGE.fullmatch(item.before) is not None for item in chain[1:]]
    for position, item in enumerate(chain):
        if (
            position
            and dashes[position - 1]
            and not any(dashes[max(0, position - 2) : position - 1] + dashes[position : position + 1])
        ):
            first, last = chain[position - 1].value, item.value
            if 1 <= first <= n and 1 <= last <= n:
                repairs.add("range")
                step = 1 if first < last else -1
                yield from ((value, False) for value in range(first + step, last, step))
        yield item.value, bool(position) and "=" in item.before and ">" not in item.before


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
        return previous.bracketed and item.bracketed and SIGNS.fullmatch(item.before) is not None
    if previous.named == item.named:
        return item.named or RANGE.fullmatch(item.before) is None
    return item.compared


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
