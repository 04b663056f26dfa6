"""Collections from question answering: files in SQuAD's format (Rajpurkar et al. 2016), paragraphs as passages."""

import json
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rankk.corpora.normalize import Source, normalize
from rankk.errors import RankkError
from rankk.io.files import atomic_write

GRADE = 1


def build(archive: Path, members: Sequence[str], folder: Path, *, topics: int | None) -> None:
    """Write the normalized files of an archive's members into `folder`. RankkError where one is not there."""
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(archive) as packed:
        paths = {name: str(Path(scratch, name)) for name in ("passages.jsonl", "queries.tsv", "qrels.txt")}
        with (
            atomic_write(paths["passages.jsonl"]) as passages,
            atomic_write(paths["queries.tsv"]) as queries,
            atomic_write(paths["qrels.txt"]) as qrels,
        ):
            ids: dict[str, str] = {}
            for member in members:
                for paragraph in _paragraphs(packed, archive, member):
                    text = " ".join(paragraph["context"].split())
                    if text not in ids:
                        ids[text] = f"p{len(ids)}"
                        passages.write(json.dumps({"id": ids[text], "contents": text}, ensure_ascii=False) + "\n")
                    for question in paragraph["qas"]:
                        queries.write(f"{question['id']}\t{' '.join(question['question'].split())}\n")
                        qrels.write(f"{question['id']} 0 {ids[text]} {GRADE}\n")
        source = Source(
            passages=paths["passages.jsonl"], queries={"eng": paths["queries.tsv"]}, qrels=paths["qrels.txt"]
        )
        normalize(source, folder, topics=topics)


def _paragraphs(packed: tarfile.TarFile, archive: Path, member: str) -> list[Mapping[str, Any]]:
    try:
        file = packed.extractfile(member)
    except KeyError:
        file = None
    if file is None:
        raise RankkError(f"{archive}: holds no file {member!r}")
    return [paragraph for article in json.load(file)["data"] for paragraph in article["paragraphs"]]
