"""Several first stages fused into one."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from rankk import paths
from rankk.component import ByName
from rankk.fusion.base import FUSIONS, Fusion
from rankk.io.trec import read_queries, read_run, write_run
from rankk.retrievers.base import Depth, Inputs, Retriever

if TYPE_CHECKING:
    from rankk.experiment import Experiment
    from rankk.paths import Cell


class FusedRuns(Retriever):
    """The runs of other first stages, merged by a fusion."""

    name = "fusion"

    retrievers: list[str] = Field(min_length=2, description="names of the retrievers that are fused")
    method: Annotated[Fusion, ByName(FUSIONS)] = Field(
        default="rrf", validate_default=True, description="how they are merged"
    )
    depth: Depth = Field(default=1000, description="passages kept per query")

    def members(self) -> list[str]:
        """The fused retrievers."""
        return self.retrievers

    def inputs(self, cell: "Cell", experiment: "Experiment") -> dict[str, Any]:
        """Their runs, and the queries."""
        runs = [paths.run(cell.collection, cell.language, member) for member in self.retrievers]
        return {"runs": runs, "queries": paths.queries(cell.collection, cell.language)}

    def retrieve(self, inputs: Inputs, output: str, *, threads: int, tag: str, **facts: Any) -> None:
        """Fuse the runs; the queries of any of them are kept, in the order of the topic list."""
        runs = [read_run(path) for path in inputs["runs"]]
        topics = [qid for qid in read_queries(inputs["queries"]) if any(qid in run for run in runs)]
        fused = {qid: self.method.fuse([run.get(qid, []) for run in runs])[: self.depth] for qid in topics}
        write_run(output, fused, tag)
