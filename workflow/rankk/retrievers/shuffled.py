"""A first stage in random order, to measure how much a reranker depends on the order of its input."""

import random
from typing import TYPE_CHECKING, Any

from pydantic import Field

from rankk import paths
from rankk.io.runs import ranked
from rankk.io.trec import read_run, write_run
from rankk.retrievers.base import Depth, Inputs, Retriever

if TYPE_CHECKING:
    from rankk.experiment import Experiment
    from rankk.paths import Cell


class Shuffled(Retriever):
    """Another first stage's first passages, shuffled; those behind them are left out."""

    name = "shuffled"

    retriever: str = Field(description="name of the retriever whose run is shuffled")
    depth: Depth = Field(default=20, description="passages that are shuffled and kept")
    seed: int = Field(default=0, description="seed of the shuffles; every query gets an order of its own")

    def members(self) -> list[str]:
        """The shuffled retriever."""
        return [self.retriever]

    def inputs(self, cell: "Cell", experiment: "Experiment") -> dict[str, Any]:
        """The run of the cell."""
        return {"run": paths.run(cell.collection, cell.language, self.retriever)}

    def retrieve(self, inputs: Inputs, output: str, *, threads: int, tag: str, **facts: Any) -> None:
        """Shuffle every query's passages."""
        shuffled = {}
        for qid, hits in read_run(inputs["run"]).items():
            docids = [hit.docid for hit in hits[: self.depth]]
            random.Random(f"{self.seed}.{qid}").shuffle(docids)
            shuffled[qid] = ranked(docids)
        write_run(output, shuffled, tag)
