"""Answers that give each passage a rank or a score: tables, lines, JSON."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rankk.reranking.parsers.plain import LETTER, plain

ID_WORD = r"(?:passages?|documents?|docs?|identifiers?|ids?|index|items?)"
RANK_WORD = r"(?:ranks?|rankings?|positions?|places?)"
SCORE_WORD = (
    r"(?:(?:relevance|relevancy|confidence)[ _-]?)?(?:scores?|ratings?|grades?|points?|relevance|relevancy|confidence"
    r"|probability|likelihood|similarity)"
)
TO = r"[\s:=_#\"'()\[\]-]{0,6}+"
"""What may stand between a word and its number."""
END = r"(?!\w|[./]\d)"
NUMBER = r"(?<![\w.])-?+\d{1,9}+(?:\.\d{1,9}+)?+(?!\w)"
OF = r"\d{1,9}+(?:\.0{1,9}+)?+"

TOKEN = re.compile(
    rf"(?P<id>\[\s*+(?:{ID_WORD}[ :#]*+)?(?P<bracketed>\d{{1,9}}+)\s*+\])"
    rf"|\b(?:{ID_WORD}[ _-]?){{1,2}}\b{TO}(?P<named>\d{{1,9}}+){END}\]?|\b[DP](?P<lettered>\d{{1,4}}+)\b"
    rf"|\b{RANK_WORD}\b{TO}(?P<rank>\d{{1,9}}+){END}"
    rf"|\b{SCORE_WORD}\b{TO}(?P<score>{NUMBER})(?![ ]?+\])(?:[ ]?+(?:/|out of)[ ]?+{OF}|[ ]?%)?+"
    rf"|(?P<share>{NUMBER})(?:[ ]?+(?:/|out of)[ ]?+{OF}{END}|[ ]?%|[ ]?+points?\b)"
    rf"|(?P<bare>{NUMBER})|(?P<label>\b(?:{SCORE_WORD}|{ID_WORD}|for|of)\b)|(?P<word>[^\W\d_]++)",
    re.IGNORECASE,
)
STARS = re.compile(r"[★⭐]++[☆✩]*+")
COMMA = re.compile(r"(?<=\])([ ]*+[:=-]?[ ]*+\d{1,9}+),(?=\d{1,9}+[ ]*+$)", re.MULTILINE)
"""[1]: 7,5"""
LIST = re.compile(rf"\W*+(?:\w++ ){{0,3}}+{SCORE_WORD}[\s:=*\[(]++((?:{NUMBER}[,;\s]++)++{NUMBER})\W*+", re.IGNORECASE)
"""Scores: 7, 4, 9: one a passage"""
TRAILING = re.compile(r",(?=\s*+[\]}])")
PLACE = re.compile(rf"(?:{RANK_WORD}\W?)?_?(\d{{1,4}})(?:st|nd|rd|th)?", re.IGNORECASE)
LAST = re.compile(r"irrelevant|not|non|least|worst|rest|other|bottom", re.IGNORECASE)
OBJECT = re.compile(r"\{[^{}]*+\}")
FENCE = re.compile(r"```\w*+")
IDENTIFIER = re.compile(rf"[\W_]*+(?:{ID_WORD}|[DP])?[\W_]*+(\d{{1,9}}+)[\W_]*+", re.IGNORECASE)
ROLES = {  # of a column or key, by its name
    "score": re.compile(SCORE_WORD, re.IGNORECASE),
    "rank": re.compile(rf"{RANK_WORD}|#|no\.?|nr\.?", re.IGNORECASE),
    "id": re.compile(rf"{ID_WORD}|numbers?|num", re.IGNORECASE),
}

BRACKETS = re.compile(r"\([^()\n]*+\)")

Rows = list[list[tuple[str, float]]]
Groups = list[list[int]]
"""Identifiers from 1, best first; those of one group are tied."""


@dataclass(slots=True)
class Record:
    """What an answer says of one passage."""

    id: int
    rank: float | None = None
    score: float | None = None
    value: float | None = None  # a number that is either


def read_records(text: str, n: int) -> Groups | None:
    """The order of n passages that ranks or scores give; empty where they leave open what they mean.

    None where the text is of another form. A passage that is named twice, or a number that can be a rank as well as a
    score, makes the answer unusable: it is never taken for a ranking in the order of the prompt.
    """
    if scores := LIST.fullmatch(text):
        values = re.findall(NUMBER, scores[1])
        return (
            _ordered([Record(id_, score=float(value)) for id_, value in enumerate(values, 1)], n)
            if len(values) == n
            else []
        )
    entries = _of_json(TRAILING.sub("", text), n)
    if entries is None:
        entries = _of_lines(COMMA.sub(r"\1.", STARS.sub(_points, plain(text))), n)
    return None if entries is None else _ordered(entries, n)


def _points(match: re.Match[str]) -> str:
    return f" score {len(re.sub('[☆✩]', '', match[0]))} "


def _ordered(records: Sequence[Record], n: int) -> Groups:
    """Groups of the records' identifiers; empty where they contradict each other."""
    records = [record for record in records if 1 <= record.id <= n]
    if len({record.id for record in records}) < len(records):
        return []
    for role, sign in (("rank", 1), ("score", -1)):
        values = [getattr(record, role) for record in records]
        if None not in values:
            return _grouped(records, [sign * value for value in values])
    values = [record.value for record in records]
    if None in values:
        return [] if any(value is not None for value in values) else [[record.id] for record in records]
    if sorted(values) == list(range(1, len(values) + 1)):  # ranks or scores
        in_order = values in (sorted(values), sorted(values, reverse=True))
        return [[record.id] for record in records] if in_order else []
    return _grouped(records, [-value for value in values])


def _grouped(records: Sequence[Record], keys: Sequence[float]) -> Groups:
    groups: dict[float, list[int]] = {}
    for key, record in sorted(zip(keys, records, strict=True), key=lambda pair: pair[0]):
        groups.setdefault(key, []).append(record.id)
    return list(groups.values())


def _of_lines(text: str, n: int) -> list[Record] | None:
    """Records of two or more lines of the same form, or of a line that repeats a form."""
    text = OBJECT.sub(lambda match: f"\n{' '.join(match[0].split())}\n", FENCE.sub(" ", text))
    header: list[str] = []
    rows: dict[str, Rows] = {}
    pending: list[tuple[str, float]] = []  # an identifier on a line of its own
    remarks = False
    for line in text.split("\n"):
        cells = [cell.strip() for cell in re.split(r"[|\t]|,(?=\S)", line.strip(" |"))]
        if LETTER.search(line) and not re.search(r"\d", BRACKETS.sub("", line)):
            header = [_role(cell) for cell in cells]
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
    if records and remarks and records == [Record(id_) for id_ in range(1, len(records) + 1)]:
        return []  # an account of the passages
    return records


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
            labelled = labelled or _role(match["label"]) == "score"
        elif match["score"] or match["share"]:
            yield "s", float(match["score"] or match["share"])
            beyond, scored = "." in line[match.end() : match.end() + 1], True
        elif beyond:
            continue
        elif id_ := match["bracketed"] or match["named"] or match["lettered"]:
            yield "i", float(id_)
            named = True
        elif match["rank"]:
            yield "r", float(match["rank"])
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


def _two_numbers(rows: Rows, n: int) -> list[Record] | None:
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
    "bb": _two_numbers,
}
"""How rows are read, by the kinds of their numbers: i(dentifier), r(ank), s(core), b(are)."""


def _of_json(text: str, n: int) -> list[Record] | None:
    """Records of an answer that is, or holds, one JSON value."""
    start = min((position for position in (text.find("{"), text.find("[")) if position >= 0), default=-1)
    end = max(text.rfind("}"), text.rfind("]"))
    if start < 0 or end < start:
        return None
    try:
        return _of_value(json.loads(text[start : end + 1]), "", n)
    except (ValueError, RecursionError):
        return None


def _of_value(value: Any, role: str, n: int) -> list[Record] | None:
    """Records of a list of objects, of an object by identifier or place, or of the values in an object."""
    if isinstance(value, list):
        records = [_of_object(each) for each in value if isinstance(each, Mapping)]
        named = [record for record in records if record is not None]
        return named if len(named) == len(value) > 1 else None
    if not isinstance(value, Mapping):
        return None
    ids = [_identifier(key) for key in value]
    if len(value) > 1 and None not in ids:
        return _by_identifier([id_ for id_ in ids if id_ is not None], list(value.values()), role)
    if places := _of_places(value):
        return places
    inner = {key: nested for key, each in value.items() if (nested := _inside(each, _role(key), n)) is not None}
    lists = {key: records for key, records in inner.items() if all(record == Record(record.id) for record in records)}
    if len(lists) < 2:
        chosen = list((lists or inner).values())
        return chosen[0] if len(chosen) == 1 else None
    ordered = sorted(lists, key=lambda key: LAST.search(key) is not None)  # {"relevant": […], "irrelevant": […]}
    return [record for key in ordered for record in lists[key]]


def _of_places(value: Mapping[str, Any]) -> list[Record]:
    """Records of {"rank_1": 3, "rank_2": 1} or {"1st": 3, …}."""
    places = {int(match[1]): _identifier(each) for key, each in value.items() if (match := PLACE.fullmatch(key))}
    ids = [places.get(place) for place in range(1, len(value) + 1)]
    return [Record(id_) for id_ in ids if id_ is not None] if len(value) > 1 and None not in ids else []


def _inside(value: Any, role: str, n: int) -> list[Record] | None:
    """Records of a value in an object, which may also be a list of identifiers, or of all passages' scores."""
    if not isinstance(value, list) or not value:
        return _of_value(value, role, n)
    if role == "score" and None not in (numbers := list(map(_number, value))):
        return [Record(id_, score=number) for id_, number in enumerate(numbers, 1)] if len(numbers) == n else []
    if None not in (ids := [_identifier(each) for each in value]):
        return [Record(id_) for id_ in dict.fromkeys(ids) if id_ is not None]
    return _of_value(value, role, n)


def _by_identifier(ids: Iterable[int], values: Sequence[Any], role: str) -> list[Record]:
    """Records of {identifier: number} or {identifier: {"score": number}}."""
    records = []
    for id_, value in zip(ids, values, strict=True):
        if isinstance(value, Mapping):
            record = _of_object({"id": id_} | dict(value))
        else:
            record = Record(id_, **{role if role in ("rank", "score") else "value": _number(value)})
        records.append(record or Record(id_))
    named = [record for record in records if (record.rank, record.score, record.value) != (None, None, None)]
    return named if len(named) == len(records) else []


def _of_object(value: Mapping[str, Any]) -> Record | None:
    """One object's identifier, rank and score, by the names of its keys."""
    roles: dict[str, Any] = {}
    for key, each in value.items():
        roles.setdefault(_role(key), each)
    id_ = _identifier(roles.get("id"))
    return None if id_ is None else Record(id_, rank=_number(roles.get("rank")), score=_number(roles.get("score")))


def _role(name: str) -> str:
    """What a column or key of that name holds: id, rank, score, or nothing known."""
    words = re.split(r"[\s_-]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).strip("*: "))
    return next((role for role, named in ROLES.items() if any(map(named.fullmatch, words))), "")


def _identifier(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = IDENTIFIER.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) if match else None


def _number(value: Any) -> float | None:
    """A number, also as text (`9`, `7/10`)."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18:
        return float(value)
    match = re.match(NUMBER, value.strip()) if isinstance(value, str) else None
    return float(match[0]) if match else None
