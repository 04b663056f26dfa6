"""Passage texts, read as needed: a collection is never held as a whole."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from rankk.errors import RankkError
from rankk.files import read_jsonl

SHOWN = 3


def text_of(record: Mapping[str, Any], where: str) -> str:
    """A record's text: `contents`, or `title` and `text` joined by a blank. RankkError where there is none."""
    if isinstance(record.get("contents"), str):
        return str(record["contents"])
    if isinstance(record.get("text"), str):
        return f"{record.get('title') or ''} {record['text']}".strip()
    raise RankkError(f"{where}: a passage needs 'contents', or 'text' with an optional 'title'")


def id_of(record: Mapping[str, Any], where: str) -> str:
    """A record's id. RankkError where it has none."""
    if not isinstance(record.get("id"), str) or not record["id"]:
        raise RankkError(f"{where}: a passage needs an 'id' (a string)")
    return str(record["id"])


def read_passages(path: str | Path, wanted: Collection[str]) -> dict[str, str]:
    """Text by id of the wanted passages, in one pass. RankkError names those that are missing."""
    texts: dict[str, str] = {}
    for number, record in read_jsonl(path):
        where = f"{path}:{number}"
        if (docid := id_of(record, where)) in wanted:
            texts[docid] = text_of(record, where)
            if len(texts) == len(wanted):
                break
    if missing := [docid for docid in wanted if docid not in texts]:
        raise RankkError(
            f"{path}: {len(missing)} passages of the run are not there, e.g. {', '.join(sorted(missing)[:SHOWN])}"
        )
    return texts


def passage_ids(path: str | Path) -> set[str]:
    """Ids of all passages."""
    return {id_of(record, f"{path}:{number}") for number, record in read_jsonl(path)}
