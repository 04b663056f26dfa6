"""Tasks of BRIGHT (Su et al. 2024), with the passages that BRIGHT excludes for a query."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from rankk.corpora.base import Inputs, PassageSource, TopicSource
from rankk.corpora.build import Topics
from rankk.errors import RankkError
from rankk.fetching.base import Download
from rankk.io.files import atomic_write, read_jsonl

REPOSITORY = "xlangai/BRIGHT"
NOTHING = {"", "N/A"}
"""Entries of `excluded_ids` that mean that no passage is excluded."""
GRADE = 1
FILE = "records.jsonl.gz"


class BrightDownload(Download):
    """One task in one configuration of BRIGHT's data set: `documents`, `examples`, or a set of rewritten queries."""

    name = "bright"

    task: str = Field(description="a split of the data set, e.g. biology")
    part: str = Field(description="a configuration of the data set, e.g. documents")
    revision: str | None = Field(default=None, description="commit of the repository on its hub")
    repository: str = Field(default=REPOSITORY, description="owner/name on the hub, or a folder")

    @property
    def target(self) -> str:
        """Task, part and revision."""
        return f"bright/{self.task}.{self.part}@{self.revision or 'main'}"

    def fetch(self, folder: Path) -> None:
        """Write the records as JSON lines. RankkError if the repository cannot be read."""
        from datasets import load_dataset

        folder.mkdir()
        try:
            records = load_dataset(self.repository, self.part, split=self.task, revision=self.revision)
            with atomic_write(folder / FILE) as file:
                file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        except (OSError, ValueError) as error:
            raise RankkError(
                f"BRIGHT, task {self.task}, {self.part}: {self.repository} cannot be read: "
                f"{' '.join(str(error).split())[:300]}. Fetch it where there is a network (snakemake downloads); "
                "HF_HOME names the folder that holds what was fetched"
            ) from None


def trec_id(docid: str) -> str:
    """A passage id with underscores in place of blanks, since TREC files cannot hold ids with blanks.

    The ids of StackOverflow's passages are file names with blanks. Anserini's indexes use underscores too.
    """
    return "_".join(docid.split())


class BrightPassages(PassageSource):
    """Passages of a task. BRIGHT holds empty and repeated passages; both are dropped and counted."""

    name = "bright"
    fixed_language = "eng"
    known_faults = frozenset({"empty passage", "duplicate passage"})

    task: str = Field(description="e.g. biology, theoremqa_theorems")
    revision: str | None = Field(default=None, description="commit of the repository on its hub")
    repository: str = Field(default=REPOSITORY, description="owner/name on the hub, or a folder")

    def downloads(self) -> Sequence[Download]:
        """The task's documents."""
        return [BrightDownload(task=self.task, part="documents", revision=self.revision, repository=self.repository)]

    def records(self, inputs: Inputs) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields the documents, with ids that TREC files can hold."""
        source = Path(inputs["downloads"][0], FILE)
        for number, record in read_jsonl(source):
            yield f"{source}:{number}", {"id": trec_id(record["id"]), "contents": record["content"]}


class BrightTopics(TopicSource):
    """Queries, judgments and excluded passages of a task. Left out: passages that BRIGHT excludes for a query."""

    name = "bright"
    known_faults = frozenset({"unknown passage"})

    task: str = Field(description="e.g. biology, theoremqa_theorems")
    queries: str = Field(default="examples", description="examples: the original queries; or a rewritten set's name")
    revision: str | None = Field(default=None, description="commit of the repository on its hub")
    repository: str = Field(default=REPOSITORY, description="owner/name on the hub, or a folder")

    @property
    def languages(self) -> list[str]:
        """English."""
        return ["eng"]

    def downloads(self) -> Sequence[Download]:
        """The task's examples."""
        return [BrightDownload(task=self.task, part=self.queries, revision=self.revision, repository=self.repository)]

    def topics(self, inputs: Inputs) -> Topics:
        """Queries, judgments and excluded passages of the task. Gold passages have grade 1."""
        source = Path(inputs["downloads"][0], FILE)
        queries, qrels, excluded = {}, {}, {}
        for _, record in read_jsonl(source):
            qid = str(record["id"])
            queries[qid] = record["query"]
            qrels[qid] = {trec_id(docid): GRADE for docid in record["gold_ids"]}
            excluded[qid] = {trec_id(docid) for docid in record["excluded_ids"] if docid not in NOTHING}
        return Topics(queries={"eng": queries}, qrels=qrels, where=str(source), excluded=excluded)
