"""Collections by their name in ir_datasets (MacAvaney et al. 2021), which fetches, checks and reads them."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rankk.corpora.normalize import Source, normalize
from rankk.errors import RankkError
from rankk.io.files import atomic_write, read_jsonl
from rankk.progress import bar

PASSAGES, QUERIES, QRELS = "passages.jsonl.gz", "queries.jsonl", "qrels.txt"
TEXTS = ("title", "text")


def fetch(dataset: str, folder: Path) -> None:
    """Write a dataset's passages, queries (all fields) and judgments into `folder`, which appears when complete.

    Raises RankkError where ir_datasets does not know it or cannot fetch it (a licence to accept, no network).
    """
    import ir_datasets

    try:
        found = ir_datasets.load(dataset)
    except KeyError:
        raise RankkError(f"{dataset}: ir_datasets does not know it; https://ir-datasets.com lists all names") from None
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        _write(found, scratch)
        if folder.exists():
            shutil.rmtree(folder)
        scratch.rename(folder)
    except (RuntimeError, OSError) as error:
        raise RankkError(
            f"{dataset}: ir_datasets could not fetch it: {error}. Look at https://ir-datasets.com/"
            f"{dataset.split('/')[0]}.html for licences to accept; files fetched by hand belong into IR_DATASETS_HOME"
        ) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write(found: Any, folder: Path) -> None:
    with atomic_write(folder / PASSAGES) as file, bar(what="passages", unit="passages") as progress:
        for document in found.docs_iter():
            texts = {name: getattr(document, name) for name in TEXTS if getattr(document, name, None)}
            text = {"text": ""} | texts if texts else {"contents": document.default_text()}
            file.write(json.dumps({"id": document.doc_id} | text, ensure_ascii=False) + "\n")
            progress.update()
    with atomic_write(folder / QUERIES) as file:
        for query in found.queries_iter():
            file.write(json.dumps(query._asdict(), ensure_ascii=False, default=str) + "\n")
    with atomic_write(folder / QRELS) as file:
        judgments = sorted(found.qrels_iter(), key=lambda judged: judged.query_id)
        for qid, own in groupby(judgments, key=lambda judged: judged.query_id):
            file.writelines(f"{qid} 0 {judged.doc_id} {judged.relevance}\n" for judged in own)


def build(
    folder: Path, target: Path, fields: Mapping[str, Sequence[str]], drop: Sequence[str], *, topics: int | None
) -> None:
    """Write the normalized files of a fetched dataset into `target`. `fields`: of a query, joined, by language."""
    with tempfile.TemporaryDirectory() as scratch:
        queries = {language: f"{scratch}/queries.{language}.tsv" for language in fields}
        for language, names in fields.items():
            _queries(folder / QUERIES, names, Path(queries[language]))
        source = Source(
            passages=str(folder / PASSAGES), queries=queries, qrels=str(folder / QRELS), drop=frozenset(drop)
        )
        normalize(source, target, topics=topics)


def _queries(source: Path, names: Sequence[str], target: Path) -> None:
    with atomic_write(target) as file:
        for number, record in read_jsonl(source):
            if missing := [name for name in names if name not in record]:
                raise RankkError(f"{source}:{number}: no field {missing[0]!r}; there are {', '.join(record)}")
            text = " ".join(str(record[name]) for name in names if record[name])
            if text.strip():  # a topic without a translation has no query in that language
                file.write(f"{record['query_id']}\t{' '.join(text.split())}\n")
