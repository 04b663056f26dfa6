"""Passages of another first stage, reordered by the similarity of a bi-encoder (Reimers & Gurevych 2019)."""

import logging
from typing import TYPE_CHECKING, Any

from pydantic import Field, PositiveInt

from rankk import paths
from rankk.io.passages import open_passages
from rankk.io.runs import Hit
from rankk.io.trec import read_queries, read_run, write_run
from rankk.retrievers.base import Depth, Inputs, Retriever
from rankk.retrievers.encoders import DenseEncoder

if TYPE_CHECKING:
    from rankk.experiment import Experiment
    from rankk.paths import Cell

log = logging.getLogger("rankk")


class Rescored(DenseEncoder, Retriever):
    """The first passages of another first stage by cosine similarity to the query; those behind them are left out."""

    name = "rescored"

    retriever: str = Field(description="name of the retriever whose passages are rescored")
    depth: Depth = Field(default=100, description="passages that are encoded and kept")
    max_seq_length: PositiveInt = Field(default=256, description="tokens; longer texts are cut")

    def members(self) -> list[str]:
        """The rescored retriever."""
        return [self.retriever]

    def inputs(self, cell: "Cell", experiment: "Experiment") -> dict[str, Any]:
        """The run, its texts, and the encoder."""
        return {
            "run": paths.run(cell.collection, cell.language, self.retriever),
            "queries": paths.queries(cell.collection, cell.language),
            "passages": paths.passages(experiment.collections[cell.collection].corpus),
            "model": experiment.model_folder(self.model, self.revision),
        }

    def retrieve(self, inputs: Inputs, output: str, *, threads: int, tag: str, **facts: Any) -> None:
        """Encode queries and passages, and sort. RankkError where there is no such encoder."""
        embed = self.loaded(inputs)
        first = {qid: [hit.docid for hit in hits[: self.depth]] for qid, hits in read_run(inputs["run"]).items()}
        topics = read_queries(inputs["queries"])
        docids = sorted({docid for candidates in first.values() for docid in candidates})
        with open_passages(inputs["passages"], docids) as passages:
            embedded = embed("passage", [passages[docid] for docid in docids])
        queries = embed("query", [topics[qid] for qid in first])
        rows = {docid: row for row, docid in enumerate(docids)}
        rescored: dict[str, list[Hit]] = {}
        for (qid, candidates), query in zip(first.items(), queries, strict=True):
            scores = embedded[[rows[docid] for docid in candidates]] @ query
            hits = [Hit(docid, float(score)) for docid, score in zip(candidates, scores, strict=True)]
            rescored[qid] = sorted(hits, key=lambda hit: -hit.score)
        write_run(output, rescored, tag)
        log.info("%d queries and %d passages encoded by %s", len(first), len(docids), self.model)
