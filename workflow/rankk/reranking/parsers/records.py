"""Answers that give each passage a rank or a score: tables, lines, JSON."""

import re
from collections.abc import Sequence

from rankk.reranking.parsers.lines import records_of_lines
from rankk.reranking.parsers.objects import records_of_json
from rankk.reranking.parsers.plain import plain
from rankk.reranking.parsers.record import NUMBER, SCORE_WORD, Record

STARS = re.compile(r"[★⭐]++[☆✩]*+")
COMMA = re.compile(r"(?<=\])([ ]*+[:=-]?[ ]*+\d{1,9}+),(?=\d{1,9}+[ ]*+$)", re.MULTILINE)
"""[1]: 7,5"""
LIST = re.compile(rf"\W*+(?:\w++ ){{0,3}}+{SCORE_WORD}[\s:=*\[(]++((?:{NUMBER}[,;\s]++)++{NUMBER})\W*+", re.IGNORECASE)
"""Scores: 7, 4, 9: one a passage"""
TRAILING = re.compile(r",(?=\s*+[\]}])")

Groups = list[list[int]]
"""Identifiers from 1, best first; those of one group are tied."""


def read_records(text: str, n: int) -> Groups | None:
    """The order of n passages that ranks or scores give; empty where they leave open what they mean.

    None where the text is of another form. A passage that is named twice, or a number that can be a rank as well as a
    score, makes the answer unusable: it is never taken for a ranking in the order of the prompt.
    """
    entries = statements(text, n)
    return None if entries is None else _ordered(entries, n)


def statements(text: str, n: int) -> list[Record] | None:
    """What a text says of each passage; None where it is of another form."""
    if scores := LIST.fullmatch(text):
        values = re.findall(NUMBER, scores[1])
        return [Record(id_, score=float(value)) for id_, value in enumerate(values, 1)] if len(values) == n else []
    entries = records_of_json(TRAILING.sub("", text), n)
    if entries is None:
        entries = records_of_lines(COMMA.sub(r"\1.", _with_points(plain(text))), n)
    return entries


def _with_points(text: str) -> str:
    """Stars as scores; a single one everywhere is a sign between identifiers."""
    return STARS.sub(_points, text) if any(len(stars) > 1 for stars in STARS.findall(text)) else text


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
        said = any((each.rank, each.score, each.value) != (None, None, None) for each in records)
        return [] if said else [[record.id] for record in records]
    if sorted(values) == list(range(1, len(values) + 1)):  # could be ranks or scores
        in_order = values in (sorted(values), sorted(values, reverse=True))
        return [[record.id] for record in records] if in_order else []
    return _grouped(records, [-value for value in values])


def _grouped(records: Sequence[Record], keys: Sequence[float]) -> Groups:
    groups: dict[float, list[int]] = {}
    for key, record in sorted(zip(keys, records, strict=True), key=lambda pair: pair[0]):
        groups.setdefault(key, []).append(record.id)
    return list(groups.values())
