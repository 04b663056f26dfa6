"""Answers that give each passage a rank or a score: tables, lines, JSON."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rankk.reranking.parsers.items import LETTER, UNIFORM

ID_WORD = r"(?:passages?|documents?|docs?|identifiers?|ids?|index|items?)"
RANK_WORD = r"(?:ranks?|rankings?|positions?|places?)"
SCORE_WORD = (
    r"(?:(?:relevance|relevancy|confidence)[ _-]?)?(?:scores?|ratings?|grades?|points?|relevance|relevancy|confidence)"
)
TO = r"[\s:=_#\"'()\[\]-]{0,6}+"
"""What may stand between a word and its number."""
END = r"(?!\w|[./]\d)"
NUMBER = r"(?<![\w.])-?+\d{1,9}+(?:\.\d{1,9}+)?+(?!\w)"

TOKEN = re.compile(
    rf"(?P<id>\[\s*+(?:{ID_WORD}[ :#]*+)?(?P<bracketed>\d{{1,9}}+)\s*+\])"
    rf"|\b(?:{ID_WORD}[ _-]?){{1,2}}\b{TO}(?P<named>\d{{1,9}}+){END}\]?"
    rf"|\b{RANK_WORD}\b{TO}(?P<rank>\d{{1,9}}+){END}"
    rf"|\b{SCORE_WORD}\b{TO}(?P<score>{NUMBER})(?:[ ]?+(?:/|out of)[ ]?+\d{{1,9}}+|[ ]?%)?+"
    rf"|(?P<share>{NUMBER})(?:[ ]?+(?:/|out of)[ ]?+\d{{1,9}}+{END}|[ ]?%|[ ]?+points?\b)"
    rf"|(?P<bare>{NUMBER})|(?P<word>[^\W\d_]++)",
    re.IGNORECASE,
)
OBJECT = re.compile(r"\{[^{}]*+\}")
FENCE = re.compile(r"```\w*+")
IDENTIFIER = re.compile(rf"[\W_]*+(?:{ID_WORD}|[DP])?[\W_]*+(\d{{1,9}}+)[\W_]*+", re.IGNORECASE)
ROLES = {  # of a column or key, by its name
    "score": re.compile(SCORE_WORD, re.IGNORECASE),
    "rank": re.compile(rf"{RANK_WORD}|#|no\.?|nr\.?", re.IGNORECASE),
    "id": re.compile(ID_WORD, re.IGNORECASE),
}

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
    entries = _of_json(text)
    if entries is None:
        entries = _of_lines(text.translate(UNIFORM))
    return None if entries is None else _ordered(entries, n)


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


def _of_lines(text: str) -> list[Record] | None:
    """Records of two or more lines of the same form, or of a line that repeats a form."""
    text = OBJECT.sub(lambda match: f"\n{' '.join(match[0].split())}\n", FENCE.sub(" ", text))
    header: list[str] = []
    rows: dict[str, list[list[tuple[str, float]]]] = {}
    for line in text.split("\n"):
        cells = [cell.strip() for cell in re.split(r"[|\t]|,(?=\S)", line.strip(" |"))]
        if LETTER.search(line) and not re.search(r"\d", line):
            header = [_role(cell) for cell in cells]
            continue
        tokens = _tokens(line, cells, header)
        for row in _repeated(tokens):
            rows.setdefault("".join(kind for kind, _ in row), []).append(row)
    shapes = [shape for shape, alike in rows.items() if len(alike) > 1 and shape in READINGS]
    if not shapes:
        return None
    return READINGS[shapes[-1]](rows[shapes[-1]]) if len(shapes) == 1 else []


def _tokens(line: str, cells: Sequence[str], header: Sequence[str]) -> list[tuple[str, float]]:
    """Kinds and values of a line's numbers, up to its first words; beyond these explicit scores count too."""
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
    beyond = False
    for match in TOKEN.finditer(line):
        if match["word"]:
            beyond = True
        elif match["score"] or match["share"]:
            yield "s", float(match["score"] or match["share"])
            beyond = "." in line[match.end() : match.end() + 1]
        elif not beyond:
            if match["bracketed"] or match["named"]:
                yield "i", float(match["bracketed"] or match["named"])
            elif match["rank"]:
                yield "r", float(match["rank"])
            elif match["bare"]:
                yield "b", float(match["bare"])


def _repeated(tokens: list[tuple[str, float]]) -> Iterator[list[tuple[str, float]]]:
    """The tokens in parts of the same form, where a line repeats one; else all of them."""
    kinds = "".join(kind for kind, _ in tokens)
    for size in (2, 3):
        if len(kinds) > size and kinds == kinds[:size] * (len(kinds) // size) and kinds[:size].count("i") == 1:
            yield from (tokens[start : start + size] for start in range(0, len(tokens), size))
            return
    if tokens:
        yield tokens


Rows = list[list[tuple[str, float]]]


def _plain(rows: Rows) -> list[Record]:
    """Rows that hold an identifier and what their other numbers are called."""
    numbers = [dict(row) for row in rows]
    return [Record(int(row["i"]), row.get("r"), row.get("s"), row.get("b")) for row in numbers]


def _counted(rows: Rows) -> list[Record] | None:
    """Rows that begin with a number: a counter, or else nothing that is understood."""
    if [row[0][1] for row in rows] == list(range(1, len(rows) + 1)):
        return _plain([row[1:] for row in rows])
    return None


def _bare_ids(rows: Rows) -> list[Record]:
    """Rows whose bare number is the identifier."""
    return _plain([[("i" if kind == "b" else kind, value) for kind, value in row] for row in rows])


def _two_numbers(rows: Rows) -> list[Record] | None:
    """A counter and an identifier. Rows of different numbers are a list; what else they are is left open."""
    first, second = ([row[position][1] for row in rows] for position in (0, 1))
    if len({*first, *second}) == 2 * len(rows):
        return None
    if first == list(range(1, len(rows) + 1)) and len(set(second)) == len(rows):
        return [Record(id=int(value)) if value == int(value) else Record(id=0) for value in second]
    return []


READINGS = {
    **dict.fromkeys(("ir", "ri", "is", "si", "irs", "isr", "ris", "ib"), _plain),
    **dict.fromkeys(("bis", "bir", "bi", "bib"), _counted),
    **dict.fromkeys(("rb", "rbs", "bs"), _bare_ids),
    "bb": _two_numbers,
}
"""How rows are read, by the kinds of their numbers: i(dentifier), r(ank), s(core), b(are)."""


def _of_json(text: str) -> list[Record] | None:
    """Records of an answer that is, or holds, one JSON value."""
    start = min((position for position in (text.find("{"), text.find("[")) if position >= 0), default=-1)
    end = max(text.rfind("}"), text.rfind("]"))
    if start < 0 or end < start:
        return None
    try:
        return _of_value(json.loads(text[start : end + 1]), "")
    except (ValueError, RecursionError):
        return None


def _of_value(value: Any, role: str) -> list[Record] | None:
    """Records of a list of objects, of an object by identifier, or of the only such value in an object."""
    if isinstance(value, list):
        records = [_of_object(each) for each in value if isinstance(each, Mapping)]
        named = [record for record in records if record is not None]
        return named if len(named) == len(value) > 1 else None
    if not isinstance(value, Mapping):
        return None
    ids = [_identifier(key) for key in value]
    if len(value) > 1 and None not in ids:
        return _by_identifier([id_ for id_ in ids if id_ is not None], list(value.values()), role)
    inner = [nested for key, each in value.items() if (nested := _inside(each, _role(key))) is not None]
    return inner[0] if len(inner) == 1 else None


def _inside(value: Any, role: str) -> list[Record] | None:
    """Records of a value in an object, which may be a list of identifiers too."""
    if isinstance(value, list) and value and None not in (ids := [_identifier(each) for each in value]):
        return [Record(id_) for id_ in dict.fromkeys(ids) if id_ is not None]
    return _of_value(value, role)


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
    words = re.split(r"[\s_-]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).strip("* "))
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
