"""BRIGHT's tasks (Su et al. 2024), with the passages that a query's run must not hold."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rankk.corpora.normalize import Source, normalize
from rankk.errors import RankkError
from rankk.io.files import atomic_write
from rankk.progress import bar

REPOSITORY = "xlangai/BRIGHT"
NOTHING = {"", "N/A"}
"""What stands where a query has no excluded passage."""
GRADE = 1


def fetch(task: str, queries: str, folder: Path, *, revision: str | None, repository: str = REPOSITORY) -> None:
    """Write a task's passages, queries, judgments and excluded passages into `folder`, which appears when complete.

    `queries`: the set of examples: "examples" (the original ones) or one of the rewritten, e.g. "gpt4_reason".
    Raises RankkError where the repository cannot be read.
    """
    from datasets import load_dataset

    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        documents = load_dataset(repository, "documents", split=task, revision=revision)
        examples = load_dataset(repository, queries, split=task, revision=revision)
        _passages(documents, scratch / "passages.jsonl.gz")
        _examples(examples, scratch)
        if folder.exists():
            shutil.rmtree(folder)
        scratch.rename(folder)
    except (OSError, ValueError) as error:
        raise RankkError(
            f"BRIGHT, task {task}, {queries}: {repository} cannot be read: {' '.join(str(error).split())[:300]}. Fetch "
            "it where there is a network (snakemake downloads); HF_HOME names the place of what was fetched"
        ) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _passages(documents: Iterable[Mapping[str, Any]], target: Path) -> None:
    with atomic_write(target) as file:
        for record in bar(documents, what="passages", unit="passages"):
            file.write(json.dumps({"id": record["id"], "contents": record["content"]}, ensure_ascii=False) + "\n")


def _examples(examples: Iterable[Mapping[str, Any]], folder: Path) -> None:
    with (
        atomic_write(folder / "queries.tsv") as queries,
        atomic_write(folder / "qrels.txt") as qrels,
        atomic_write(folder / "excluded.tsv") as excluded,
    ):
        for record in examples:
            qid = str(record["id"])
            queries.write(f"{qid}\t{' '.join(record['query'].split())}\n")
            qrels.writelines(f"{qid} 0 {docid} {GRADE}\n" for docid in record["gold_ids"])
            excluded.writelines(f"{qid}\t{docid}\n" for docid in record["excluded_ids"] if docid not in NOTHING)


def build(fetched: Path, folder: Path, *, topics: int | None) -> None:
    """Write the normalized files of a fetched task into `folder`. Empty passages, which BRIGHT has, are counted."""
    files = {name: str(fetched / name) for name in ("passages.jsonl.gz", "queries.tsv", "qrels.txt", "excluded.tsv")}
    source = Source(
        passages=files["passages.jsonl.gz"],
        queries={"eng": files["queries.tsv"]},
        qrels=files["qrels.txt"],
        drop=frozenset({"empty passage", "duplicate passage", "unknown passage"}),
        excluded=files["excluded.tsv"],
    )
    normalize(source, folder, topics=topics)
