"""Answers in lines or tables that give each passage a rank or a score."""

import re
from collections.abc import Iterator, Sequence

from rankk.reranking.parsers.plain import LETTER
from rankk.reranking.parsers.record import ID_WORD, NUMBER, RANK_WORD, SCORE_WORD, Record, role_of

TO = r"[\s:=_#\"'()\[\]-]{0,6}+"
"""Characters allowed between a word and its number."""
END = r"(?!\w|[./]\d)"
OF = r"\d{1,9}+(?:\.0{1,9}+)?+"

TOKEN = re.compile(
    rf"(?P<id>\[\s*+(?:{ID_WORD}[ :#]*+)?(?P<bracketed>\d{{1,9}}+)\s*+\])"
    rf"|\b(?:{ID_WORD}[ _-]?){{1,2}}\b{TO}(?P<named>\d{{1,9}}+){END}\]?|\b[DP](?P<lettered>\d{{1,4}}+)\b"
    rf"|\b{RANK_WORD}\b{TO}(?P<rank>\d{{1,9}}+){END}|\b(?P<ordinal>\d{{1,4}}+)(?:st|nd|rd|th)\b"
    rf"|\b{SCORE_WORD}\b{TO}(?P<score>{NUMBER})(?![ ]?+\])(?:[ ]?+(?:/|out of)[ ]?+{OF}|[ ]?%)?+"
    rf"|(?P<share>{NUMBER})(?:[ ]?+(?:/|out of)[ ]?+{OF}{END}|[ ]?%|[ ]?+points?\b)"
    rf"|(?P<bare>{NUMBER})|(?P<label>\b(?:{SCORE_WORD}|{ID_WORD}|for|of)\b)|(?P<word>[^\W\d_]++)",
    re.IGNORECASE,
)
PAIR = re.compile(
    rf"[(]?(?P<first>\b\d{{1,9}}+)(?:[ ]*+[=:]|(?<=\(.),|(?<=\(..),)[ ]*+(?P<second>{NUMBER})[)]?", re.IGNORECASE
)
"""(1, 7), or 1 = 7"""
ENTRY = re.compile(
    rf"(?:\[\s*+\d{{1,9}}+\s*+\]|\b(?:{ID_WORD}[ ]?\#?|[DP])\d{{1,9}}+\b)[ ]*+[:=(-]{{0,2}}[ ]*+"
    rf"(?:{NUMBER}(?:[ ]?/[ ]?\d++|%)?+|[\w/?]{{1,12}}|-)?[)]?[,;.]?[ ]*+",
    re.IGNORECASE,
)
"""[1] (5/10), [2]: n/a"""
OBJECT = re.compile(r"\{[^{}]*+\}")
FENCE = re.compile(r"```\w*+")
BRACKETS = re.compile(r"\([^()\n]*+\)")

Rows = list[list[tuple[str, float]]]


def records_of_lines(text: str, n: int) -> list[Record] | None:
    """Records of two or more lines of the same form, or of a line that repeats a form."""
    text = OBJECT.sub(lambda match: f"\n{' '.join(match[0].split())}\n", FENCE.sub(" ", text))
    pairs = PAIR.findall(text)
    if len(pairs) > 1 and not re.search(r"\w", PAIR.sub("", text)):
        return two_numbers([[("b", float(first)), ("b", float(second))] for first, second in pairs], n)
    header: list[str] = []
    rows: dict[str, Rows] = {}
    pending: list[tuple[str, float]] = []  # an identifier on a line of its own
    remarks = False
    for line in "\n".join(map(_by_entry, text.split("\n"))).split("\n"):
        cells = [cell.strip() for cell in re.split(r"[|\t;]|,(?=\S)", line.strip(" |"))]
        if LETTER.search(line) and not re.search(r"\d", BRACKETS.sub("", line)):
            header = [role_of(cell) for cell in cells]
            continue
        tokens = _tokens(line, cells, header)
        kinds = "".join(kind for kind, _ in tokens)
        if pending and kinds.startswith("s"):
            tokens = pending + tokens[:1]
        pending = tokens if kinds == "i" else []
        for row in _repeated(tokens):
            rows.setdefault("".join(kind for kind, _ in row), []).append(row)
            remarks = remarks or any(match["word"] for match in TOKEN.finditer(line))
    shapes = [shape for shape, alike in rows.items() if len(alike) > 1 and shape in READINGS]
    if not shapes:
        return None
    records = READINGS[shapes[-1]](rows[shapes[-1]], n) if len(shapes) == 1 else []
    if records and _left_out(rows, shapes[-1], {record.id for record in records}, n):
        return []
    if records and remarks and records == [Record(id_) for id_ in range(1, len(records) + 1)]:
        return []  # remarks about the passages
    return records


def _by_entry(line: str) -> str:
    """A line that is nothing but passages with a number or a word, as a line for each."""
    return line if ENTRY.sub("", line).strip() else "\n".join(match[0] for match in ENTRY.finditer(line)) or line


def _left_out(rows: dict[str, Rows], shape: str, ids: set[int], n: int) -> bool:
    """Whether a row of another form begins with a passage that has no record: its score is no number."""
    others = [row[0] for kinds, alike in rows.items() if kinds != shape for row in alike]
    return any(kind in "ib" and 1 <= value <= n and value not in ids for kind, value in others)


def _tokens(line: str, cells: Sequence[str], header: Sequence[str]) -> list[tuple[str, float]]:
    """Kinds and values of a line's numbers, up to its first words; beyond these explicit scores count too."""
    if header == ["score"] and len(tokens := list(_scan(line))) == 2:
        return [tokens[0], ("s", tokens[1][1])]
    if len(header) == len(cells) and len([role for role in header if role]) > 1:
        return [
            (role[0] if kind == "b" else kind, value)
            for role, cell in zip(header, cells, strict=True)
            if role and len(tokens := list(_scan(cell))) == 1
            for kind, value in tokens
        ]
    if "|" in line:
        return [token for cell in cells if len(tokens := list(_scan(cell))) == 1 for token in tokens]
    return list(_scan(line))


def _scan(line: str) -> Iterator[tuple[str, float]]:
    beyond = labelled = named = scored = False
    for match in TOKEN.finditer(line):
        if match["word"]:
            beyond = True
        elif match["label"]:
            labelled = labelled or role_of(match["label"]) == "score"
        elif match["score"] or match["share"]:
            yield "s", float(match["score"] or match["share"])
            beyond, scored = "." in line[match.end() : match.end() + 1], True
        elif beyond:
            continue
        elif id_ := match["bracketed"] or match["named"] or match["lettered"]:
            yield "i", float(id_)
            named = True
        elif rank := match["rank"] or match["ordinal"]:
            yield "r", float(rank)
        elif match["bare"] and not (named and scored):
            yield "s" if labelled and named else "b", float(match["bare"])


def _repeated(tokens: list[tuple[str, float]]) -> Iterator[list[tuple[str, float]]]:
    """The tokens in parts of the same form, where a line repeats one; else all of them."""
    kinds = "".join(kind for kind, _ in tokens)
    for size in (2, 3):
        if len(kinds) > size and kinds == kinds[:size] * (len(kinds) // size) and kinds[:size].count("i") == 1:
            yield from (tokens[start : start + size] for start in range(0, len(tokens), size))
            return
    if tokens:
        yield tokens


def _plain(rows: Rows, n: int) -> list[Record]:  # noqa: ARG001
    """Rows that hold an identifier and what their other numbers are called."""
    numbers = [dict(row) for row in rows]
    return [Record(int(row["i"]), row.get("r"), row.get("s"), row.get("b")) for row in numbers]


def _counted(rows: Rows, n: int) -> list[Record] | None:
    """Rows that begin with a number: a counter, or else nothing that is understood."""
    if [row[0][1] for row in rows] == list(range(1, len(rows) + 1)):
        return _plain([row[1:] for row in rows], n)
    return None


def _bare_ids(rows: Rows, n: int) -> list[Record]:
    """Rows whose bare number is the identifier."""
    return _plain([[("i" if kind == "b" else kind, value) for kind, value in row] for row in rows], n)


def two_numbers(rows: Rows, n: int) -> list[Record] | None:
    """Places and identifiers, or identifiers and scores: what cannot be an identifier is a score.

    Rows of different numbers are a list. What else they are is left open.
    """
    first, second = ([row[position][1] for row in rows] for position in (0, 1))
    places, size = first == list(range(1, len(rows) + 1)), len(rows)
    if len(set(first)) == size and all(1 <= value <= n for value in first):
        odd = sum(not 1 <= value <= n for value in second)
        no_ids = any(value < 1 or value != int(value) for value in second) or 3 * odd >= size
        if no_ids or (len(set(second)) < size == n):
            return [Record(int(id_), score=value) for id_, value in zip(first, second, strict=True)]
    if len({*first, *second}) == 2 * size:
        return None
    return [Record(int(value)) for value in second] if places and len(set(second)) == size else []


READINGS = {
    **dict.fromkeys(("ir", "ri", "is", "si", "irs", "isr", "ris", "ib"), _plain),
    **dict.fromkeys(("bis", "bir", "bi", "bib"), _counted),
    **dict.fromkeys(("rb", "rbs", "bs"), _bare_ids),
    "bb": two_numbers,
}
"""How rows are read, by the kinds of their numbers: i(dentifier), r(ank), s(core), b(are)."""
