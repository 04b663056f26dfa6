"""A first stage made elsewhere: a file of results, checked against the collection."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from rankk import paths
from rankk.config.base import FilePath
from rankk.errors import RankkError
from rankk.io.candidates import JSON_NAME, read_any_run
from rankk.io.passages import PassageStore
from rankk.io.trec import read_excluded, read_metadata, read_queries, without, write_run
from rankk.placeholders import fill
from rankk.retrievers.base import Inputs, Retriever

if TYPE_CHECKING:
    from rankk.experiment import Experiment
    from rankk.paths import Cell

log = logging.getLogger("rankk")

SHOWN = 3


class PublishedRun(Retriever):
    """Results in a file: a TREC run, rank_llm's requests (.json, .jsonl), or BRIGHT's score.json."""

    name = "run"

    path: FilePath = Field(description="the file; {collection} and {language} are filled in")

    def file(self, cell: "Cell") -> str:
        """The run's file."""
        return fill(self.path, "path", collection=cell.collection, language=cell.language)

    def inputs(self, cell: "Cell", experiment: "Experiment") -> dict[str, Any]:
        """The run, and what it is checked against."""
        return {
            "run": self.file(cell),
            "passages": paths.passages(experiment.collections[cell.collection].corpus),
            "queries": paths.queries(cell.collection, cell.language),
            "excluded": experiment.excluded(cell.collection, cell.language),
        }

    def check(self, cell: "Cell", experiment: "Experiment") -> None:
        """The file must be there."""
        if not Path(file := self.file(cell)).is_file():
            raise ValueError(f"path: {file}: no such file")

    def retrieve(self, inputs: Inputs, output: str, *, threads: int, tag: str, **facts: Any) -> None:
        """Keep the collection's queries, in their order, without excluded passages; and the run's ir_metadata.

        RankkError where the run ranks passages that the corpus does not hold, or none of the queries.
        """
        source, queries = inputs["run"], inputs["queries"]
        run, topics = read_any_run(source), read_queries(queries)
        kept = {qid: run[qid] for qid in topics if qid in run}
        if not kept:
            raise RankkError(f"{source}: holds none of the {len(topics)} queries of {queries}")
        log.info("%d queries, %d of other topics left out", len(kept), len(run) - len(kept))
        for qid in topics.keys() - kept.keys():
            log.warning("query %s: not in %s", qid, source)
        with PassageStore(inputs["passages"]) as passages:
            unknown = {hit.docid: qid for qid, hits in kept.items() for hit in hits if hit.docid not in passages}
        if unknown:
            shown = ", ".join(f"{docid} (query {qid})" for docid, qid in list(unknown.items())[:SHOWN])
            raise RankkError(f"{source}: {len(unknown)} passages are not in the corpus, e.g. {shown}")
        metadata = {} if JSON_NAME.search(str(source)) else read_metadata(source)
        write_run(output, without(kept, read_excluded(inputs["excluded"])), tag, metadata)
