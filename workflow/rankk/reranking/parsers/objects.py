"""Answers in JSON that give each passage a rank or a score, or list them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rankk.reranking.parsers.lines import two_numbers
from rankk.reranking.parsers.record import RANK_WORD, Record, identifier, number_of, role_of

PLACE = re.compile(rf"(?:{RANK_WORD}\W?)?_?(\d{{1,4}})(?:st|nd|rd|th)?", re.IGNORECASE)
LARGEST = 10**6  # larger than any window
LAST = re.compile(r"irrelevant|not|non|least|worst|rest|other|bottom", re.IGNORECASE)


def records_of_json(text: str, n: int) -> list[Record] | None:
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
    if isinstance(value, list) and len(value) > 1 and all(isinstance(each, list) and len(each) == 2 for each in value):
        return _of_pairs(value, n)
    if isinstance(value, list):
        records = [_of_object(each) for each in value if isinstance(each, Mapping)]
        named = [record for record in records if record is not None]
        if len(named) != len(value) or len(value) < 2:
            return None
        in_prompts_order = named == [Record(id_) for id_ in range(1, len(named) + 1)]
        return [] if in_prompts_order and any(role_of(key) == "score" for each in value for key in each) else named
    if not isinstance(value, Mapping):
        return None
    ids = [identifier(key) for key in value]
    if len(value) > 1 and None not in ids:
        return _by_identifier([id_ for id_ in ids if id_ is not None], list(value.values()), role)
    if places := _of_places(value):
        return places
    inner = {key: nested for key, each in value.items() if (nested := _inside(each, role_of(key), n)) is not None}
    lists = {key: records for key, records in inner.items() if all(record == Record(record.id) for record in records)}
    if len(lists) < 2:
        chosen = list((lists or inner).values())
        return chosen[0] if len(chosen) == 1 else None
    ordered = sorted(lists, key=lambda key: LAST.search(key) is not None)  # {"relevant": […], "irrelevant": […]}
    return [record for key in ordered for record in lists[key]]


def _of_pairs(pairs: Iterable[Sequence[Any]], n: int) -> list[Record] | None:
    """Records of [[identifier, score], …]; None where these may be two identifiers each."""
    rows = []
    for first, second in pairs:
        id_, number = identifier(first), number_of(second)
        if id_ is None or not 0 < id_ < LARGEST:
            return None
        if number is None:
            return []
        rows.append([("b", float(id_)), ("b", number)])
    return two_numbers(rows, n)


def _of_places(value: Mapping[str, Any]) -> list[Record]:
    """Records of {"rank_1": 3, "rank_2": 1} or {"1st": 3, …}."""
    places = {int(match[1]): identifier(each) for key, each in value.items() if (match := PLACE.fullmatch(key))}
    ids = [places.get(place) for place in range(1, len(value) + 1)]
    return [Record(id_) for id_ in ids if id_ is not None] if len(value) > 1 and None not in ids else []


def _inside(value: Any, role: str, n: int) -> list[Record] | None:
    """Records of a value in an object, which may also be a list of identifiers, or of all passages' scores."""
    if not isinstance(value, list) or not value:
        return _of_value(value, role, n)
    if role == "score" and not isinstance(value[0], Mapping | list):
        numbers = [number for number in map(number_of, value) if number is not None]
        return [Record(id_, score=number) for id_, number in enumerate(numbers, 1)] if len(numbers) == n else []
    if None not in (ids := [identifier(each) for each in value]):
        return [Record(id_) for id_ in dict.fromkeys(ids) if id_ is not None]
    return _of_value(value, role, n)


def _by_identifier(ids: Iterable[int], values: Sequence[Any], role: str) -> list[Record]:
    """Records of {identifier: number} or {identifier: {"score": number}}."""
    records = []
    for id_, value in zip(ids, values, strict=True):
        if isinstance(value, Mapping):
            record = _of_object({"id": id_} | dict(value))
        else:
            record = Record(id_, **{role if role in ("rank", "score") else "value": number_of(value)})
        records.append(record or Record(id_))
    named = [record for record in records if (record.rank, record.score, record.value) != (None, None, None)]
    return named if len(named) == len(records) else []


def _of_object(value: Mapping[str, Any]) -> Record | None:
    """One object's identifier, rank and score, by the names of its keys."""
    roles: dict[str, Any] = {}
    for key, each in value.items():
        roles.setdefault(role_of(key), each)
    id_ = identifier(roles.get("id"))
    return None if id_ is None else Record(id_, rank=number_of(roles.get("rank")), score=number_of(roles.get("score")))
